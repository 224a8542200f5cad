"""What a database must do to be searched: hold the tokens of entries, and find phrases in them."""

from abc import ABC, abstractmethod
from enum import IntEnum
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import RawSQL

from briefings.search.query import Query


class EntryText(NamedTuple):
    """An entry as it is indexed: plain text. No phrase runs from one field into the next."""

    headline: str
    lead: str
    body: str


class Field(IntEnum):
    """Places in an EntryText, the weightiest first; PostgreSQL's index stores them."""

    HEADLINE = 0
    LEAD = 1
    BODY = 2


class SearchBackend(ABC):
    """The table `briefings_search`, which changes in the caller's transaction.

    It is keyed by the entry's id without a foreign key: Django, knowing no model for it, could
    not empty the table of entries after a test. A row left over does no harm, since a search is
    always within entries that exist and may be seen.
    """

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    @abstractmethod
    def create_table(self) -> None: ...

    def drop_table(self) -> None:
        self._run("DROP TABLE briefings_search")

    @abstractmethod
    def write(self, entry_id: int, text: EntryText) -> None:
        """In place of what was held for this entry, if anything."""

    @abstractmethod
    def remove(self, entry_id: int) -> None:
        """Nothing happens if the entry isn't held."""

    @abstractmethod
    def holds(self, entry_id: int, text: EntryText) -> bool:
        """Whether this very text, no more and no less, finds the entry."""

    @abstractmethod
    def find_entry_ids(self) -> set[int]:
        """Every entry that some search could find."""

    @abstractmethod
    def select_matches(self, query: Query, up_to: Field) -> RawSQL:
        """A subquery of ids of entries with each term in one of the fields, headline to `up_to`.

        Of a term any phrase will do. The query must have a term.
        """

    def _run(self, sql: str, *params: Any) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, params)

    def _fetch(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, params)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows
