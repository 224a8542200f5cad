"""What a page of answers shows of each entry: where it is, and its text where it answers."""

from collections.abc import Sequence
from typing import NamedTuple

from django.utils.safestring import SafeString

from briefings.catalogue import Archive
from briefings.models import Edition
from briefings.published_rows import read_published
from briefings.search.query import Query
from briefings.search.snippets import highlight, make_snippet, render_fragments


class Hit(NamedTuple):
    entry_id: int
    slug: str
    edition: Edition  # as a catalogue has it
    headline: SafeString
    snippet: SafeString


def show_hits(entry_ids: Sequence[int], archive: Archive, query: Query) -> list[Hit]:
    """In this order, without those that were withdrawn since the archive was opened. One query.

    Of an entry that is in no index, which a search by themes alone finds, its own row tells.
    """
    rows = read_published(
        entry_ids,
        archive,
        "entry.slug",
        "COALESCE(text.headline, entry.headline)",
        "COALESCE(text.lead, entry.lead)",
        "COALESCE(text.body, '')",
    )
    return [
        Hit(
            row.entry_id,
            slug,
            row.edition,
            render_fragments(highlight(headline, query)),
            render_fragments(make_snippet(f"{lead}\n{body}", query)),
        )
        for row in rows
        for slug, headline, lead, body in [row.values]
    ]
