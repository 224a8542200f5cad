"""What a list was saved in, told from a few passes over its bytes."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
PIECE = 64 * 1024
SAMPLED = 4 * 1024 * 1024  # bytes; more would tell nothing new


def find_encoding(file: BinaryIO) -> str:
    """The likeliest. A file that is broken in places still has one; read it with "replace".

    Names alone have no punctuation to tell Big5 and GB18030 apart by, so the one wins in which more
    of the characters are those that everybody writes.
    """
    file.seek(0)
    start = file.read(PIECE)
    for mark, encoding in BYTE_ORDER_MARKS:
        if start.startswith(mark):
            return encoding
    if start.count(b"\0") * 4 > len(start):
        return "utf-16-le" if start[1::2].count(0) >= start[::2].count(0) else "utf-16-be"
    lines = [line for line in _sample_lines(file) if not line.isascii()]
    in_utf8 = sum(_can_be(line, "utf-8") for line in lines)
    if in_utf8 * 2 >= len(lines):
        return "utf-8"
    text = b"".join(lines)
    return max(("big5hkscs", "gb18030"), key=lambda encoding: _rate(text, encoding))


def _sample_lines(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while file.tell() < SAMPLED and (line := file.readline(PIECE)):
        yield line


def _can_be(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _rate(text: bytes, encoding: str) -> float:
    """How many of the characters that are not ASCII are of the first level of their standard."""
    decoded = [c for c in text.decode(encoding, "replace") if not c.isascii()]
    return sum(map(_is_common, decoded, [encoding] * len(decoded))) / max(1, len(decoded))


def _is_common(character: str, encoding: str) -> bool:
    try:
        code = character.encode(encoding)
    except UnicodeEncodeError:
        return False  # what replaced a broken one
    if encoding == "gb18030":
        return b"\xa1\xa1" <= code <= b"\xd7\xf9" and len(code) == 2 and code[1] >= 0xA1
    return b"\xa1\x40" <= code <= b"\xc6\x7e" and len(code) == 2
