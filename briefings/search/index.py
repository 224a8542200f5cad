"""The search index: kept by whoever saves an entry, asked by whoever looks for one.

It knows entries by id and text, never as models, which import it. It holds all of them, drafts
too, for the desk. What it finds is narrowed to the entries that the caller says may be seen; no
count, facet or page is made of anything else.
"""

from dataclasses import replace
from typing import Any, TypeVar

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Case, QuerySet, When

from briefings.search.backends.base import EntryText, Field, SearchBackend
from briefings.search.backends.postgresql import PostgreSQLSearch
from briefings.search.backends.sqlite import SQLiteSearch
from briefings.search.query import Query

__all__ = ["EntryText", "index_entry", "open_backend", "remove_entry", "search_entries"]

_BACKENDS: dict[str, type[SearchBackend]] = {
    "postgresql": PostgreSQLSearch,
    "sqlite": SQLiteSearch,
}
Entries = TypeVar("Entries", bound=QuerySet[Any])


def open_backend(connection: BaseDatabaseWrapper) -> SearchBackend:
    """Raises KeyError for a database we don't search."""
    return _BACKENDS[connection.vendor](connection)


def index_entry(entry_id: int, text: EntryText) -> None:
    """Have the entry found by this text and no longer by what it held before.

    Part of the caller's transaction, which must also change the entry: two at once are then
    kept in order by the entry's row.
    """
    open_backend(connection).write(entry_id, text)


def remove_entry(entry_id: int) -> None:
    open_backend(connection).remove(entry_id)


def search_entries(query: Query, visible: Entries, themed: QuerySet[Any] | None = None) -> Entries:
    """Those of `visible` that have the query's terms and none that it excludes, the best first.

    First come entries that have all terms in the headline, then those of `themed` (ids: entries
    of the themes that the query names), then those with all terms in headline and lead, then the
    rest; among equals the order of `visible` holds. Without a term nothing is found.
    """
    if not query.terms:
        return visible.none()
    backend = open_backend(connection)
    tiers = [
        When(pk__in=backend.select_matches(query, Field.HEADLINE), then=0),
        When(pk__in=backend.select_matches(query, Field.LEAD), then=2),
    ]
    if themed is not None:
        tiers.insert(1, When(pk__in=themed, then=1))
    found = visible.filter(pk__in=backend.select_matches(query, Field.BODY))
    if query.excluded:
        first, *others = query.excluded
        any_of_them = Query(terms=(replace(first, either=(*first.either, *others)),))
        found = found.exclude(pk__in=backend.select_matches(any_of_them, Field.BODY))
    return found.order_by(Case(*tiers, default=3), *visible.query.order_by)
