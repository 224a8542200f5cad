"""From a query to the entries that answer it: its words by the index, its filters by the columns
of the catalogue.
"""

from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
from django.db import connection
from django.db.models import Case, QuerySet, When
from numpy.typing import NDArray

from briefings.catalogue import Archive
from briefings.models import Theme, fold_name
from briefings.search.fold import fold
from briefings.search.index import open_backend
from briefings.search.matching import Flags, Rows, Tier, list_tokens, match
from briefings.search.query import Facet, Filter, Query, Term, parse_query, quote
from briefings.search.tokens import is_han, split_runs, tokenize

MOST_THEMES = 3  # offered to who found nothing
LEAST_CHARACTERS = 2  # of a part that is offered for the whole
Entries = TypeVar("Entries", bound=QuerySet[Any])
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Chosen:
    """What a reader chose beside the words; nothing, unless told."""

    theme: Theme | None = None
    year: int | None = None
    author: str | None = None

    def __bool__(self) -> bool:
        return bool(self.theme or self.year or self.author)

    @property
    def text_to_type(self) -> str:
        """The same, as filters of a query."""
        chosen = {
            Facet.THEME: self.theme and self.theme.name,
            Facet.YEAR: self.year and str(self.year),
            Facet.AUTHOR: self.author,
        }
        filters = (Filter(facet, text) for facet, text in chosen.items() if text)
        return " ".join(given.text_to_type for given in filters)


class FoundTheme(NamedTuple):
    theme: Theme
    found: int  # entries


@dataclass(frozen=True)
class Answers:
    """The rows of an archive that answer a query, the newest first, and the rank of each.

    First come those that have all terms in the headline, then those of themes that the query
    names, those with all terms in headline and lead, and the rest; of equals those that have the
    terms just as typed, not in another script, and the newer ones.
    """

    archive: Archive
    rows: Rows
    ranks: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.rows)

    def among(self, wanted: Flags) -> "Answers":
        """Those for which `wanted`, one for each, is true."""
        return replace(self, rows=self.rows[wanted], ranks=self.ranks[wanted])

    def narrow(self, chosen: Chosen) -> "Answers":
        catalogue, wanted = self.archive.catalogue, np.ones(len(self), bool)
        if chosen.theme:
            wanted &= catalogue.themes.have(self.rows, [chosen.theme.pk])
        if chosen.year:
            wanted &= catalogue.years.have(self.rows, [chosen.year])
        if chosen.author:
            wanted &= catalogue.authors.have(self.rows, [chosen.author])
        return self.among(wanted) if chosen else self

    def list_among(self, entry_ids: Collection[int]) -> list[int]:
        """Those of the entries that are among the answers, the newest first."""
        catalogue_ids = self.archive.catalogue.entry_ids[self.rows]
        wanted = np.isin(catalogue_ids, np.array(list(entry_ids), np.int64))
        return [int(pk) for pk in catalogue_ids[wanted]]

    def list_ids(self, wanted: slice, sort: str = "") -> list[int]:
        """Of the entries from place to place, the best first; or "newest" or "oldest" first."""
        rows = self._sort(sort, wanted.stop)[wanted]
        return [int(pk) for pk in self.archive.catalogue.entry_ids[rows]]

    def _sort(self, sort: str, enough: int | None) -> Rows:
        if sort == "newest":
            return self.rows
        if sort == "oldest":
            is_answer = np.zeros(len(self.archive.sight), bool)
            is_answer[self.rows] = True
            oldest = self.archive.catalogue.oldest_first
            return oldest[is_answer[oldest]]
        ordered = np.empty(0, np.int64)
        for rank in np.flatnonzero(np.bincount(self.ranks)):
            if enough is not None and len(ordered) >= enough:
                break
            ordered = np.concatenate((ordered, self.rows[self.ranks == rank]))
        return ordered

    def select(self, entries: Entries) -> Entries:
        """Those of `entries` that are among the answers, the best first, of equals as they are."""
        backend = open_backend(connection)
        ids = self.archive.catalogue.entry_ids[self.rows]
        ranks = [
            When(pk__in=backend.select_ids(ids[self.ranks == rank].tolist()), then=int(rank))
            for rank in np.flatnonzero(np.bincount(self.ranks))
        ]
        found = entries.filter(pk__in=backend.select_ids(ids.tolist()))
        return found.order_by(Case(*ranks, default=0), *entries.query.order_by) if ranks else found

    def count_themes(self) -> list[FoundTheme]:
        """The most entries first."""
        catalogue = self.archive.catalogue
        counts = catalogue.themes.count(self.rows)
        found = [FoundTheme(catalogue.theme_of[pk], count) for pk, count in counts.items()]
        return sorted(found, key=lambda one: (-one.found, one.theme.name))

    def count_years(self) -> list[tuple[int, int]]:
        """(year, entries), the newest year first."""
        return sorted(self.archive.catalogue.years.count(self.rows).items(), reverse=True)

    def count_authors(self) -> list[tuple[str, int]]:
        """(name, entries), the most entries first; two of one name are one."""
        counts = self.archive.catalogue.authors.count(self.rows)
        return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def understand_query(text: str, archive: Archive) -> Query:
    """What was typed, with the other wordings by the glossary and by the aliases of themes.

    What is not to be written is looked for as well, but not told.
    """
    return archive.catalogue.synonyms.expand(parse_query(text))


def find(query: Query, archive: Archive) -> Answers:
    """One query of the database; what has neither word nor filter finds nothing."""
    answers = _find_by_words(query, archive) if query.terms else find_all(archive)
    wanted = np.full(len(answers), bool(query))
    for given in query.filters:
        wanted &= _pass(given, answers.rows, archive) ^ given.is_excluded
    return answers.among(wanted)


def _find_by_words(query: Query, archive: Archive) -> Answers:
    matches = match(query, archive.sight, archive.index.look_up(list_tokens(query)))
    if named := find_named_themes(query, archive):
        themed = archive.catalogue.themes.have(matches.rows, named)
        raised = np.where(themed, Tier.THEME, Tier.BODY).astype(np.uint8)
        matches = matches._replace(tiers=np.minimum(matches.tiers, raised))
    return Answers(archive, matches.rows, matches.ranks)


def find_all(archive: Archive) -> Answers:
    every = np.arange(len(archive.sight))
    return Answers(archive, every, np.zeros(len(every), np.uint8))


def _pass(given: Filter, rows: Rows, archive: Archive) -> Flags:
    catalogue = archive.catalogue
    if given.facet == Facet.THEME:
        return catalogue.themes.have(rows, find_themes(given.text, archive))
    if given.facet == Facet.AUTHOR:
        return catalogue.authors.have(rows, find_authors(given.text, archive))
    first, last = given.years or (1, 0)
    return catalogue.years.have(rows, [y for y in catalogue.years.bits if first <= y <= last])


def find_themes(text: str, archive: Archive) -> list[int]:
    """Those called so, or else those with a name that has it."""
    return _find_named(text, archive.catalogue.theme_names)


def find_authors(text: str, archive: Archive) -> list[str]:
    return _find_named(text, [(name, name) for name in archive.catalogue.authors.bits])


def _find_named(text: str, names: Iterable[tuple[Key, str]]) -> list[Key]:
    rows = [(key, fold_name(name)) for key, name in names]
    wanted = fold_name(text)
    called = [key for key, name in rows if name == wanted]
    return called or [key for key, name in rows if wanted and wanted in name]


def list_unknown(query: Query, archive: Archive) -> list[Filter]:
    """The filters that name nobody and nothing, for the reader to be told."""
    return [given for given in query.filters if not _is_known(given, archive)]


def _is_known(given: Filter, archive: Archive) -> bool:
    if given.facet == Facet.YEAR:
        return given.years is not None
    find_named = find_themes if given.facet == Facet.THEME else find_authors
    return bool(find_named(given.text, archive))


def find_theme_called(text: str, query: Query, archive: Archive) -> Theme | None:
    """The one that has this name or alias, as typed or in another wording of it."""
    texts = [text, *query.also] if len(query.terms) == 1 else [text]
    wanted = [runs for text in texts if (runs := split_runs(text))]
    catalogue = archive.catalogue
    called = (key for key, name in catalogue.theme_names if split_runs(name) in wanted)
    return catalogue.theme_of.get(next(called, 0))


def find_named_themes(query: Query, archive: Archive) -> list[int]:
    """Themes in a name of which all that was asked for stands."""
    return [
        key
        for key, name in archive.catalogue.theme_names
        if all(any(any(p.find_in(fold(name))) for p in term.phrases) for term in query.terms)
    ]


# -------------------------------------------------------------------- for who found nothing


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


def list_near_themes(query: Query, archive: Archive) -> list[Theme]:
    """The themes whose names have the most in common with what was typed."""
    typed = {token for term in query.terms for token in tokenize(term.text) if len(token) > 1}
    shared: dict[int, int] = {}
    for key, name in archive.catalogue.theme_names:
        shared[key] = max(shared.get(key, 0), len(typed.intersection(tokenize(name))))
    nearest = sorted(filter(shared.get, shared), key=lambda key: (-shared[key], key))
    return [archive.catalogue.theme_of[key] for key in nearest[:MOST_THEMES]]
