"""A lasting anchor for each block of a body: `#p3`, wherever the third paragraph has got to.

Pure. Blocks are the outermost elements of a body: a paragraph, a heading, a list, a table, a
picture. They are numbered from 1 in the text as it first came out. A correction leaves its number
to every block that it doesn't touch, and to one that is put in the place of another; what is added
takes the next number that was never given, and the number of what was taken out is not given
again. So an address that was cited never leads to another paragraph.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from briefings.html import to_text

_BLOCK_TAG = re.compile(r"<(/?)(?:p|h[2-4]|blockquote|ul|ol|table|figure)\b[^<>]*+>")

Correction = tuple[Sequence[str], Sequence[str]]
"""The blocks before and after, as `list_blocks` gives them."""


def list_blocks(body: str) -> list[str]:
    """The words of each block of a body as `clean_html` leaves it; of a picture its caption."""
    return [to_text(body[start:end]) for start, end in _find_blocks(body)]


def number_blocks(blocks: Sequence[str], corrections: Iterable[Correction] = ()) -> list[int]:
    """The number of each of the blocks as they now are; the oldest correction comes first."""
    numbers: list[int] | None = None
    known: Sequence[str] = blocks
    last = 0  # the highest number that was ever given
    for before, after in (*corrections, (blocks, blocks)):
        if numbers is None:
            numbers, known, last = list(range(1, len(before) + 1)), before, len(before)
        # What changed without a correction, as a restored format may, is carried over as well.
        numbers, last = _carry_over(numbers, last, known, before)
        numbers, last = _carry_over(numbers, last, before, after)
        known = after
    return numbers or []


def _carry_over(
    numbers: list[int], last: int, before: Sequence[str], after: Sequence[str]
) -> tuple[list[int], int]:
    if before == after:
        return numbers, last
    carried: list[int] = []
    changes = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    for _, start, end, new_start, new_end in changes:
        kept = numbers[start:end][: new_end - new_start]
        added = range(last + 1, last + 1 + new_end - new_start - len(kept))
        last += len(added)
        carried += [*kept, *added]
    return carried, last


def anchor_blocks(body: str, numbers: Sequence[int]) -> str:
    """The body with each block in a box that has its anchor, and a link that leads there.

    Beside the block and not in it: after the last word even an unseen link makes Chromium justify
    the last line of a paragraph.
    """
    pieces, done = [], 0
    for (start, end), number in zip(_find_blocks(body), numbers, strict=True):
        link = f'<a class="permalink" href="#p{number}" aria-label="本段連結 p{number}">¶</a>'
        pieces += [body[done:start], f'<div id="p{number}">{body[start:end]}{link}</div>']
        done = end
    return "".join([*pieces, body[done:]])


def _find_blocks(body: str) -> list[tuple[int, int]]:
    """Where each outermost block begins and ends."""
    blocks: list[tuple[int, int]] = []
    level = start = 0
    for tag in _BLOCK_TAG.finditer(body):
        if level == 0:
            start = tag.start()
        level += -1 if tag[1] else 1
        if level == 0:
            blocks.append((start, tag.end()))
        level = max(level, 0)
    return blocks
