"""Posting lists as a segment stores them: a row for each long one, and pages of short ones.

Most tokens stand in a few places only. A row for each would be several times as large as what it
holds; a page has hundreds, with what is needed to find one among them.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from briefings.search.keys import Keys, Spans
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


def name_pages(page_keys: Keys, spans: Spans) -> list[int]:
    """The tokens of the pages in which keys of the spans would be."""
    begins = np.searchsorted(page_keys, spans.firsts, side="right") - 1
    ends = np.searchsorted(page_keys, spans.lasts, side="right")
    wanted = zip(begins.tolist(), ends.tolist(), strict=True)
    numbers = {n for begin, end in wanted for n in range(max(begin, 0), end)}
    return [-int(page_keys[n]) for n in numbers]


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

    def find(self, spans: Spans) -> list[tuple[int, Posting]]:
        """As `PostingTable.find` does."""
        return [
            (number, Posting(int(self._written[i]), self._slice(i)))
            for number, begin, end in spans.find_in(self._keys)
            for i in range(begin, end)
        ]

    def _slice(self, i: int) -> Positions:
        return self._positions[int(self._ends[i - 1]) if i else 0 : int(self._ends[i])]
