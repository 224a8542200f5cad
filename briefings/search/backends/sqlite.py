"""SQLite."""

import json
from collections.abc import Iterable, Sequence

from django.db.models import BigIntegerField
from django.db.models.expressions import RawSQL

from briefings.search.backends.base import PostingRow, SearchBackend, write_placeholders
from briefings.search.pages import StoredRow


class SQLiteSearch(SearchBackend):
    def prepare(self) -> None:
        pass

    def write_postings(self, segment_id: int, rows: Sequence[StoredRow]) -> None:
        with self.connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO briefings_segmentposting (segment_id, token, written, positions)"
                " VALUES (%s, %s, %s, %s)",
                [(segment_id, *row) for row in rows],
            )

    def read_postings(self, wanted: Sequence[tuple[int, int]]) -> Iterable[PostingRow]:
        # CROSS JOIN has SQLite look each of them up, where (a, b) IN (…) reads the whole table.
        values = ", ".join(["(%s, %s)"] * len(wanted))
        return self._fetch(  # type: ignore[return-value]
            f"WITH wanted (segment, token) AS (VALUES {values})"  # noqa: S608
            " SELECT segment_id, posting.token, written, positions"
            " FROM wanted CROSS JOIN briefings_segmentposting AS posting"
            " ON segment_id = segment AND posting.token = wanted.token",
            *(number for pair in wanted for number in pair),
        )

    def read_posting_range(
        self, segment_ids: Sequence[int], first: int, last: int
    ) -> Iterable[PostingRow]:
        return self._fetch(  # type: ignore[return-value]
            "SELECT segment_id, token, written, positions"  # noqa: S608
            " FROM briefings_segmentposting"
            f" WHERE segment_id IN ({write_placeholders(segment_ids)})"
            " AND token BETWEEN %s AND %s",
            *(*segment_ids, first, last),
        )

    def select_ids(self, ids: Sequence[int]) -> RawSQL:
        return RawSQL(
            "SELECT value FROM json_each(%s)", [json.dumps(ids)], output_field=BigIntegerField()
        )
