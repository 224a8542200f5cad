"""SQLite: one writer at a time, so that changes are marked in a row of their own."""

import json
from collections.abc import Iterable, Sequence

from django.db.models import BigIntegerField
from django.db.models.expressions import RawSQL

from briefings.search.backends.base import Posting, PostingRow, SearchBackend, Watched, list_places

_ONE_OF_A_KIND = {"texts": 1, "lists": 2}


class SQLiteSearch(SearchBackend):
    def prepare(self) -> None:
        pass

    def watch(self, tables: Iterable[Watched]) -> None:
        # Django makes a table anew to change it, and the old one's triggers go with it.
        mark = _write_mark("lists")
        for table, columns in tables:
            changed = " OR ".join(f'OLD."{column}" IS NOT NEW."{column}"' for column in columns)
            for event, condition in (("INSERT", ""), ("DELETE", ""), ("UPDATE", changed)):
                self._run(f'DROP TRIGGER IF EXISTS "{table}_{event.lower()}_marked"')
                self._run(
                    f'CREATE TRIGGER "{table}_{event.lower()}_marked" AFTER {event} ON "{table}"'
                    f" {f'WHEN {condition}' if condition else ''} BEGIN {mark}; END"
                )

    def unwatch(self) -> None:
        rows = self._fetch("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in rows:
            if name.endswith("_marked"):
                self._run(f'DROP TRIGGER "{name}"')

    def list_watches(self) -> set[str]:
        rows = self._fetch(
            "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE %s"
            " GROUP BY tbl_name HAVING count(*) = 3",
            "%_marked",
        )
        return {row[0] for row in rows}

    def mark_change(self, kind: str) -> None:
        self._run(_write_mark(kind))

    def write_postings(self, segment_id: int, postings: Sequence[Posting]) -> None:
        with self.connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO briefings_segmentposting (segment_id, token, written, positions)"
                " VALUES (%s, %s, %s, %s)",
                [(segment_id, *posting) for posting in postings],
            )

    def read_postings(
        self, segment_ids: Sequence[int], tokens: Sequence[int]
    ) -> Iterable[PostingRow]:
        return self._fetch(  # type: ignore[return-value]
            f"{_select(segment_ids)} AND token IN ({list_places(tokens)})", *segment_ids, *tokens
        )

    def read_posting_range(
        self, segment_ids: Sequence[int], first: int, last: int
    ) -> Iterable[PostingRow]:
        return self._fetch(  # type: ignore[return-value]
            f"{_select(segment_ids)} AND token BETWEEN %s AND %s", *segment_ids, first, last
        )

    def select_ids(self, ids: Sequence[int]) -> RawSQL:
        return RawSQL(
            "SELECT value FROM json_each(%s)", [json.dumps(ids)], output_field=BigIntegerField()
        )


def _select(segment_ids: Sequence[int]) -> str:
    return (
        "SELECT segment_id, token, written, positions FROM briefings_segmentposting"  # noqa: S608
        f" WHERE segment_id IN ({list_places(segment_ids)})"
    )


def _write_mark(kind: str) -> str:
    # 52 bits, so that the sum of any number of marks on either database is exact.
    return (
        "INSERT OR REPLACE INTO briefings_indexchange (id, kind, mark)"  # noqa: S608
        f" VALUES ({_ONE_OF_A_KIND[kind]}, '{kind}', random() >> 12)"
    )
