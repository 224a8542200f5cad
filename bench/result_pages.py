"""A page of search results, which everybody who is compared must make whole."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from briefings.html import to_text
from briefings.models import Entry
from briefings.search.query import Query
from briefings.search.snippets import highlight, make_snippet, render_fragments

HITS = 20


class Text(NamedTuple):
    """What is shown of an entry: its lead and its body, plain, are one text."""

    entry_id: int
    headline: str
    text: str


class Hit(NamedTuple):
    entry_id: int
    headline: str  # HTML, as the snippet
    snippet: str


class Page(NamedTuple):
    hits: list[Hit]
    total: int
    themes: Mapping[str, int]
    years: Mapping[int, int]


def show_hits(texts: Iterable[Text], query: Query) -> list[Hit]:
    """As `briefings.views.search` shows them."""
    return [
        Hit(
            entry_id,
            render_fragments(highlight(headline, query)),
            render_fragments(make_snippet(text, query)),
        )
        for entry_id, headline, text in texts
    ]


def make_text(entry_id: int, headline: str, lead: str, body: str) -> Text:
    """Of the columns as they are stored: the body is HTML."""
    return Text(entry_id, headline, f"{lead}\n{to_text(body)}")


def read_texts_of(entry_ids: list[int]) -> list[Text]:
    """In the order of the ids. One query."""
    rows = Entry.objects.filter(pk__in=entry_ids).order_by()
    found = {row[0]: row for row in rows.values_list("pk", "headline", "lead", "body")}
    return [make_text(*found[entry_id]) for entry_id in entry_ids]
