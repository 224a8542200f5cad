"""Those that our search is compared with. Each makes the whole page, as `bench.pages` has it."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import tantivy
from django.core.management import call_command
from django.db import connection

from bench.archive import Nowhere, measure_tables
from bench.corpus import THEMES
from bench.models import WagtailEntry
from bench.result_pages import HITS, Page, Text, make_text, read_texts_of, show_hits
from briefings.html import to_text
from briefings.models import Entry
from briefings.search.fold import fold
from briefings.search.query import Phrase, Query, parse_query
from briefings.search.tokens import is_han, tokenize, tokenize_run

Rows = list[tuple[Any, ...]]


def fetch(sql: str, *params: Any) -> Rows:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: Rows = cursor.fetchall()
        return rows


@contextmanager
def reading_together() -> Iterator[None]:
    """PostgreSQL reads the table with all processors, though the plan makes little of it.

    What is stored outside a row, as long texts are, has no part in what a plan is said to cost.
    """
    if connection.vendor != "postgresql":
        yield
        return
    settings = ("parallel_setup_cost", "parallel_tuple_cost")
    for setting in settings:
        run(f"SET {setting} = 0")
    try:
        yield
    finally:
        for setting in settings:
            run(f"RESET {setting}")


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


class Rival(ABC):
    name: ClassVar[str]

    @abstractmethod
    def ask(self, typed: str) -> Page: ...

    def measure_index(self) -> int | None:
        """Bytes, if it has one."""
        return None


# ------------------------------------------------------------------------------------------- LIKE


class Like(Rival):
    """Folded text read from end to end, once; the database counts and sorts what it found."""

    name = "LIKE"

    def ask(self, typed: str) -> Page:
        query = parse_query(typed)
        patterns = [make_pattern(term.text) for term in query.terms]
        # The text is the last column, and no other of them is wanted of what isn't found.
        condition = " AND ".join(["text LIKE %s"] * len(patterns))
        in_headline = " AND ".join(["headline LIKE %s"] * len(patterns))
        with reading_together():
            rows = fetch(
                "WITH found AS MATERIALIZED (SELECT id, place, year, themes,"  # noqa: S608
                f" CASE WHEN {in_headline} THEN 0 ELSE 1 END AS tier"
                f" FROM bench_folded WHERE {condition})"
                " SELECT * FROM (SELECT id, 0 AS themes, 0 AS entries FROM found"
                f" ORDER BY tier, place DESC LIMIT {HITS}) AS best"
                " UNION ALL SELECT year, themes, count(*) FROM found GROUP BY year, themes",
                *patterns,
                *patterns,
            )
        hits = [entry_id for entry_id, _, entries in rows if entries == 0]
        years: Counter[int] = Counter()
        themes: Counter[str] = Counter()
        for year, bits, entries in rows[len(hits) :]:
            years[year] += entries
            for place, name in enumerate(THEMES):
                if bits >> place & 1:
                    themes[name] += entries
        return Page(show_hits(read_texts_of(hits), query), years.total(), themes, years)

    def count_by_quarter(self, phrase: str) -> dict[int, tuple[int, int]]:
        """For each quarter the entries that have the phrase, and how often they have it."""
        folded = fold(phrase)
        with reading_together():
            rows = fetch(
                "SELECT quarter, count(*), sum((length(text) - length(replace(text, %s, '')))"
                " / length(%s)) FROM bench_folded WHERE text LIKE %s GROUP BY quarter",
                folded,
                folded,
                make_pattern(phrase),
            )
        return {quarter: (entries, int(occurrences)) for quarter, entries, occurrences in rows}


def make_pattern(text: str) -> str:
    """For LIKE, whose own signs no query of ours has."""
    return f"%{fold(text)}%"


# ---------------------------------------------------------------------------------------- tantivy


class Tantivy(Rival):
    """An index of its own beside the database, of the same tokens; the newest first.

    Its documents stand in that order, and bring the text that is shown with them: no other way of
    asking it was faster.
    """

    name = "tantivy"
    FIELDS = ("headline", "lead", "body")
    FACETS: ClassVar[dict[str, dict[str, Any]]] = {
        "themes": {"terms": {"field": "themes", "size": 100}},
        "years": {"terms": {"field": "year", "size": 100}},
    }

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        builder = tantivy.SchemaBuilder()
        for name in self.FIELDS:
            builder.add_text_field(name, tokenizer_name="whitespace", index_option="position")
        for name in ("shown_headline", "shown_text"):
            builder.add_bytes_field(name, stored=True)
        for name in ("id", "place", "year", "themes"):
            builder.add_integer_field(name, fast=True)
        self.schema = builder.build()
        index = tantivy.Index(
            self.schema, path=str(folder), sort_by_field="place", sort_order=tantivy.Order.Desc
        )
        writer = index.writer(heap_size=500_000_000, num_threads=1)
        for document in self._make_documents():
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        self.searcher = index.searcher()

    def _make_documents(self) -> Iterator[tantivy.Document]:
        numbers = fetch("SELECT id, place, year, themes FROM bench_folded ORDER BY place")
        rows = {entry_id: others for entry_id, *others in numbers}
        for entry in Entry.objects.order_by("pk").iterator(chunk_size=500):
            place, year, themes = rows[entry.pk]
            document = tantivy.Document()
            for name, text in zip(self.FIELDS, entry.indexed_text, strict=True):
                document.add_text(name, " ".join(tokenize(text)))
            shown = make_text(entry.pk, entry.headline, entry.lead, entry.body)
            document.add_bytes("shown_headline", shown.headline.encode())
            document.add_bytes("shown_text", shown.text.encode())
            document.add_integer("id", entry.pk)
            document.add_integer("place", place)
            document.add_integer("year", year)
            for theme in range(len(THEMES)):
                if themes >> theme & 1:
                    document.add_integer("themes", theme)
            yield document

    def ask(self, typed: str) -> Page:
        query = parse_query(typed)
        wanted = self._write_query(query)
        found = self.searcher.search(wanted, HITS, count=True, order_by_field="place")
        addresses = [address for _, address in found.hits]
        facets = self.searcher.aggregate(wanted, self.FACETS)
        themes, years = (
            {int(bucket["key"]): bucket["doc_count"] for bucket in facets[name]["buckets"]}
            for name in self.FACETS
        )
        return Page(
            hits=show_hits(self._read_texts(addresses), query),
            total=found.count,  # type: ignore[attr-defined]  # forgotten in its stub
            themes={THEMES[theme]: entries for theme, entries in themes.items()},
            years=years,
        )

    def _read_texts(self, addresses: list[tantivy.DocAddress]) -> Iterator[Text]:
        ids = self.searcher.fast_field_values("id", addresses)
        for entry_id, address in zip(ids, addresses, strict=True):
            document = self.searcher.doc(address)
            headline, text = (
                bytes(document.get_first(name) or b"").decode()
                for name in ("shown_headline", "shown_text")
            )
            yield Text(int(entry_id or 0), headline, text)

    def measure_index(self) -> int:
        return sum(file.stat().st_size for file in self.folder.iterdir())

    def _write_query(self, query: Query) -> tantivy.Query:
        terms = [
            self._join(
                [self._write_phrase(p, field) for p in term.phrases for field in self.FIELDS],
                tantivy.Occur.Should,
            )
            for term in query.terms
        ]
        return self._join(terms, tantivy.Occur.Must)

    def _join(self, queries: list[tantivy.Query], occur: tantivy.Occur) -> tantivy.Query:
        if len(queries) == 1:
            return queries[0]
        return tantivy.Query.boolean_query([(occur, query) for query in queries])

    def _write_phrase(self, phrase: Phrase, field: str) -> tantivy.Query:
        """Its own phrase_prefix_query() would look no further than 50 tokens of that beginning."""
        *before, last = _list_tokens(phrase)
        is_open = len(phrase.runs[-1]) == 1 and is_han(phrase.runs[-1])
        if is_open and before:
            words: list[str | tuple[int, str]] = [*before, f"{last}.*"]
            return tantivy.Query.regex_phrase_query(self.schema, field, words)
        if is_open:
            return tantivy.Query.regex_query(self.schema, field, f"{last}.*")
        if before:
            return tantivy.Query.phrase_query(self.schema, field, [*before, last])
        return tantivy.Query.term_query(self.schema, field, last)


def _list_tokens(phrase: Phrase) -> list[str]:
    """The tokens side by side, but for the last character of a run where the text may go on."""
    tokens = [token for run in phrase.runs for token in tokenize_run(run)]
    last = phrase.runs[-1]
    return tokens[:-1] if is_han(last) and len(last) > 1 else tokens


# ---------------------------------------------------------------------------------------- Wagtail


class Wagtail(Rival):
    """Its search over the same database, set up as its manual says."""

    name = "modelsearch"

    def __init__(self) -> None:
        call_command("migrate", "modelsearch", verbosity=0)
        _forget_that_there_was_no_table()
        with connection.schema_editor() as editor:
            if WagtailEntry._meta.db_table in connection.introspection.table_names():
                editor.delete_model(WagtailEntry)
            editor.create_model(WagtailEntry)
        rows = fetch("SELECT id, year, themes FROM bench_folded")
        facets = {entry_id: (year, themes) for entry_id, year, themes in rows}
        WagtailEntry.objects.bulk_create(
            WagtailEntry(
                pk=entry.pk,
                title=entry.headline,
                lead=entry.lead,
                body=to_text(entry.body),
                year=facets[entry.pk][0],
                theme=THEMES[facets[entry.pk][1].bit_length() - 1],
            )
            for entry in Entry.objects.order_by("pk")
        )
        call_command("rebuild_modelsearch_index", verbosity=0, stdout=Nowhere())

    def ask(self, typed: str) -> Page:
        from modelsearch.backends import get_search_backend

        query = parse_query(typed)
        found = get_search_backend().search(typed, WagtailEntry)
        ids = [entry.pk for entry in found[:HITS]]
        return Page(
            hits=show_hits(read_texts_of(ids), query),
            total=found.count(),
            themes=found.facet("theme"),
            years=found.facet("year"),
        )

    def measure_index(self) -> int:
        return measure_tables("modelsearch_indexentry")


def _forget_that_there_was_no_table() -> None:
    """It looked for its FTS5 table when Django started, before there was one."""
    from modelsearch.backends import database

    database.USE_SQLITE_FTS = None
