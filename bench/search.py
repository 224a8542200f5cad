"""A page of search results by the index against LIKE over the same folded text."""

from collections.abc import Iterator

from django.db import connection

from bench.__main__ import compare
from bench.rows import make_archive
from briefings.finding import search_entries
from briefings.models import Audience, Entry
from briefings.search.fold import fold
from briefings.search.query import Query, parse_query

ENTRIES = 3000
PHRASES = ("新質生產力", "北部都會區", "人工智能", "產業", "5G", "专精特新", "供應鏈的安全")
HITS = 20


def run() -> Iterator[dict[str, object]]:
    make_archive(ENTRIES)
    visible = Entry.objects.visible_to(Audience.PUBLIC).newest_first()
    for phrase in PHRASES:
        query = parse_query(phrase)
        pattern = fold(phrase)

        def by_index(query: Query = query) -> None:
            found = search_entries(query, visible)
            found.count()
            list(found[:HITS])

        def by_like(pattern: str = pattern) -> None:
            found = visible.filter(pk__in=select_by_like(pattern))
            found.count()
            list(found[:HITS])

        yield {
            "database": connection.vendor,
            "entries": ENTRIES,
            "phrase": phrase,
            "hits": search_entries(query, visible).count(),
            "LIKE / ours": round(compare(by_index, by_like), 1),
        }


def select_by_like(pattern: str) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM bench_folded WHERE text LIKE %s", [f"%{pattern}%"])
        return [row[0] for row in cursor.fetchall()]
