"""From a query to the entries that answer it: its words by the index, its filters by the rows."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from django.db.models import Q

from briefings.models import (
    Author,
    Entry,
    EntryQuerySet,
    Theme,
    ThemedEntry,
    ThemeQuerySet,
    fold_name,
)
from briefings.search.fold import fold
from briefings.search.index import search_entries
from briefings.search.query import Facet, Filter, Query, Term, quote
from briefings.search.tokens import is_han, tokenize

MOST_THEMES = 3  # offered to who found nothing
LEAST_CHARACTERS = 2  # of a part that is offered for the whole


class Names(NamedTuple):
    """What filters can name: themes and authors by their keys, with each of their names."""

    themes: tuple[tuple[int, str], ...]
    authors: tuple[tuple[int, str], ...]

    def find(self, given: Filter) -> list[int]:
        """Those called so, or else those whose name has it."""
        known = self.themes if given.facet == Facet.THEME else self.authors
        rows = [(key, fold_name(name)) for key, name in known]
        wanted = fold_name(given.text)
        called = [key for key, name in rows if name == wanted]
        return called or [key for key, name in rows if wanted and wanted in name]


def list_names(entries: EntryQuerySet, themes: ThemeQuerySet) -> Names:
    """Of `themes`, and of those who wrote `entries`. Two queries."""
    known = themes.model.objects.filter(pk__in=themes.order_by().values("pk"))
    of_themes = known.values_list("pk", "name", "slug", "aliases__name")
    authors = Author.objects.filter(entries__in=entries.order_by()).distinct()
    return Names(
        tuple((key, name) for key, *names in of_themes for name in names if name),
        tuple(authors.values_list("pk", "name")),
    )


def find_entries(query: Query, entries: EntryQuerySet, names: Names) -> EntryQuerySet:
    """Those of `entries` that answer the query, the best first; without words in their order."""
    if not query:
        return entries.none()
    condition = Q()
    for given in query.filters:
        chosen = _select(given, names)
        condition &= ~chosen if given.is_excluded else chosen
    narrowed = entries.filter(condition)
    if not query.terms:
        return narrowed
    themed = ThemedEntry.objects.filter(tag__in=find_named_themes(query, names))
    return search_entries(query, narrowed, themed.values("content_object"))


def narrow(
    entries: EntryQuerySet,
    *,
    theme: Theme | None = None,
    year: int | None = None,
    author: str | None = None,
) -> EntryQuerySet:
    """To what was chosen beside the words."""
    if theme:
        entries = entries.filter(themed_entries__tag=theme)
    if year:
        entries = entries.filter(edition__date__year=year)
    if author:
        written = Entry.objects.filter(bylines__author__name=author).order_by()
        entries = entries.filter(pk__in=written.values("pk"))
    return entries


def list_unknown(query: Query, names: Names) -> list[Filter]:
    """The filters that name nobody and nothing, for the reader to be told."""
    return [
        given
        for given in query.filters
        if (given.years is None if given.facet == Facet.YEAR else not names.find(given))
    ]


def find_named_themes(query: Query, names: Names) -> list[int]:
    """Themes in a name of which all that was asked for stands."""
    return [
        key
        for key, name in names.themes
        if all(any(any(p.find_in(fold(name))) for p in term.phrases) for term in query.terms)
    ]


def _select(given: Filter, names: Names) -> Q:
    # By key: a join would give an entry once for each of its themes.
    if given.facet == Facet.THEME:
        themed = ThemedEntry.objects.filter(tag__in=names.find(given))
        return Q(pk__in=themed.values("content_object"))
    if given.facet == Facet.AUTHOR:
        written = Entry.objects.filter(bylines__author__in=names.find(given))
        return Q(pk__in=written.order_by().values("pk"))
    if given.years is None:
        return Q(pk__in=[])
    return Q(edition__date__year__range=given.years)


class Suggestion(NamedTuple):
    text: str  # to search for
    answers: int  # entries


def suggest(query: Query, count: Callable[[str], int]) -> list[Suggestion]:
    """What would find something in place of a query that found nothing; never more than five.

    `count` tells how many entries a text finds; it is asked some twenty times at most.
    """
    wider = list(dict.fromkeys(_list_wider(query)))[:3]
    if len(query.terms) == 1:
        wider += _list_parts(query.terms[0], count)
    found = (Suggestion(text, count(text)) for text in dict.fromkeys(wider))
    return [suggestion for suggestion in found if suggestion.answers]


def _list_wider(query: Query) -> Iterable[str]:
    if query.filters or query.excluded:
        yield Query(terms=query.terms).typed_text
    if len(query.terms) > 1:
        for term in query.terms:
            yield Query(terms=tuple(t for t in query.terms if t is not term)).typed_text


def _list_parts(term: Term, count: Callable[[str], int]) -> list[str]:
    """The longest beginning and the longest end that stand somewhere.

    What holds a text holds each of its beginnings: so the longest is found by halving.
    """
    text = "".join(term.text.split())
    if not is_han(fold(text)) or len(text) <= LEAST_CHARACTERS:
        return []
    beginning = _find_longest(len(text), lambda n: count(quote(text[:n])))
    end = _find_longest(len(text), lambda n: count(quote(text[-n:])))
    parts = (text[:beginning], text[len(text) - end :])
    return [part for part in parts if len(part) >= LEAST_CHARACTERS]


def _find_longest(length: int, count: Callable[[int], int]) -> int:
    """The greatest number of characters, below all of them, that something has; 0 if none."""
    found, missing = 0, length
    while missing - found > 1:
        middle = (found + missing) // 2
        found, missing = (middle, missing) if count(middle) else (found, middle)
    return found


def list_near_themes(query: Query, names: Names) -> list[int]:
    """Keys of the themes whose names have the most in common with what was typed."""
    typed = {token for term in query.terms for token in tokenize(term.text) if len(token) > 1}
    shared: dict[int, int] = {}
    for key, name in names.themes:
        shared[key] = max(shared.get(key, 0), len(typed.intersection(tokenize(name))))
    nearest = sorted(filter(shared.get, shared), key=lambda key: (-shared[key], key))
    return nearest[:MOST_THEMES]
