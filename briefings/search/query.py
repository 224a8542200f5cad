"""From what a reader typed to the phrases to find. Nothing typed is an error or an operator."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from briefings.search.tokens import (
    HAN,
    INVISIBLE,
    WORD_CHARACTER,
    is_han,
    split_runs,
    tokenize_run,
)

# Both bound what one request can cost; a phrase has at most as many tokens as characters.
MAX_QUERY_LENGTH = 200  # characters
MAX_TERMS = 16

_QUOTES = {'"': '"', "“": "”", "＂": "＂", "「": "」", "『": "』"}
_OPENING = "".join(_QUOTES)
# A quotation counts as one where it stands alone; inside a term, as in 以「新質生產力」為重, it is
# punctuation like any other, so that a pasted sentence finds itself.
_TERM = re.compile(
    "|".join(rf"{left}([^{right}]*){right}(?=\s|$|[{_OPENING}])" for left, right in _QUOTES.items())
    + r"|(\S+)"
)

_BETWEEN = rf"(?:(?!{HAN})[\W_])"  # neither Han nor in a word
_PUNCTUATION = rf"(?!{INVISIBLE}){_BETWEEN}"


@dataclass(frozen=True)
class Phrase:
    """Characters that must stand together, as folded runs (see `tokens`)."""

    runs: tuple[str, ...]

    @property
    def tokens(self) -> list[str]:
        """Adjacent tokens to look up in the index.

        Where the phrase ends in Han characters the text may go on, so the last of them is not
        asked for as the end of a run.
        """
        *before, last = self.runs
        ending = tokenize_run(last)
        if is_han(last) and len(last) > 1:
            ending.pop()
        return [token for run in before for token in tokenize_run(run)] + ending

    @property
    def is_open(self) -> bool:
        """Whether the last token is only the beginning of what to look up: 年 in 2023年."""
        last = self.runs[-1]
        return len(last) == 1 and is_han(last)

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
                pattern += f"(?<!{WORD_CHARACTER}){re.escape(run)}(?!{WORD_CHARACTER})"
        return re.compile(pattern)


@dataclass(frozen=True)
class Term:
    """What was typed between spaces, and other wordings of it: one of `phrases` must be found."""

    text: str  # as typed
    typed: Phrase
    is_exact: bool = False  # quoted: no other wording will do
    others: tuple[Phrase, ...] = ()

    @property
    def phrases(self) -> tuple[Phrase, ...]:
        return (self.typed, *self.others)


@dataclass(frozen=True)
class Query:
    """All of `terms` must be found; with none of them, nothing is."""

    terms: tuple[Term, ...]
    is_cut: bool = False  # longer than we look for: the reader is to be told
    also: tuple[str, ...] = ()  # the wordings that are looked for beside those typed

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def exact_text(self) -> str:
        """What to type to find the typed words and no other wordings of them."""
        return " ".join(_quote(term.text) for term in self.terms)


def parse_query(text: str) -> Query:
    """Terms are parted by white space; "", “”, 「」 and 『』 keep white space within a term, and
    ask for exactly these words.

    Anything can be handed in. What holds neither letter nor digit gives an empty query.
    """
    terms: dict[Phrase, Term] = {}
    for match in _TERM.finditer(text[:MAX_QUERY_LENGTH]):
        term = match[match.lastindex or 0]
        if runs := split_runs(term):
            phrase = Phrase(tuple(runs))
            terms.setdefault(phrase, Term(term, phrase, is_exact=match.lastindex != _TERM.groups))
    return Query(
        terms=tuple(terms.values())[:MAX_TERMS],
        is_cut=len(text) > MAX_QUERY_LENGTH or len(terms) > MAX_TERMS,
    )


def _quote(text: str) -> str:
    return f"「{text}」" if '"' in text else f'"{text}"'
