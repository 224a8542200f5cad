"""What a page of answers shows of each entry: where it is, and its text where it answers."""

from collections.abc import Sequence
from typing import NamedTuple

from django.db import connection
from django.utils.safestring import SafeString

from briefings.catalogue import Archive
from briefings.models import Edition, State
from briefings.search.backends.base import write_placeholders
from briefings.search.index import EntryText
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
    rows = {row[0]: row for row in _read_rows(entry_ids)}
    edition_of = archive.catalogue.edition_of
    return [
        Hit(
            pk,
            slug,
            edition_of[edition_id],
            render_fragments(highlight(text.headline, query)),
            render_fragments(make_snippet(f"{text.lead}\n{text.body}", query)),
        )
        for pk, slug, edition_id, text in (rows[pk] for pk in entry_ids if pk in rows)
        if edition_id in edition_of
    ]


class _Row(NamedTuple):
    entry_id: int
    slug: str
    edition_id: int
    text: EntryText


def _read_rows(entry_ids: Sequence[int]) -> list[_Row]:
    """Asked at every search, and the ORM takes ten times as long to write it as it takes.

    State and text are of one moment: what an editor writes into an entry that was just withdrawn
    is in no row.
    """
    if not entry_ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT entry.id, entry.slug, edition.id, text.headline, text.lead, text.body"  # noqa: S608
            " FROM briefings_indexedtext AS text"
            " JOIN briefings_entry AS entry ON entry.id = text.entry_id AND entry.state = %s"
            " JOIN briefings_edition AS edition"
            " ON edition.id = entry.edition_id AND edition.state = %s"
            f" WHERE text.entry_id IN ({write_placeholders(entry_ids)})",
            [State.PUBLISHED, State.PUBLISHED, *entry_ids],
        )
        return [
            _Row(pk, slug, edition_id, EntryText(*text))
            for pk, slug, edition_id, *text in cursor.fetchall()
        ]
