"""Rows of entries that readers may read, for pages that show many of them.

Past the ORM, which takes ten times as long to write this query as the query takes.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection
from django.utils import timezone

from briefings.catalogue import Archive
from briefings.models import Audience, Edition, State
from briefings.search.backends.base import write_placeholders


class PublishedRow(NamedTuple):
    entry_id: int
    edition: Edition  # as the catalogue has it
    values: tuple[Any, ...]


def read_published(entry_ids: Sequence[int], archive: Archive, *columns: str) -> list[PublishedRow]:
    """In this order, without those that the archive's audience may not read any more. One query,
    if any are asked for.

    Columns are of `entry` and, where it is indexed, `text`. They and the state are of one moment:
    what an editor writes into an entry that was just withdrawn is in no row.
    """
    if not entry_ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT entry.id, edition.id, {', '.join(columns)}"  # noqa: S608
            " FROM briefings_entry AS entry"
            " JOIN briefings_edition AS edition ON edition.id = entry.edition_id"
            " LEFT JOIN briefings_indexedtext AS text ON text.entry_id = entry.id"
            f" WHERE entry.id IN ({write_placeholders(entry_ids)})"
            " AND entry.state = %s AND edition.state = %s"
            # As `is_open_to` has it.
            " AND (%s OR edition.audience = %s OR edition.public_from <= %s)",
            [
                *entry_ids,
                State.PUBLISHED,
                State.PUBLISHED,
                archive.audience != Audience.PUBLIC,
                Audience.PUBLIC,
                connection.ops.adapt_datetimefield_value(timezone.now()),
            ],
        )
        rows = {pk: (edition_id, values) for pk, edition_id, *values in cursor.fetchall()}
    edition_of = archive.catalogue.edition_of
    return [
        # One that came since is in the next archive.
        PublishedRow(pk, edition_of[edition_id], tuple(values))
        for pk in entry_ids
        for edition_id, values in ([rows[pk]] if pk in rows else [])
        if edition_id in edition_of
    ]
