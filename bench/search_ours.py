"""Our search, as the bench asks it: all that it knows of the index is here."""

from bench.result_pages import HITS, Hit, Page
from briefings.catalogue import open_archive
from briefings.finding import Answers, find, understand_query
from briefings.hits import show_hits
from briefings.models import Audience, IndexedText, Segment, SegmentPosting
from briefings.search.query import Query

INDEX = (IndexedText, Segment, SegmentPosting)


def ask_ours(typed: str) -> Page:
    """What the search page does, but for the choice of authors."""
    query, found = _find(typed)
    hits = show_hits(found.list_ids(slice(0, HITS)), found.archive, query)
    return Page(
        hits=[Hit(hit.entry_id, hit.headline, hit.snippet) for hit in hits],
        total=len(found),
        themes={theme.name: count for theme, count in found.count_themes()},
        years=dict(found.count_years()),
    )


def list_ours(typed: str) -> set[int]:
    """Ids of all that is found."""
    _, found = _find(typed)
    return set(found.list_ids(slice(0, None)))


def _find(typed: str) -> tuple[Query, Answers]:
    archive = open_archive(Audience.PUBLIC)
    query = understand_query(typed, archive)
    return query, find(query, archive)
