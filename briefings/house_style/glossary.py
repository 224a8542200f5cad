"""The editors' glossary as the check reads it: plain values, and where they stand in a text."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple


@dataclass(frozen=True)
class Term:
    name: str
    is_law: bool = False
    wordings: tuple[str, ...] = ()  # as good as the name
    discouraged: tuple[str, ...] = ()

    @property
    def bare_name(self) -> str:
        return self.name.strip("《》")


class Use(NamedTuple):
    start: int
    end: int
    term: Term
    is_discouraged: bool


@dataclass(frozen=True)
class Glossary:
    terms: tuple[Term, ...] = ()

    def find_uses(self, text: str) -> Iterator[Use]:
        """Names and wordings in order; where they overlap, the one that begins first and is
        longest."""
        if self._pattern is None:
            return
        for match in self._pattern.finditer(text):
            term, is_discouraged = self._meanings[match[0]]
            yield Use(match.start(), match.end(), term, is_discouraged)

    def knows(self, wording: str) -> bool:
        return wording in self._meanings

    @cached_property
    def _meanings(self) -> dict[str, tuple[Term, bool]]:
        meanings: dict[str, tuple[Term, bool]] = {}
        for term in self.terms:
            meanings |= dict.fromkeys(term.discouraged, (term, True))
            names = (term.name, term.bare_name, *term.wordings)
            meanings |= dict.fromkeys(names, (term, False))
        return meanings

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        return compile_words(self._meanings)


def compile_words(words: Iterable[str]) -> re.Pattern[str] | None:
    """Finds any of them, the longest that fits; Latin letters only as whole words."""
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return re.compile("|".join(map(_write_word, longest_first))) if longest_first else None


def _write_word(word: str) -> str:
    before = "(?<![A-Za-z0-9])" if word[0].isascii() and word[0].isalnum() else ""
    after = "(?![A-Za-z0-9])" if word[-1].isascii() and word[-1].isalnum() else ""
    return before + re.escape(word) + after
