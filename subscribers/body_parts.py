"""A text with slots in Base64: what all its copies share is encoded once, and so is what it shares
with other texts of its mailing.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

import pybase64

from subscribers.messages import SLOT, fill_slot

_LINE = 76  # characters of Base64 (RFC 2045, 6.8)
_WORTH_SHARING = 256  # bytes
# Lines of a text that are so long, in characters, may end a passage; so many of them do, on the
# average: each passage is a piece for the kernel to gather, and what is alike is found by whole
# ones.
_LONG = 100
_LONG_TO_A_PASSAGE = 8
# Characters, of one mailing's texts. Encoded for all three alignments, each takes fifteen bytes.
_MOST_KEPT = 1_000_000


class Shared:
    """A piece that all copies have, encoded once for each number of bytes that may wait for it.

    Of two bytes or more, or it could not fill up what waits.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._by_start: dict[int, tuple[bytes, bytes, bytes]] = {}

    def follow(self, waiting: int) -> tuple[bytes, bytes, bytes]:
        """What fills the waiting bytes up to a multiple of three, lines, and what is over."""
        start = -waiting % 3
        if start not in self._by_start:
            data = self._data
            end = len(data) - (len(data) - start) % 3
            self._by_start[start] = data[:start], encode(data[start:end]), data[end:]
        return self._by_start[start]


class Passage:
    """Lines that texts of a mailing have in common."""

    def __init__(self, text: str) -> None:
        self.pieces: list[Shared | bytes | re.Match[str]] = []  # a match is a slot
        end = 0
        for slot in SLOT.finditer(text):
            self.pieces += [_share(text[end : slot.start()]), slot]
            end = slot.end()
        self.pieces.append(_share(text[end:]))


class Passages:
    """Of a mailing's texts, which mostly are alike but for what members chose.

    Whether a passage ends with a line is told by that line alone (chunks defined by their content).
    So a text always has the same passages, whatever was read before, and texts that are alike have
    the same ones, wherever they stand.
    """

    def __init__(self) -> None:
        self._known: dict[str, Passage] = {}
        self._size = 0

    def read(self, text: str) -> Iterator[Passage]:
        start = 0
        while start < len(text):
            end = _find_end(text, start)
            yield self._get(text[start:end])
            start = end

    def _get(self, text: str) -> Passage:
        passage = self._known.get(text)
        if passage is None:
            self._size += len(text)
            if self._size > _MOST_KEPT:
                self._known.clear()
                self._size = len(text)
            passage = self._known[text] = Passage(text)
        return passage


@dataclass
class Gap:
    """What stands between shared blocks of lines: a form for bytes, and what goes into it."""

    block: int  # its place among all
    form: bytes  # as `%` has it
    slots: list[int] = field(default_factory=list)  # by their places

    def add(self, data: bytes) -> None:
        self.form += data.replace(b"%", b"%%")

    def add_slot(self, place: int) -> None:
        self.form += b"%b"
        self.slots.append(place)

    def fill(self, inserted: Sequence[bytes]) -> bytes:
        """Lines, of what its slots hold."""
        return encode(self.form % tuple(map(inserted.__getitem__, self.slots)))


class Layout(NamedTuple):
    blocks: list[bytes]  # of lines
    gaps: list[Gap]


class BodyPart:
    """A message's text, or its HTML (RFC 2046): with slots, in Base64.

    Where its lines are shared depends on what is left of each value's length divided by three, and
    on nothing else: so the text is laid out once for all copies that are alike in that.
    """

    def __init__(self, text: str, passages: Passages) -> None:
        # Of each what it is in the text and the value's name; itself, if it asks for more.
        self._slots: list[tuple[str, str, re.Match[str] | None]] = []
        self._layouts: dict[tuple[int, ...], Layout] = {}
        # Shared or short bytes, or the place of a slot.
        self._pieces: list[Shared | bytes | int] = []
        self.names: set[str] = set()  # of the values that are to be filled in
        places: dict[str, int] = {}
        for passage in passages.read(text):
            for piece in passage.pieces:
                if isinstance(piece, re.Match):
                    if piece[0] not in places:
                        places[piece[0]] = len(places)
                        self._add_slot(piece)
                    self._pieces.append(places[piece[0]])
                else:
                    self._pieces.append(piece)

    def _add_slot(self, slot: re.Match[str]) -> None:
        name = slot[2] or slot[3]
        self.names.add(name)
        self._slots.append((slot[0], name, None if slot[0] == f"[[{name}]]" else slot))

    def fill(self, values: Mapping[str, str]) -> list[bytes]:
        """`values` are as they are to stand in the text."""
        inserted = [
            (fill_slot(slot, values) if slot else values.get(name, source)).encode()
            for source, name, slot in self._slots
        ]
        remainders = tuple([len(one) % 3 for one in inserted])
        layout = self._layouts.get(remainders)
        if layout is None:
            layout = self._layouts[remainders] = self._lay_out(remainders)
        blocks = layout.blocks.copy()
        for gap in layout.gaps:
            blocks[gap.block] = gap.fill(inserted)
        return blocks

    def _lay_out(self, remainders: tuple[int, ...]) -> Layout:
        """For values whose lengths leave so much when divided by three."""
        blocks = [b""]
        gaps = [gap := Gap(0, b"")]
        waiting = 0
        for piece in self._pieces:
            if isinstance(piece, int):
                gap.add_slot(piece)
                waiting += remainders[piece]
            elif isinstance(piece, bytes):
                gap.add(piece)
                waiting += len(piece)
            else:
                first, encoded, rest = piece.follow(waiting)
                gap.add(first)
                blocks += [encoded, b""]
                gaps.append(gap := Gap(len(blocks) - 1, b""))
                gap.add(rest)
                waiting = len(rest)
        for gap in gaps:
            if not gap.slots:
                blocks[gap.block] = gap.fill([])
        return Layout(blocks, [gap for gap in gaps if gap.slots])


def encode(data: bytes) -> bytes:
    """In lines of Base64, each ended. Only what is last may be no multiple of three."""
    encoded = pybase64.b64encode(data)
    return b"\r\n".join(_find_cutter(len(encoded))(encoded))


@lru_cache(maxsize=256)  # short ones come again and again; one for a long text is as large as it
def _find_cutter(length: int) -> Callable[[bytes], tuple[bytes, ...]]:
    """What cuts so many characters into lines, and nothing behind them, for the last one's end."""
    lines, over = divmod(length, _LINE)
    return Struct(f"{_LINE}s" * lines + (f"{over}s" if over else "") + "0s").unpack


def _find_end(text: str, start: int) -> int:
    """Where the passage that begins there ends."""
    line = start
    while end := text.find("\n", line) + 1:
        length = end - line
        if length >= _LONG and length % _LONG_TO_A_PASSAGE == 0:
            return end
        line = end
    return len(text)


def _share(text: str) -> Shared | bytes:
    """Itself, if it is so short that to encode it with what stands around it costs less."""
    data = _end_lines(text).encode()
    return Shared(data) if len(data) >= _WORTH_SHARING else data


def _end_lines(text: str) -> str:
    """With CRLF (RFC 2046, 4.1.1)."""
    return text.replace("\r\n", "\n").replace("\n", "\r\n")
