"""SQLite."""

import json
from collections.abc import Iterable, Sequence

from django.db.models import BigIntegerField
from django.db.models.expressions import RawSQL

from briefings.search.backends.base import Posting, PostingRow, SearchBackend, list_places


class SQLiteSearch(SearchBackend):
    def prepare(self) -> None:
        pass

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
