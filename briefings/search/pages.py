"""Posting lists as a segment stores them: a row for each long one, and pages of short ones.

Most tokens stand in a few places only. A row for each would be several times as large as what it
holds; a page has hundreds, with what is needed to find one among them.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from briefings.search.keys import Keys
from briefings.search.postings import Positions, Posting, PostingTable, find_groups

LONG = 64  # positions
PAGE = 2048  # positions of a page, but for what its last list has over
# A distance that stands for itself and what comes next; the longest lists have far shorter ones.
_FURTHER = 0xFFFF


class StoredRow(NamedTuple):
    """A long list by its token and the way it is written; a page by its first token, negative."""

    token: int
    written: int
    data: bytes


def store(table: PostingTable) -> Iterator[StoredRow]:
    """All of the table, in no particular order."""
    starts = find_groups(table.keys, table.written)
    stops = np.append(starts, len(table.keys))[1:]
    lengths = np.add.reduceat(table.ends - table.begins, starts) if len(starts) else starts
    yield from _store_short(table, starts, stops, lengths)
    for start, stop in zip(starts[lengths >= LONG], stops[lengths >= LONG], strict=True):
        positions = np.concatenate([table.slice(i) for i in range(start, stop)])
        yield StoredRow(int(table.keys[start]), int(table.written[start]), pack(positions))


def list_page_keys(rows: Iterable[StoredRow]) -> Keys:
    """The first keys of the pages, ascending."""
    return np.array(sorted(-row.token for row in rows if row.token < 0), "<u8")


def name_pages(page_keys: Keys, first: int, last: int) -> list[int]:
    """The tokens of the pages in which keys from `first` to `last` would be."""
    begin, end = np.searchsorted(page_keys, np.array((first, last), np.uint64), side="right")
    return [-int(key) for key in page_keys[max(begin - 1, 0) : end]]


def pack(positions: Positions) -> bytes:
    """Distances of 16 bits, or the positions themselves if they take less.

    The number of bytes tells which: only that of distances is no multiple of four.
    """
    distances = np.diff(positions, prepend=np.uint32(0))
    jumps = distances // _FURTHER
    if jumps.sum() + len(positions) >= 2 * len(positions):
        return positions.tobytes()
    packed = np.full(len(positions) + int(jumps.sum()), _FURTHER, "<u2")
    packed[np.cumsum(jumps + 1) - 1] = distances % _FURTHER
    data = packed.tobytes()
    return data if len(data) % 4 else data + b"\xff\xff"


def unpack(data: bytes) -> Positions:
    if len(data) % 4 == 0:
        return np.frombuffer(data, "<u4")
    distances = np.frombuffer(data, "<u2")
    positions = np.cumsum(distances, dtype="<u4")
    is_one = distances != _FURTHER
    return positions if is_one.all() else positions[is_one]


def _store_short(
    table: PostingTable,
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    lengths: NDArray[np.int64],
) -> Iterator[StoredRow]:
    is_short = lengths < LONG
    slices = np.flatnonzero(np.repeat(is_short, stops - starts))
    begins, sizes = table.begins[slices], (table.ends - table.begins)[slices]
    places = np.repeat(begins - (np.cumsum(sizes) - sizes), sizes) + np.arange(sizes.sum())
    positions = table.positions[places]
    keys, written = table.keys[starts[is_short]], table.written[starts[is_short]]
    ends = np.cumsum(lengths[is_short])
    # A page has the keys that begin in its PAGE positions; no key is in two.
    firsts = find_groups(keys)
    starts_of_keys = (ends - lengths[is_short])[firsts]
    edges = firsts[find_groups(starts_of_keys // PAGE)]
    for begin, end in zip(edges, np.append(edges, len(keys))[1:], strict=True):
        first = ends[begin - 1] if begin else 0
        yield StoredRow(
            -int(keys[begin]),
            0,
            b"".join(
                (
                    np.uint64(end - begin).tobytes(),
                    keys[begin:end].tobytes(),
                    written[begin:end].tobytes(),
                    (ends[begin:end] - first).astype("<u4").tobytes(),
                    positions[first : ends[end - 1]].tobytes(),
                )
            ),
        )


class Page:
    def __init__(self, data: bytes) -> None:
        count = int.from_bytes(data[:8], "little")
        self._keys = np.frombuffer(data, "<u8", count, 8)
        self._written = np.frombuffer(data, "<u8", count, 8 + 8 * count)
        self._ends = np.frombuffer(data, "<u4", count, 8 + 16 * count)
        self._positions = np.frombuffer(data, "<u4", offset=8 + 20 * count)

    def find(self, first: int, last: int) -> list[Posting]:
        """Of all keys from `first` to `last`, both included."""
        begin = int(np.searchsorted(self._keys, np.uint64(first)))
        postings = []
        for i in range(begin, len(self._keys)):
            if self._keys[i] > last:
                break
            start = int(self._ends[i - 1]) if i else 0
            own = self._positions[start : int(self._ends[i])]
            postings.append(Posting(int(self._written[i]), own))
        return postings
