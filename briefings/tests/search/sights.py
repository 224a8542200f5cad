"""What tests of the search see, and ask, as no page does."""

import numpy as np
from django.db.models import QuerySet

from briefings.catalogue import open_archive
from briefings.finding import find
from briefings.search.index import Index
from briefings.search.matching import Sight
from briefings.search.query import Query


def see_all(index: Index) -> Sight:
    """Of whoever may see every entry, by id."""
    held = index.blocks.entry_ids
    return Sight.of(np.unique(held[held > 0]), index.blocks)


def search_entries(query: Query, entries: QuerySet) -> QuerySet:
    """Those of `entries` that answer the query, drafts too, the best first."""
    return find(query, open_archive(None)).select(entries)
