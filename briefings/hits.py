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
    """In this order, without those that were withdrawn since the archive was opened. One query."""
    rows = read_published(
        entry_ids, "entry.slug", "edition.id", "text.headline", "text.lead", "text.body"
    )
    edition_of = archive.catalogue.edition_of
    return [
        Hit(
            pk,
            slug,
            edition_of[edition_id],
            render_fragments(highlight(headline, query)),
            render_fragments(make_snippet(f"{lead}\n{body}", query)),
        )
        for pk in entry_ids
        for slug, edition_id, headline, lead, body in ([rows[pk]] if pk in rows else [])
        if edition_id in edition_of
    ]
