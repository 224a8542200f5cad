"""The blocks of a body: a paragraph, heading, list or table each, with the line it came from."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape

from briefings.html import split_blocks

_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)[^>]*>", re.IGNORECASE)
_VOID = {"br", "hr", "img"}


@dataclass(frozen=True)
class Block:
    line: int
    html: str


def paragraph_block(line: int, text: str) -> Block:
    return Block(line, f"<p>{escape(text, quote=False)}</p>")


def list_texts(blocks: Iterable[Block]) -> tuple[str, ...]:
    """The text of each paragraph, list item and table row."""
    return tuple(text for block in blocks for text in split_blocks(block.html))


def split_elements(html: str) -> list[str]:
    """The outermost elements of well-formed HTML; text that stands in none becomes a paragraph."""
    return [piece for piece in map(str.strip, _walk_elements(html)) if piece]


def _walk_elements(html: str) -> Iterator[str]:
    start = depth = 0
    for tag in _TAG.finditer(html):
        is_closing, name = tag[1], tag[2].lower()
        if depth == 0 and not is_closing:
            yield _as_paragraph(html[start : tag.start()])
            start = tag.start()
        if name not in _VOID:
            depth = max(0, depth - 1) if is_closing else depth + 1
        if depth == 0:
            yield html[start : tag.end()]
            start = tag.end()
    yield _as_paragraph(html[start:])


def _as_paragraph(text: str) -> str:
    return f"<p>{text.strip()}</p>" if text.strip() else ""
