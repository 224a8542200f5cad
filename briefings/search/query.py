"""From what a reader typed to the phrases to find. Nothing typed is an error.

    人工智能 監管              both
    強積金 OR 公積金 （或 |、或） either, and binding more closely than the space between terms
    「新質 生產力」 "made in china"   exactly these words, white space included
    關稅 -美國 -"對等關稅"       without these
    theme:創新科技 year:2023 year:2021-2023 author:陳大文     also 主題：, 年份：, 作者：

An operator that stands where it makes no sense, as OR at an end, is a word like any other.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from briefings.search.fold import fold
from briefings.search.keys import Token, name_character, place_tokens
from briefings.search.tokens import (
    HAN,
    INVISIBLE,
    WORD_CHARACTER,
    is_han,
    split_runs,
    split_runs_as_written,
)

# Both bound what one request can cost.
MAX_QUERY_LENGTH = 200  # characters
MAX_TERMS = 16

_QUOTES = {'"': '"', "“": "”", "＂": "＂", "「": "」", "『": "』"}
_OPENING = "".join(_QUOTES)
# A quotation counts as one where it stands alone; inside a term, as in 以「新質生產力」為重, it is
# punctuation like any other, so that a pasted sentence finds itself.
_QUOTED = "|".join(
    rf"{left}([^{right}]*){right}(?=\s|$|[{_OPENING}])" for left, right in _QUOTES.items()
)
_ANY_QUOTE = re.compile(f"[{''.join({*_QUOTES, *_QUOTES.values()})}]")
_MINUS = "[-－−]"
_FIELD_NAMES = {
    "theme": "theme",
    "主題": "theme",
    "year": "year",
    "年份": "year",
    "author": "author",
    "作者": "author",
}
_TERM = re.compile(
    rf"(?P<minus>{_MINUS}(?=\S))?"
    rf"(?:(?P<field>{'|'.join(_FIELD_NAMES)})[:：](?=\S))?"
    rf"(?:{_QUOTED}|(?P<bare>\S+))",
    re.IGNORECASE,
)
_OR = frozenset({"OR", "|", "｜", "或"})
_AND = "AND"
_OPERATORS = {*_OR, _AND}
_YEARS = re.compile(r"(\d{4})年?(?:(?:-|－|–|—|~|～|至|到|\.\.)(\d{4})年?)?")

_BETWEEN = rf"(?:(?!{HAN})[\W_])"  # neither Han nor in a word
_PUNCTUATION = rf"(?!{INVISIBLE}){_BETWEEN}"


@dataclass(frozen=True)
class Phrase:
    """Characters that must stand together, as folded runs (see `tokens`)."""

    runs: tuple[str, ...]
    # The runs as they were typed; of another wording than the typed one nobody knows.
    as_written: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def read(cls, text: str) -> "Phrase | None":
        """None if it has neither letter nor digit."""
        runs = split_runs(text)
        return cls(tuple(runs), tuple(split_runs_as_written(text))) if runs else None

    @property
    def tokens(self) -> list[Token]:
        """What to look up for its places."""
        return place_tokens(self.runs, self.as_written or self.runs)

    @property
    def character(self) -> Token | None:
        """What to look up for the fields that have it, if it is but one Han character."""
        [run, *others] = self.runs
        if others or len(run) > 1 or not is_han(run):
            return None
        return name_character(run, *(self.as_written or self.runs))

    def find_in(self, folded: str) -> Iterator[tuple[int, int]]:
        """Where it stands in a folded text: (start, end), also where one overlaps the last."""
        place = self._pattern.search(folded)
        while place:
            yield place.span()
            place = self._pattern.search(folded, place.start() + 1)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """The same rule that the tokens state, for one text instead of an index."""
        pattern = ""
        for i, run in enumerate(self.runs):
            if i and is_han(run) and is_han(self.runs[i - 1]):
                pattern += rf"{INVISIBLE}*{_PUNCTUATION}{_BETWEEN}*"
            elif i:
                pattern += rf"{_BETWEEN}*"
            if is_han(run):
                pattern += f"{INVISIBLE}*".join(run)
            else:
                # The word comes first, as what can be looked for fast, and then what is around it.
                word = re.escape(run)
                pattern += f"{word}(?<!{WORD_CHARACTER}{word})(?!{WORD_CHARACTER})"
        return re.compile(pattern)


@dataclass(frozen=True)
class Term:
    """What was typed between spaces, and other wordings of it: one of `phrases` must be found."""

    text: str  # as typed
    typed: Phrase
    is_exact: bool = False  # quoted: no other wording will do
    others: tuple[Phrase, ...] = ()
    either: tuple["Term", ...] = ()  # terms that will do as well, by OR

    @property
    def phrases(self) -> tuple[Phrase, ...]:
        return (self.typed, *self.others, *(p for term in self.either for p in term.phrases))

    @property
    def together(self) -> tuple["Term", ...]:
        """With those that will do as well."""
        return (self, *self.either)

    @property
    def exact_text(self) -> str:
        return " OR ".join(quote(term.text) for term in self.together)

    @property
    def typed_text(self) -> str:
        return " OR ".join(
            quote(term.text) if term.is_exact or term.text in _OPERATORS else drop_quotes(term.text)
            for term in self.together
        )


class Facet(StrEnum):
    """What entries can be asked for beside their words."""

    THEME = "theme"
    YEAR = "year"
    AUTHOR = "author"


@dataclass(frozen=True)
class Filter:
    """theme:創新科技, or with `is_excluded` -theme:創新科技."""

    facet: Facet
    text: str
    is_excluded: bool = False

    @property
    def years(self) -> tuple[int, int] | None:
        """First and last, or None if it names none."""
        match = _YEARS.fullmatch(unicodedata.normalize("NFKC", self.text.strip()))
        if match is None:
            return None
        first, last = int(match[1]), int(match[2] or match[1])
        return min(first, last), max(first, last)

    @property
    def text_to_type(self) -> str:
        return f"{'-' if self.is_excluded else ''}{self.facet}:{quote(self.text)}"

    @property
    def canonical_text(self) -> str:
        value = (self.facet == Facet.YEAR and self.years) or "".join(fold(self.text).split())
        return f"{'-' if self.is_excluded else ''}{self.facet}:{value}"


@dataclass(frozen=True)
class Query:
    """All of `terms` must be found and none of `excluded`, in entries that pass all `filters`.

    With neither term nor filter nothing is found.
    """

    terms: tuple[Term, ...] = ()
    excluded: tuple[Term, ...] = ()
    filters: tuple[Filter, ...] = ()
    is_cut: bool = False  # longer than we look for: the reader is to be told
    also: tuple[str, ...] = ()  # the wordings that are looked for beside those typed

    def __bool__(self) -> bool:
        return bool(self.terms or self.filters)

    @property
    def exact_text(self) -> str:
        """What to type to find the typed words and no other wordings of them."""
        return self._write(term.exact_text for term in self.terms)

    @property
    def typed_text(self) -> str:
        """What to type to ask for the same."""
        return self._write(term.typed_text for term in self.terms)

    @property
    def canonical_text(self) -> str:
        """The same for queries that ask for the same, in whatever script, width and marks they are
        typed. Terms keep their order, since side by side they may be one wording (MPF reform).
        """
        terms = [[(*one.typed.runs, one.is_exact) for one in term.together] for term in self.terms]
        excluded = sorted(term.typed.runs for term in self.excluded)
        filters = sorted({given.canonical_text for given in self.filters})
        return json.dumps([terms, excluded, filters])

    @property
    def is_bare_operator(self) -> bool:
        """Nothing but OR, 或 or AND: looked for as words, though hardly meant as such."""
        terms = [one for term in self.terms for one in term.together]
        are_bare = all(term.text in _OPERATORS and not term.is_exact for term in terms)
        return bool(terms) and are_bare and not self.filters

    def _write(self, terms: Iterable[str]) -> str:
        excluded = (f"-{quote(term.text)}" for term in self.excluded)
        return " ".join([*terms, *excluded, *(given.text_to_type for given in self.filters)])


@dataclass(frozen=True)
class _Piece:
    """What stands between spaces, before it is known what it means beside the others."""

    text: str
    is_quoted: bool
    is_excluded: bool
    facet: Facet | None

    @property
    def is_or(self) -> bool:
        return self.text in _OR and not (self.is_quoted or self.is_excluded or self.facet)

    @property
    def is_and(self) -> bool:
        return self.text == _AND and not (self.is_quoted or self.is_excluded or self.facet)

    @property
    def is_term(self) -> bool:
        return not (self.is_excluded or self.facet) and bool(split_runs(self.text))

    def make_term(self) -> Term | None:
        phrase = Phrase.read(self.text)
        return Term(self.text, phrase, is_exact=self.is_quoted) if phrase else None


def parse_query(text: str) -> Query:
    """Anything can be handed in. What holds neither letter nor digit gives an empty query."""
    pieces = [_read_piece(match) for match in _TERM.finditer(text[:MAX_QUERY_LENGTH])]
    terms: dict[frozenset[tuple[Phrase, bool]], Term] = {}
    excluded: dict[Phrase, Term] = {}
    filters: dict[Filter, None] = {}
    for group in _group_by_or(pieces):
        first = group[0]
        if first.facet:
            filters[Filter(first.facet, first.text, first.is_excluded)] = None
        elif found := [term for piece in group if (term := piece.make_term())]:
            term = replace(found[0], either=tuple(found[1:]))
            if first.is_excluded:
                excluded.setdefault(term.typed, term)
            else:
                terms.setdefault(frozenset((t.typed, t.is_exact) for t in found), term)
    query = Query(
        terms=tuple(_limit(terms.values())),
        excluded=tuple(_limit(excluded.values())),
        filters=tuple(filters)[:MAX_TERMS],
    )
    is_cut = len(text) > MAX_QUERY_LENGTH or (
        (_count(query.terms), _count(query.excluded), len(query.filters))
        != (_count(terms.values()), _count(excluded.values()), len(filters))
    )
    return replace(query, is_cut=is_cut)


def _limit(terms: Iterable[Term]) -> Iterator[Term]:
    """As many of them, with those that will do as well, as one search may ask for."""
    left = MAX_TERMS
    for term in terms:
        if left <= 0:
            return
        allowed = replace(term, either=term.either[: left - 1])
        left -= _count([allowed])
        yield allowed


def _count(terms: Iterable[Term]) -> int:
    return sum(1 + len(term.either) for term in terms)


def _read_piece(match: re.Match[str]) -> _Piece:
    facet, bare = match["field"], match["bare"]
    quoted = next((part for part in match.groups()[2:-1] if part is not None), None)
    is_excluded = match["minus"] is not None
    if facet and not (bare or (quoted or "").strip()):
        facet = None
    return _Piece(
        text=bare if bare is not None else quoted or "",
        is_quoted=bare is None,
        is_excluded=is_excluded,
        facet=Facet(_FIELD_NAMES[facet.lower()]) if facet else None,
    )


def _group_by_or(pieces: list[_Piece]) -> Iterator[list[_Piece]]:
    """Pieces that OR joins come together; AND between two goes without saying."""
    group: list[_Piece] = []
    waiting = False  # for what comes after an OR
    for i, piece in enumerate(pieces):
        before, after = pieces[i - 1] if i else None, next(iter(pieces[i + 1 :]), None)
        stands_between = bool(before and after and before.is_term and after.is_term)
        if piece.is_or and stands_between and group and not waiting:
            waiting = True
            continue
        if piece.is_and and stands_between:
            continue
        if group and not waiting:
            yield group
            group = []
        group.append(piece)
        waiting = False
    if group:
        yield group


def quote(text: str) -> str:
    """As it is typed to be found exactly."""
    for left, right in (('"', '"'), ("「", "」")):
        if left not in text and right not in text:
            return f"{left}{text}{right}"
    return f'"{drop_quotes(text)}"'


def drop_quotes(text: str) -> str:
    """As it is typed to be found, whatever quotation marks come behind it."""
    return _ANY_QUOTE.sub("、", text)  # which punctuation it is never matters
