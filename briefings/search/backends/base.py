"""What the databases do differently for the search index."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import RawSQL

from briefings.search.pages import StoredRow

PostingRow = tuple[int, int, int, bytes]  # segment, token, written, positions


class SearchBackend(ABC):
    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    @abstractmethod
    def prepare(self) -> None:
        """What the tables need beyond what models say. Running twice is like running once."""

    @abstractmethod
    def write_postings(self, segment_id: int, rows: Sequence[StoredRow]) -> None: ...

    @abstractmethod
    def read_postings(self, wanted: Sequence[tuple[int, int]]) -> Iterable[PostingRow]:
        """Of segments, each with a token."""

    @abstractmethod
    def read_posting_range(
        self, segment_ids: Sequence[int], first: int, last: int
    ) -> Iterable[PostingRow]:
        """Of all tokens from first to last, both included."""

    @abstractmethod
    def select_ids(self, ids: Sequence[int]) -> RawSQL:
        """A subquery of these, however many."""

    def _run(self, sql: str, *params: Any) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, params or None)

    def _fetch(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, params)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows


def write_placeholders(values: Sequence[object]) -> str:
    """For as many parameters."""
    return ", ".join(["%s"] * len(values))
