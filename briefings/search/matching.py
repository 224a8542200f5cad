"""From posting lists to the entries that answer a query, among those that somebody may see.

Numbers go in and numbers come out: no database has a part in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from briefings.search.keys import Token
from briefings.search.postings import BLOCK_BITS, FIELDS, Positions, Posting
from briefings.search.query import Phrase, Query, Term
from briefings.search.tokens import is_han

Ids = NDArray[np.int64]
Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]
Lists = Mapping[tuple[int, int], Sequence[Posting]]  # of each token, by its first and last key

# Of so many times fewer, each is looked up among the others; else both are merged.
_FEW = 16
# A row has a byte for each field and one more, to be read as one number.
_ROW = FIELDS + 1
_NOWHERE = np.empty(0, "<u4")
_HEADLINE = np.uint32(0xFF)
_HEADLINE_OR_LEAD = np.uint32(0xFFFF)


class Tier(IntEnum):
    """Why an entry comes before others."""

    HEADLINE = 0
    THEME = 1
    LEAD = 2
    BODY = 3


@dataclass(frozen=True)
class Blocks:
    """What stands in each block of positions: the entry, or 0 for nobody's, and the field."""

    entry_ids: Ids
    fields: NDArray[np.uint8]


@dataclass(frozen=True)
class Sight:
    """What of the index somebody may see: entries in an order of their own, each by its row.

    `targets` has for each block of the index the byte of the row and field it belongs to; what is
    nobody's, or may not be seen, belongs to one row more than there are.
    """

    entry_ids: Ids
    targets: NDArray[np.int32]

    @classmethod
    def of(cls, entry_ids: Ids, blocks: Blocks) -> "Sight":
        highest = max(entry_ids.max(initial=0), blocks.entry_ids.max(initial=0))
        row_of = np.full(highest + 1, len(entry_ids), np.int32)
        row_of[entry_ids] = np.arange(len(entry_ids))
        targets = row_of[blocks.entry_ids] * np.int32(_ROW) + blocks.fields.astype(np.int32)
        return cls(entry_ids, targets)

    def __len__(self) -> int:
        return len(self.entry_ids)

    def mark(self, positions: Positions) -> NDArray[np.uint32]:
        """For each row a number, of which the bytes tell which fields the positions are in."""
        marks = np.zeros((len(self) + 1) * _ROW, bool)
        marks[self.targets[positions >> BLOCK_BITS]] = True
        return marks.view("<u4")[:-1]

    def count(self, positions: Positions) -> NDArray[np.int64]:
        """For each row how many positions are in it."""
        rows = self.targets[positions >> BLOCK_BITS] // _ROW
        return np.bincount(rows, minlength=len(self) + 1)[:-1]


# ------------------------------------------------------------------------------------- in a phrase


class Places(NamedTuple):
    """Where a phrase begins: as it was typed, and in another script or variant."""

    as_typed: Positions
    otherwise: Positions

    @property
    def all(self) -> Positions:
        return merge([self.as_typed, self.otherwise]) if len(self.otherwise) else self.as_typed


def list_tokens(query: Query) -> Iterator[Token]:
    """All that `match` needs the postings of."""
    for term in (*query.terms, *query.excluded):
        for phrase in term.phrases:
            yield from _tokens_in_fields(phrase)


def _tokens_in_fields(phrase: Phrase) -> list[Token]:
    return [phrase.character] if phrase.character else phrase.tokens


def find_places(phrase: Phrase, lists: Lists) -> Places:
    """Every place in the index, also where one overlaps the last; `lists` of `phrase.tokens`."""
    return _find(phrase, phrase.tokens, lists)


def measure(phrase: Phrase) -> int:
    """How many positions the phrase takes, from its first to its last."""
    lengths = [len(run) + 1 if is_han(run) else 1 for run in phrase.runs]
    return sum(lengths) - (1 if is_han(phrase.runs[-1]) else 0)


def drop_overlapping(positions: Positions, length: int) -> Positions:
    """Of places that overlap, as of 試試 in 試試試, the first counts and the other doesn't."""
    if not (np.diff(positions) < length).any():
        return positions
    kept, free = [], 0
    for position in positions.tolist():
        if position >= free:
            kept.append(position)
            free = position + length
    return np.array(kept, "<u4")


def _find(phrase: Phrase, tokens: Sequence[Token], lists: Lists) -> Places:
    keys = {token[:3]: token for token in tokens}  # a phrase may say the same thing often
    places_of = {
        key: _part(token, lists[token.first, token.last], phrase) for key, token in keys.items()
    }
    parted = [places_of[token[:3]] for token in tokens]
    if len(tokens) == 1:
        return parted[0]
    whole_of = {key: places.all for key, places in places_of.items()}
    rarest, *others = sorted(tokens, key=lambda token: len(whole_of[token[:3]]))
    found = whole_of[rarest[:3]] - np.uint32(rarest.place)
    for token in others:
        if not len(found):
            break
        found = _intersect(found, whole_of[token[:3]] - np.uint32(token.place))
    differs = np.zeros(len(found), bool)
    for token, places in zip(tokens, parted, strict=True):
        at = found + np.uint32(token.place)
        # Whichever are the fewer are sooner looked up.
        if len(places.otherwise) < len(places.as_typed):
            differs |= _contains(places.otherwise, at)
        else:
            differs |= ~_contains(places.as_typed, at)
    return Places(found[~differs], found[differs]) if differs.any() else Places(found, _NOWHERE)


def _part(token: Token, postings: Sequence[Posting], phrase: Phrase) -> Places:
    """Of another wording than the typed one nobody asks how it is written."""
    as_typed = [not phrase.as_written or token.is_as_typed(posting.written) for posting in postings]
    both = list(zip(postings, as_typed, strict=True))
    return Places(
        merge([posting.positions for posting, is_typed in both if is_typed]),
        merge([posting.positions for posting, is_typed in both if not is_typed]),
    )


def merge(lists: Sequence[Positions]) -> Positions:
    """All of them, ascending."""
    if len(lists) == 1:
        return lists[0]
    merged = np.concatenate([_NOWHERE, *lists])
    merged.sort(kind="stable")  # which takes what is in order already for that
    return merged


def _intersect(few: Positions, many: Positions) -> Positions:
    """Of ascending numbers, none of them twice."""
    if len(few) * _FEW < len(many):
        return few[_contains(many, few)]
    both = np.concatenate((few, many))
    both.sort(kind="stable")
    is_second: Flags = both[1:] == both[:-1]
    return both[1:][is_second]


def _contains(many: Positions, wanted: Positions) -> Flags:
    """Which of the wanted are among the many; both ascend."""
    if len(many) < len(wanted):
        is_there = np.zeros(len(wanted) + 1, bool)
        places = np.searchsorted(wanted, many)
        is_there[places[wanted[np.minimum(places, len(wanted) - 1)] == many]] = True
        return is_there[:-1]
    places = np.searchsorted(many, wanted)
    places[places == len(many)] = 0
    return many[places] == wanted if len(many) else np.zeros(0, bool)


# -------------------------------------------------------------------------------------- in a query


class Matches(NamedTuple):
    """Rows, ascending, with the tier of each and whether it has all terms just as typed."""

    rows: Rows
    tiers: NDArray[np.uint8]
    as_typed: Flags

    @property
    def ranks(self) -> NDArray[np.uint8]:
        """By tier, and within one by being as typed; the best have the lowest."""
        return self.tiers * np.uint8(2) + ~self.as_typed


def match(query: Query, sight: Sight, lists: Lists) -> Matches:
    """The rows that have the query's terms and none that it excludes; it must have a term.

    Filters have no part in it, nor has the tier of themes.
    """
    terms = [_match_term(term, sight, lists) for term in query.terms]
    has_all = reduce(np.logical_and, (term.marks != 0 for term in terms))
    for excluded in query.excluded:
        has_all &= _match_term(excluded, sight, lists).marks == 0
    rows = np.flatnonzero(has_all)
    marks = [term.marks[rows] for term in terms]
    in_headline = reduce(np.logical_and, (m & _HEADLINE != 0 for m in marks))
    in_lead = reduce(np.logical_and, (m & _HEADLINE_OR_LEAD != 0 for m in marks))
    tiers = np.where(in_headline, Tier.HEADLINE, np.where(in_lead, Tier.LEAD, Tier.BODY))
    typed = [term.as_typed[rows] for term in terms if term.as_typed is not None]
    as_typed = reduce(np.logical_and, typed, np.ones(len(rows), bool))
    return Matches(rows, tiers.astype(np.uint8), as_typed)


class _TermMatch(NamedTuple):
    marks: NDArray[np.uint32]  # see `Sight.mark`
    as_typed: Flags | None  # None: all that are marked


def _match_term(term: Term, sight: Sight, lists: Lists) -> _TermMatch:
    """Of a term any phrase will do."""
    found = [_match_phrase(phrase, sight, lists) for phrase in term.phrases]
    marks = reduce(np.bitwise_or, (match.marks for match in found))
    if all(match.as_typed is None for match in found):
        return _TermMatch(marks, None)
    as_typed = (m.marks != 0 if m.as_typed is None else m.as_typed for m in found)
    return _TermMatch(marks, reduce(np.logical_or, as_typed))


def _match_phrase(phrase: Phrase, sight: Sight, lists: Lists) -> _TermMatch:
    places = _find(phrase, _tokens_in_fields(phrase), lists)
    marks = sight.mark(places.as_typed)
    if not len(places.otherwise):
        return _TermMatch(marks, None)
    return _TermMatch(marks | sight.mark(places.otherwise), marks != 0)
