"""Folding: texts that a reader takes for the same become the same string.

Width, case, Latin accents, Simplified and Traditional, and the variants of Hong Kong, Taiwan and
Japan. Some characters that differ fold together (發 and 髮 are both 发): a search may find a
little too much, never too little.
"""

import sys
from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint32]  # code points

_SHORT = 50  # characters, below which looking up one by one takes less time


def load_table(lines: list[str]) -> dict[int, str]:
    """From `fold_table.txt`: each character that changes, by code point, with what it becomes.

    No character stands on two lines, which is why folding twice changes nothing more.
    """
    classes = (line for line in lines if line and not line.startswith("#"))
    return {ord(other): line[0] for line in classes for other in line[1:]}


_SOURCE = Path(__file__).with_name("fold_table.txt").read_text("utf-8")
FOLDING = (
    f"{crc32(_SOURCE.encode()):08x}"  # names the table: what another one folded is not the same
)
# Split at "\n" only: splitlines() would also cut at rarer characters, should one be in the table.
_TABLE = load_table(_SOURCE.split("\n"))


def fold(text: str) -> str:
    """As many characters as `text`, so that a place found in one is the place in the other."""
    if len(text) < _SHORT:
        return text.translate(_TABLE)
    return decode(fold_codes(encode(text)))


def encode(text: str) -> Codes:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def decode(codes: Codes) -> str:
    return codes.tobytes().decode("utf-32-le", "surrogatepass")


def fold_codes(codes: Codes) -> Codes:
    """Of many characters by their code points: ten times as fast as one by one."""
    return _list_codes().take(codes)


@cache
def _list_codes() -> Codes:
    codes = np.arange(sys.maxunicode + 1, dtype="<u4")
    codes[list(_TABLE)] = [ord(folded) for folded in _TABLE.values()]
    return codes
