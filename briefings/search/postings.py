"""Posting lists: where in the indexed texts each token stands, as numbers.

The texts of entries are laid out one behind another, each field of each entry beginning with a
new block of positions. A position is thus one number for the whole index; the block it lies in
tells entry and field, and adjacent tokens have adjacent positions.

    工業互聯網、5G    工業 at 0, 業互 1, 互聯 2, 聯網 3, 網 4, and 5g at 6

A run of Han characters gives one token per character: it and the next one, the last alone, and
leaves a position empty behind it. So pairs that stand two apart belong to one run: every second
pair of a phrase is enough to find it. A word is one token, and with the Han character that comes
next another at the same position, so that 2023年 need not be put together from all that begins
with 年. Each character by itself is told once for each field, by the field's first position.

Texts go in and numbers come out: no database has a part in it.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from briefings.search.fold import FOLDING, Codes, decode, encode, fold_codes
from briefings.search.keys import ANY, Keys, Spans, key_of_word, keys_of_joined, keys_of_pairs
from briefings.search.tokens import HAN, INVISIBLE, WORD_CHARACTER

# By whose rules postings are made: how texts are folded and parted, and laid out. With another
# number here, or another table, what is there counts no more and is made anew.
SCHEME = f"1-{FOLDING}"
BLOCK = 128  # positions; a power of two
BLOCK_BITS = BLOCK.bit_length() - 1
# Nothing but what ends a run, at any length: no phrase goes on from one field into the next.
_MARGIN = 2

Positions = NDArray[np.uint32]
BlockCounts = NDArray[np.uint32]


class EntryText(NamedTuple):
    """An entry as it is indexed: plain text. No phrase runs from one field into the next."""

    headline: str
    lead: str
    body: str


FIELDS = len(EntryText._fields)


class Posting(NamedTuple):
    """Where a token stands in one of the ways to write it; positions ascend."""

    written: int  # the key of that way
    positions: Positions

    def move(self, blocks: int) -> "Posting":
        """Laid out from this block on."""
        return Posting(self.written, self.positions + np.uint32(blocks * BLOCK))


@dataclass(frozen=True)
class PostingTable:
    """The postings of some entries, laid out one behind another.

    `block_counts` has for each entry how many each field takes, none for an empty one. Keys
    ascend, and in what each is written; the postings of `keys[i]`, as `written[i]`, are
    `positions[begins[i]:ends[i]]`.
    """

    block_counts: BlockCounts  # (entries, fields)
    keys: Keys
    written: Keys
    begins: NDArray[np.int64]
    ends: NDArray[np.int64]
    positions: Positions

    def find(self, spans: Spans) -> list[tuple[int, Posting]]:
        """The postings of all keys in these spans, each with the number of its span."""
        return [
            (number, Posting(int(self.written[i]), self.slice(i)))
            for number, begin, end in spans.find_in(self.keys)
            for i in range(begin, end)
        ]

    @property
    def blocks(self) -> int:
        return int(self.block_counts.sum(dtype=np.int64))

    def move(self, blocks: int) -> "PostingTable":
        """Laid out from this block on."""
        return replace(self, positions=self.positions + np.uint32(blocks * BLOCK))

    def slice(self, i: int) -> Positions:
        """The positions of `keys[i]`."""
        return self.positions[self.begins[i] : self.ends[i]]


def join(tables: Sequence[PostingTable]) -> PostingTable:
    """All of them, each laid out behind the last. A token may then be there several times."""
    shifts = np.cumsum([0, *(len(table.positions) for table in tables)])
    keys = np.concatenate([table.keys for table in tables])
    written = np.concatenate([table.written for table in tables])
    begins = np.concatenate([t.begins + n for t, n in zip(tables, shifts, strict=False)])
    ends = np.concatenate([t.ends + n for t, n in zip(tables, shifts, strict=False)])
    order = np.lexsort((begins, written, keys))
    return PostingTable(
        block_counts=np.concatenate([table.block_counts for table in tables]),
        keys=keys[order],
        written=written[order],
        begins=begins[order],
        ends=ends[order],
        positions=np.concatenate([table.positions for table in tables]),
    )


# ------------------------------------------------------------------------------ making the table


def tabulate(texts: Sequence[EntryText]) -> PostingTable:
    """The postings of these texts, laid out from the first block on."""
    scan = _scan([field for text in texts for field in text])
    places, blocks = _lay_out(scan, len(texts) * FIELDS)
    starts = ((np.cumsum(blocks, dtype=np.int64) - blocks) * BLOCK).astype("<u4")
    positions = starts[scan.field] + places.astype("<u4")
    parts = (
        _tabulate_pairs(scan, positions),
        _tabulate_singles(scan, starts),
        _tabulate_words(scan, positions),
    )
    return _join(blocks.reshape(-1, FIELDS), parts)


class _Scan(NamedTuple):
    """The tokens of all fields in order."""

    raw: NDArray[np.uint32]  # of each token its first character, as written
    folded: NDArray[np.uint32]
    next_raw: NDArray[np.uint32]  # of a Han character that which it is paired with, or 0
    next_folded: NDArray[np.uint32]
    is_han: NDArray[np.bool_]
    ends_run: NDArray[np.bool_]
    field: NDArray[np.int32]  # the number of the field it stands in
    # Of the words alone, in order: where they begin and end in `text`.
    word_spans: NDArray[np.int64]
    text: str  # all of it, folded


_BETWEEN_FIELDS = "\uffff"  # no character: it ends whatever run stands before it


def _scan(fields: Sequence[str]) -> _Scan:
    raw = encode("".join(f"{field}{_BETWEEN_FIELDS}" for field in fields))
    folded = fold_codes(raw)
    kinds = _classify(folded)
    lengths = np.fromiter((len(field) + 1 for field in fields), np.int64, len(fields))
    field_of = np.repeat(np.arange(len(fields), dtype=np.int32), lengths)
    seen = np.flatnonzero(kinds != _Kind.INVISIBLE)
    kind = kinds[seen]
    han, word = kind == _Kind.HAN, kind == _Kind.WORD
    goes_on = np.zeros(len(seen), bool)
    # What is invisible parts words, and not Han characters.
    goes_on[:-1] = (han[:-1] & han[1:]) | (word[:-1] & word[1:] & (np.diff(seen) == 1))
    continues = np.concatenate(([False], goes_on[:-1]))
    tokens = np.flatnonzero(han | (word & ~continues))
    is_han = han[tokens]
    is_paired = is_han & goes_on[tokens]
    at, following = seen[tokens], seen[np.minimum(tokens + 1, len(seen) - 1)]
    word_ends = seen[np.flatnonzero(word & ~goes_on)] + 1
    return _Scan(
        raw=raw[at],
        folded=folded[at],
        next_raw=np.where(is_paired, raw[following], 0),
        next_folded=np.where(is_paired, folded[following], 0),
        is_han=is_han,
        ends_run=is_han & ~is_paired,
        field=field_of[at],
        word_spans=np.stack((at[~is_han], word_ends), axis=1),
        text=decode(folded),
    )


class _Kind(IntEnum):
    OTHER = 0
    HAN = 1
    WORD = 2
    INVISIBLE = 3
    UNKNOWN = 4


_KINDS = (
    (_Kind.HAN, re.compile(HAN)),
    (_Kind.WORD, re.compile(WORD_CHARACTER)),
    (_Kind.INVISIBLE, re.compile(INVISIBLE)),
)


def _classify(codes: Codes) -> NDArray[np.uint8]:
    """By the tokenizer's own patterns, each character once in a process."""
    known = _known_kinds()
    kinds = known[codes]
    if (kinds == _Kind.UNKNOWN).any():
        for code in np.unique(codes[kinds == _Kind.UNKNOWN]).tolist():
            matching = (kind for kind, pattern in _KINDS if pattern.match(chr(code)))
            known[code] = next(matching, _Kind.OTHER)
        kinds = known[codes]
    return kinds


@cache
def _known_kinds() -> NDArray[np.uint8]:
    return np.full(sys.maxunicode + 1, _Kind.UNKNOWN, np.uint8)


def _lay_out(scan: _Scan, fields: int) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Of each token its place in its field, counted from 0, and of each field its blocks."""
    ends = np.cumsum(scan.ends_run)
    places = np.arange(len(scan.field)) + ends - scan.ends_run
    blocks = np.zeros(fields, np.uint32)
    if not len(places):
        return places, blocks
    first = np.searchsorted(scan.field, np.arange(fields))
    last = np.searchsorted(scan.field, np.arange(fields), side="right") - 1
    filled = last >= first
    lengths = places[last[filled]] - places[first[filled]] + 1
    blocks[filled] = (lengths + _MARGIN + BLOCK - 1) // BLOCK
    return places - places[first[scan.field]], blocks


class _Part(NamedTuple):
    """Postings, grouped: those of `keys[i]` begin at `begins[i]` and go on to the next group's."""

    keys: Keys
    written: Keys
    begins: NDArray[np.int64]
    positions: Positions


def _tabulate_pairs(scan: _Scan, positions: Positions) -> _Part:
    """Han characters with the next one."""
    han = np.flatnonzero(scan.is_han)
    # Two passes by 16 bits, which are many times faster than one by 64.
    ranks = _rank(np.concatenate((scan.raw[han], scan.next_raw[han])))
    first, second = ranks[: len(han)], ranks[len(han) :]
    order = np.argsort(second, kind="stable")
    order = order[np.argsort(first[order], kind="stable")]
    begins = find_groups(first[order], second[order])
    shown = han[order[begins]]
    return _Part(
        keys=keys_of_pairs(_wide(scan.folded[shown]), _wide(scan.next_folded[shown])),
        written=keys_of_pairs(_wide(scan.raw[shown]), _wide(scan.next_raw[shown])),
        begins=begins,
        positions=positions[han[order]],
    )


def _tabulate_singles(scan: _Scan, starts: Positions) -> _Part:
    """Each Han character once for each field that has it."""
    raw, fields = scan.raw[scan.is_han], scan.field[scan.is_han]
    order = np.argsort(_rank(raw), kind="stable")
    raw, fields = raw[order], fields[order]
    firsts = find_groups(raw, fields)
    raw, fields = raw[firsts], fields[firsts]
    begins = find_groups(raw)
    written = _wide(raw[begins])
    return _Part(
        keys=keys_of_pairs(_wide(fold_codes(raw[begins])), np.uint64(ANY)),
        written=keys_of_pairs(written, np.uint64(ANY)),
        begins=begins,
        positions=starts[fields],
    )


def _tabulate_words(scan: _Scan, positions: Positions) -> _Part:
    """Words, and words with the Han character that comes next."""
    tokens = np.flatnonzero(~scan.is_han)
    texts = (scan.text[begin:end] for begin, end in scan.word_spans.tolist())
    words = np.fromiter(map(key_of_word, texts), np.uint64, len(tokens))
    following = np.minimum(tokens + 1, len(scan.field) - 1)
    goes_on = scan.is_han[following] & (scan.field[following] == scan.field[tokens])
    joined, following = words[goes_on], following[goes_on]
    keys = np.concatenate((words, keys_of_joined(joined, _wide(scan.folded[following]))))
    written = np.concatenate((words, keys_of_joined(joined, _wide(scan.raw[following]))))
    tokens = np.concatenate((tokens, tokens[goes_on]))
    order = np.argsort(written, kind="stable")
    begins = find_groups(written[order])
    shown = order[begins]
    return _Part(keys[shown], written[shown], begins, positions[tokens[order]])


def _rank(codes: Codes) -> NDArray[Any]:
    """Numbers in the order of the code points, of as few bits as they need."""
    is_there = np.zeros(codes.max(initial=0) + 1, bool)
    is_there[codes] = True
    is_few = np.count_nonzero(is_there) <= np.iinfo(np.uint16).max + 1
    ranks: NDArray[Any] = (np.cumsum(is_there) - 1).astype(np.uint16 if is_few else np.uint32)
    return ranks[codes]


def find_groups(*columns: NDArray[Any]) -> NDArray[np.int64]:
    """Where in sorted columns another row begins."""
    differs = np.zeros(len(columns[0]), bool)
    differs[:1] = True
    for column in columns:
        differs[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(differs)


def _wide(codes: Codes) -> Keys:
    return codes.astype(np.uint64)


def _join(blocks: BlockCounts, parts: Sequence[_Part]) -> PostingTable:
    lengths = [len(part.positions) for part in parts]
    shifts = np.cumsum([0, *lengths])
    begins = np.concatenate([p.begins + shift for p, shift in zip(parts, shifts, strict=False)])
    ends = np.append(begins, shifts[-1])[1:]
    keys = np.concatenate([part.keys for part in parts])
    written = np.concatenate([part.written for part in parts])
    order = np.lexsort((written, keys))
    return PostingTable(
        block_counts=blocks,
        keys=keys[order],
        written=written[order],
        begins=begins[order],
        ends=ends[order],
        positions=np.concatenate([part.positions for part in parts]),
    )
