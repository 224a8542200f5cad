"""The generated entries in the database under test, published, indexed, and folded for LIKE."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from typing import NamedTuple

from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection, transaction
from tqdm import tqdm

from bench.corpus import AUTHORS, PER_EDITION, THEMES, Draft, load_vocabulary, write_entries
from bench.search_ours import INDEX
from briefings.models import (
    Audience,
    Author,
    Byline,
    Edition,
    Entry,
    Imprint,
    State,
    Theme,
    ThemedEntry,
)
from briefings.search.fold import fold

_BETWEEN_HAN = re.compile(r"(?<=[^\x00-\u2fff])\s+(?=[^\x00-\u2fff])")


class Folded(NamedTuple):
    """An entry as LIKE reads it. The text comes last: of the others no more is read than is asked.

    `place` counts entries from the oldest; `themes` has a bit for each (see `corpus.THEMES`).
    """

    id: int
    place: int
    year: int
    quarter: int  # 20054 is the last of 2005
    themes: int
    headline: str
    text: str


def load_archive(count: int) -> int:
    """In place of whatever entries there were, so many. Returns the bytes of their text."""
    _empty_tables()
    themes = [Theme(name=name, slug=f"bench-{place}") for place, name in enumerate(THEMES)]
    Theme.objects.bulk_create(themes)
    authors = Author.objects.bulk_create([Author(name=name) for name in AUTHORS])
    size = place = 0
    with tqdm(total=count, unit="篇", desc="寫入", disable=None) as progress:
        for drafts in write_entries(count, load_vocabulary()):
            with transaction.atomic():
                entries = _store(drafts, place, themes, authors)
                size += _store_folded(drafts, entries, place)
            place += len(drafts)
            progress.update(len(drafts))
    call_command("rebuild_search_index", verbosity=0, stdout=Nowhere())
    _tidy()
    return size


def read_texts(step: int = 1) -> Iterator[tuple[int, tuple[str, str, str]]]:
    """Of each entry, or each so many: id, and the plain text of its fields. One query."""
    entries = Entry.objects.visible_to(Audience.PUBLIC).order_by("pk")
    for place, entry in enumerate(entries.iterator(chunk_size=500)):
        if place % step == 0:
            yield entry.pk, entry.indexed_text


class Nowhere:
    def write(self, text: str) -> int:
        return len(text)


def _empty_tables() -> None:
    models = (Byline, Author, ThemedEntry, Theme, Entry, Edition, *INDEX)
    tables = [model._meta.db_table for model in models]
    sql = connection.ops.sql_flush(no_style(), tables, reset_sequences=True, allow_cascade=True)
    connection.ops.execute_sql_flush(sql)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_folded")
        cursor.execute(
            "CREATE TABLE bench_folded (id bigint PRIMARY KEY, place integer, year smallint,"
            " quarter integer, themes integer, headline text, text text)"
        )
        if connection.vendor == "postgresql":
            cursor.execute("ALTER TABLE bench_folded SET (parallel_workers = 2)")
            cursor.execute("ALTER TABLE bench_folded ALTER text SET COMPRESSION lz4")


def _store(
    drafts: list[Draft], start: int, themes: list[Theme], authors: list[Author]
) -> list[Entry]:
    editions = _store_editions([draft.day for draft in drafts[::PER_EDITION]], start // PER_EDITION)
    entries = Entry.objects.bulk_create(
        Entry(
            slug=f"bench-{start + i}",
            headline=draft.headline,
            lead=draft.lead,
            body=draft.body,
            edition=editions[i // PER_EDITION],
            position=i % PER_EDITION,
            state=State.PUBLISHED,
        )
        for i, draft in enumerate(drafts)
    )
    both = list(zip(entries, drafts, strict=True))
    ThemedEntry.objects.bulk_create(
        ThemedEntry(content_object=entry, tag=themes[theme])
        for entry, draft in both
        for theme in draft.themes
    )
    Byline.objects.bulk_create(
        Byline(entry=entry, author=authors[author], position=position)
        for entry, draft in both
        for position, author in enumerate(draft.authors)
    )
    return entries


def _store_editions(days: Iterable[date], start: int) -> list[Edition]:
    """Published, for everybody."""
    imprint = Imprint.default()
    return Edition.objects.bulk_create(
        Edition(
            number=number,
            date=day,
            slug=f"bench-{number}",
            imprint=imprint,
            state=State.PUBLISHED,
            audience=Audience.PUBLIC,
            published_at=datetime.combine(day, time(9), UTC),
        )
        for number, day in enumerate(days, start + 1)
    )


def _store_folded(drafts: list[Draft], entries: list[Entry], start: int) -> int:
    """Returns the bytes of the texts as they were before."""
    rows, size = [], 0
    for place, (draft, entry) in enumerate(zip(drafts, entries, strict=True), start):
        texts = entry.indexed_text
        size += sum(len(text.encode()) for text in texts)
        headline, *others = (_BETWEEN_HAN.sub("", fold(text)) for text in texts)
        rows.append(
            Folded(
                id=entry.pk,
                place=place,
                year=draft.day.year,
                quarter=draft.day.year * 10 + (draft.day.month + 2) // 3,
                themes=sum(1 << theme for theme in draft.themes),
                headline=headline,
                text="\n".join([headline, *others]),
            )
        )
    with connection.cursor() as cursor:
        places = ", ".join(["%s"] * len(Folded._fields))
        cursor.executemany(f"INSERT INTO bench_folded VALUES ({places})", rows)  # noqa: S608
    return size


def _tidy() -> None:
    """What a server does of itself before long."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


def measure_tables(prefix: str) -> int:
    """Bytes, with the indexes, of the table so called and those whose names go on with `_`."""
    pattern = [prefix, prefix.replace("_", r"\_") + r"\_%"]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT sum(pg_total_relation_size(oid)) FROM pg_class"
                " WHERE relkind = 'r' AND (relname = %s OR relname LIKE %s)",
                pattern,
            )
        else:
            cursor.execute(
                # By pages, of which `pageno` is the number: beyond 4 GB `pgsize` begins anew.
                "SELECT sum(pageno) * page_size FROM dbstat, pragma_page_size"
                " WHERE aggregate = 1 AND name IN (SELECT name"
                " FROM sqlite_schema WHERE tbl_name = %s OR tbl_name LIKE %s ESCAPE '\\')",
                pattern,
            )
        return int(cursor.fetchone()[0])
