"""PostgreSQL: changes are marked in rows that are added, so that no writer waits for another."""

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from django.db.models import BigIntegerField
from django.db.models.expressions import RawSQL

from briefings.search.backends.base import Posting, PostingRow, SearchBackend, Watched

_SELECT = (
    "SELECT segment_id, token, written, positions FROM briefings_segmentposting"
    " WHERE segment_id = ANY(%s::bigint[])"
)


class PostgreSQLSearch(SearchBackend):
    def prepare(self) -> None:
        # Numbers hardly become smaller by compression, and reading them slower.
        self._run(
            "ALTER TABLE briefings_segmentposting ALTER COLUMN positions SET STORAGE EXTERNAL"
        )

    def watch(self, tables: Iterable[Watched]) -> None:
        self._run(
            "CREATE OR REPLACE FUNCTION briefings_mark_lists() RETURNS trigger LANGUAGE plpgsql"
            f" AS $$ BEGIN {_write_mark('lists')}; RETURN NULL; END $$"
        )
        for table, columns in tables:
            changed = " OR ".join(
                f'OLD."{column}" IS DISTINCT FROM NEW."{column}"' for column in columns
            )
            for event, each in (
                ("INSERT OR DELETE OR TRUNCATE", "FOR EACH STATEMENT"),
                ("UPDATE", f"FOR EACH ROW WHEN ({changed})"),
            ):
                self._run(
                    f'CREATE OR REPLACE TRIGGER "{table}_{event.split()[0].lower()}_marked"'
                    f' AFTER {event} ON "{table}" {each} EXECUTE FUNCTION briefings_mark_lists()'
                )

    def unwatch(self) -> None:
        self._run("DROP FUNCTION IF EXISTS briefings_mark_lists CASCADE")

    def list_watches(self) -> set[str]:
        rows = self._fetch(
            "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE %s"
            " GROUP BY tgrelid HAVING count(*) = 2",
            "%_marked",
        )
        return {row[0] for row in rows}

    def mark_change(self, kind: str) -> None:
        self._run(_write_mark(kind))

    def write_postings(self, segment_id: int, postings: Sequence[Posting]) -> None:
        self.connection.ensure_connection()
        with (
            self.connection.connection.cursor() as cursor,
            cursor.copy(
                "COPY briefings_segmentposting (segment_id, token, written, positions)"
                " FROM STDIN (FORMAT BINARY)"
            ) as copy,
        ):
            copy.set_types(["int8", "int8", "int8", "bytea"])
            for posting in postings:
                copy.write_row((segment_id, *posting))

    def read_postings(
        self, segment_ids: Sequence[int], tokens: Sequence[int]
    ) -> Iterable[PostingRow]:
        return self._fetch_binary(
            f"{_SELECT} AND token = ANY(%s::bigint[])", list(segment_ids), list(tokens)
        )

    def read_posting_range(
        self, segment_ids: Sequence[int], first: int, last: int
    ) -> Iterable[PostingRow]:
        return self._fetch_binary(
            f"{_SELECT} AND token BETWEEN %s::bigint AND %s::bigint", list(segment_ids), first, last
        )

    def select_ids(self, ids: Sequence[int]) -> RawSQL:
        return RawSQL("SELECT unnest(%s::bigint[])", [list(ids)], output_field=BigIntegerField())

    def _fetch_binary(self, sql: str, *params: Any) -> list[PostingRow]:
        """Bytes as they are, where Django's cursor has them written as text."""
        self.connection.ensure_connection()
        with psycopg.Cursor(self.connection.connection) as cursor:
            cursor.execute(sql, params, binary=True)
            rows: list[PostingRow] = cursor.fetchall()
            return rows


def _write_mark(kind: str) -> str:
    # 52 bits, so that a sum of them stays a number that any client reads.
    return (
        "INSERT INTO briefings_indexchange (kind, mark)"  # noqa: S608
        f" VALUES ('{kind}', (random() * 4503599627370495)::bigint)"
    )
