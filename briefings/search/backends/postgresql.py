"""PostgreSQL, past Django where bytes go to and fro."""

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from django.db.models import BigIntegerField
from django.db.models.expressions import RawSQL

from briefings.search.backends.base import PostingRow, SearchBackend
from briefings.search.pages import StoredRow


class PostgreSQLSearch(SearchBackend):
    def prepare(self) -> None:
        # Numbers hardly become smaller by compression, and reading them slower.
        self._run(
            "ALTER TABLE briefings_segmentposting ALTER COLUMN positions SET STORAGE EXTERNAL"
        )

    def write_postings(self, segment_id: int, rows: Sequence[StoredRow]) -> None:
        self.connection.ensure_connection()
        with (
            self.connection.wrap_database_errors,
            self.connection.connection.cursor() as cursor,
            cursor.copy(
                "COPY briefings_segmentposting (segment_id, token, written, positions)"
                " FROM STDIN (FORMAT BINARY)"
            ) as copy,
        ):
            copy.set_types(["int8", "int8", "int8", "bytea"])
            for row in rows:
                copy.write_row((segment_id, *row))

    def read_postings(self, wanted: Sequence[tuple[int, int]]) -> Iterable[PostingRow]:
        segment_ids, tokens = map(list, zip(*wanted, strict=True))
        return self._fetch_binary(
            "SELECT segment_id, token, written, positions"
            " FROM unnest(%s::bigint[], %s::bigint[]) AS wanted (segment_id, token)"
            " JOIN briefings_segmentposting USING (segment_id, token)",
            segment_ids,
            tokens,
        )

    def read_posting_range(
        self, segment_ids: Sequence[int], first: int, last: int
    ) -> Iterable[PostingRow]:
        return self._fetch_binary(
            "SELECT segment_id, token, written, positions FROM briefings_segmentposting"
            " WHERE segment_id = ANY(%s::bigint[]) AND token BETWEEN %s::bigint AND %s::bigint",
            *(list(segment_ids), first, last),
        )

    def select_ids(self, ids: Sequence[int]) -> RawSQL:
        return RawSQL("SELECT unnest(%s::bigint[])", [list(ids)], output_field=BigIntegerField())

    def _fetch_binary(self, sql: str, *params: Any) -> list[PostingRow]:
        """Bytes as they are, where Django's cursor has them written as text."""
        self.connection.ensure_connection()
        with (
            self.connection.wrap_database_errors,
            psycopg.Cursor(self.connection.connection) as cursor,
        ):
            cursor.execute(sql, params, binary=True)
            rows: list[PostingRow] = cursor.fetchall()
            return rows
