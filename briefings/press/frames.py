"""How the press and whoever prints on it talk: frames of a kind, a length and that many bytes."""

import struct
from enum import IntEnum
from typing import IO

_HEAD = struct.Struct(">BQ")


class Kind(IntEnum):
    # To the press: a document's parts, the last of which sets it to work.
    CSS = 1
    PICTURE = 2  # its address, a NUL, its bytes
    OPTIONS = 3  # JSON
    HTML = 4
    # From the press: any number of pages laid out, then one of the others.
    PAGES = 5
    PDF = 6
    REFUSED = 7  # the reason, in words


def write_frame(stream: IO[bytes], kind: Kind, payload: bytes) -> None:
    left = memoryview(_HEAD.pack(kind, len(payload)) + payload)
    while left:
        left = left[stream.write(left) :]


def read_frame(stream: IO[bytes]) -> tuple[Kind, bytes]:
    """Raises EOFError where the other side has gone."""
    kind, length = _HEAD.unpack(_read_whole(stream, _HEAD.size))
    return Kind(kind), _read_whole(stream, length)


def _read_whole(stream: IO[bytes], length: int) -> bytes:
    """From an unbuffered pipe, which gives what it has: select() knows nothing of a buffer."""
    pieces = []
    while length:
        piece = stream.read(length)
        if not piece:
            raise EOFError
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)
