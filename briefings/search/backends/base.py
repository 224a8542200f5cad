"""What the databases do differently for the search index."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import RawSQL

Posting = tuple[int, int, bytes]  # token, written, positions
PostingRow = tuple[int, int, int, bytes]  # segment, token, written, positions


class Watched(NamedTuple):
    """A table, and the columns of it whose change makes what readers keep in memory old."""

    table: str
    columns: tuple[str, ...]


class SearchBackend(ABC):
    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    @abstractmethod
    def prepare(self) -> None:
        """What the tables need beyond what models say. Running twice is like running once."""

    @abstractmethod
    def watch(self, tables: Iterable[Watched]) -> None:
        """Have the database itself mark changes of the lists, whoever makes them.

        Running twice is like running once. Columns that are left out may change unmarked.
        """

    @abstractmethod
    def unwatch(self) -> None: ...

    @abstractmethod
    def list_watches(self) -> set[str]:
        """The names of the tables that are watched."""

    @abstractmethod
    def mark_change(self, kind: str) -> None: ...

    @abstractmethod
    def write_postings(self, segment_id: int, postings: Sequence[Posting]) -> None: ...

    @abstractmethod
    def read_postings(
        self, segment_ids: Sequence[int], tokens: Sequence[int]
    ) -> Iterable[PostingRow]: ...

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


def list_places(values: Sequence[int]) -> str:
    """For as many parameters."""
    return ", ".join(["%s"] * len(values))
