"""Rows of published entries for pages that show many of them.

Past the ORM, which takes ten times as long to write this query as the query takes.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from briefings.models import State
from briefings.search.backends.base import write_placeholders


def read_published(entry_ids: Sequence[int], *columns: str) -> dict[int, tuple[Any, ...]]:
    """By id, of those that are published in a published edition. One query, if any are asked for.

    Columns are of `entry` and `text`, its indexed text. They and the state are of one moment: what
    an editor writes into an entry that was just withdrawn is in no row.
    """
    if not entry_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT entry.id, {', '.join(columns)} FROM briefings_entry AS entry"  # noqa: S608
            " JOIN briefings_edition AS edition ON edition.id = entry.edition_id"
            " LEFT JOIN briefings_indexedtext AS text ON text.entry_id = entry.id"
            " WHERE entry.state = %s AND edition.state = %s"
            f" AND entry.id IN ({write_placeholders(entry_ids)})",
            [State.PUBLISHED, State.PUBLISHED, *entry_ids],
        )
        return {pk: tuple(rest) for pk, *rest in cursor.fetchall()}
