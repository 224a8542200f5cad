"""Tokens as numbers of 63 bits, which databases and arrays look up faster than words.

A pair of Han characters is its two code points, the last of a run its own and 0; by itself, as
one of a field's characters, it has ANY in place of the other. What begins with a character is
thus one range. A word is its hash, and so is a word with the Han character that comes next: of a
million words two have the same with a chance of one in four million, and the one is then found
with the other.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from briefings.search.tokens import is_han

_BITS = 21  # of a code point
ANY = (1 << _BITS) - 1  # above every code point
_LAST_CODE = 0x10FFFF
_WORDS = 1 << 62
_JOINED = 1 << 61
_64_BITS = (1 << 64) - 1
# Odd, so that no two words and no two characters become one.
_SPREAD_WORDS = 0x9E3779B97F4A7C15
_SPREAD_CHARACTERS = 0xC2B2AE3D27D4EB4F

Keys = NDArray[np.uint64]


def key_of_pair(first: int, second: int) -> int:
    """Of two code points; `second` is 0 for the last of a run."""
    return first << _BITS | second


def keys_of_pairs(first: Keys, second: Keys | np.uint64) -> Keys:
    return first << np.uint64(_BITS) | second


@lru_cache(maxsize=50_000)
def key_of_word(word: str) -> int:
    digest = blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 2 | _WORDS


def key_of_joined(word: int, character: int) -> int:
    """Of a word's key and the code point of the Han character that comes next."""
    mixed = (word * _SPREAD_WORDS + character * _SPREAD_CHARACTERS) & _64_BITS
    return mixed >> 3 | _JOINED


def keys_of_joined(words: Keys, characters: Keys) -> Keys:
    with np.errstate(over="ignore"):
        mixed = words * np.uint64(_SPREAD_WORDS) + characters * np.uint64(_SPREAD_CHARACTERS)
    return mixed >> np.uint64(3) | np.uint64(_JOINED)


class Token(NamedTuple):
    """What to look up for a part of a phrase: all keys from `first` to `last`, mostly one.

    `written` is the first of the same keys in the characters that were typed, which `first` has
    folded.
    """

    first: int
    last: int
    written: int
    place: int  # counted from the place of the phrase's first token

    def is_as_typed(self, written: int) -> bool:
        return 0 <= written - self.written <= self.last - self.first


@dataclass(frozen=True)
class Spans:
    """Of some tokens the first and last keys, ascending, none twice."""

    firsts: Keys
    lasts: Keys

    @classmethod
    def of(cls, tokens: Iterable[Token]) -> "Spans":
        spans = sorted({(token.first, token.last) for token in tokens})
        return cls(*np.array(spans, np.uint64).reshape(-1, 2).T)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self.firsts.tolist(), self.lasts.tolist(), strict=True)

    def __len__(self) -> int:
        return len(self.firsts)

    def list_around(self, key: int) -> list[int]:
        """The numbers of those that have it."""
        return np.flatnonzero((self.firsts <= key) & (key <= self.lasts)).tolist()

    def find_in(self, keys: Keys) -> list[tuple[int, int, int]]:
        """(number, begin, end): `keys[begin:end]` are a span's; of those that have any."""
        begins = np.searchsorted(keys, self.firsts)
        ends = np.searchsorted(keys, self.lasts, side="right")
        numbers = np.flatnonzero(begins < ends)
        return list(
            zip(numbers.tolist(), begins[numbers].tolist(), ends[numbers].tolist(), strict=True)
        )


def place_tokens(runs: Sequence[str], as_written: Sequence[str]) -> list[Token]:
    """As few tokens as find the phrase (see `tokens`, and `postings` for their places).

    Runs are folded, and `as_written` is what they were folded from.
    """
    tokens: list[Token] = []
    place = 0
    for i, (run, raw) in enumerate(zip(runs, as_written, strict=True)):
        is_last = i == len(runs) - 1
        if not is_han(run):
            tokens.append(_one(key_of_word(run), key_of_word(run), place))
            place += 1
            continue
        if len(run) == 1 and is_last and i and not is_han(runs[i - 1]):
            tokens[-1] = _join(tokens[-1], run, raw)
        elif len(run) == 1 and is_last:
            tokens.append(_begin_with(run, raw, place))
        else:
            tokens += _cover(run, raw, place)
        if not is_last:
            tokens.append(_one(_last_of_run(run), _last_of_run(raw), place + len(run) - 1))
        place += len(run) + 1  # one stays empty behind every run
    return tokens


def name_character(run: str, raw: str) -> Token:
    """Of one Han character as one of a field's; it has no place there."""
    return _one(key_of_pair(ord(run), ANY), key_of_pair(ord(raw), ANY), 0)


def _one(key: int, written: int, place: int) -> Token:
    return Token(key, key, written, place)


def _begin_with(run: str, raw: str, place: int) -> Token:
    key = key_of_pair(ord(run), 0)
    return Token(key, key | _LAST_CODE, key_of_pair(ord(raw), 0), place)


def _last_of_run(run: str) -> int:
    return key_of_pair(ord(run[-1]), 0)


def _join(word: Token, run: str, raw: str) -> Token:
    return _one(
        key_of_joined(word.first, ord(run)), key_of_joined(word.first, ord(raw)), word.place
    )


def _cover(run: str, raw: str, place: int) -> list[Token]:
    """Every second pair, and the last: none of the characters is left out."""
    last = len(run) - 2
    starts = dict.fromkeys([*range(0, last, 2), last] if last >= 0 else [])
    return [
        _one(
            key_of_pair(ord(run[i]), ord(run[i + 1])),
            key_of_pair(ord(raw[i]), ord(raw[i + 1])),
            place + i,
        )
        for i in starts
    ]
