"""Two texts, character by character: Chinese has no words to compare by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from diff_match_patch import diff_match_patch
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

# Seconds after which a coarser answer is as good. Two texts of 3,000 characters take milliseconds.
_PATIENCE = 1.0
_KINDS: dict[int, Literal["removed", "same", "added"]] = {-1: "removed", 0: "same", 1: "added"}
_TAGS = {"removed": "del", "added": "ins"}


@dataclass(frozen=True)
class Piece:
    kind: Literal["removed", "same", "added"]
    text: str


def compare(before: str, after: str) -> tuple[Piece, ...]:
    """How `after` came of `before`: `same` and `removed` together are `before`, in order.

    Differences that lie a character or two apart are taken for one, as a reader would.
    """
    engine = diff_match_patch()
    engine.Diff_Timeout = _PATIENCE
    found = engine.diff_main(before, after, checklines=False)
    engine.diff_cleanupSemantic(found)
    return tuple(Piece(_KINDS[kind], text) for kind, text in found)


def shorten(pieces: Sequence[Piece], around: int) -> tuple[Piece, ...]:
    """With only `around` characters on either side of each change; dots stand for the rest."""
    last = len(pieces) - 1
    return tuple(
        piece if piece.kind != "same" else Piece("same", _cut(piece.text, around, at, last))
        for at, piece in enumerate(pieces)
    )


def _cut(text: str, around: int, at: int, last: int) -> str:
    """What stands before the first change loses its beginning, after the last one its end."""
    head = "" if at == 0 else text[:around]
    tail = "" if at == last else text[-around:]
    return text if len(text) <= len(head) + len(tail) + 1 else f"{head}……{tail}"


def render_difference(before: str, after: str, *, around: int | None = None) -> SafeString:
    """As HTML: what went in `<del>`, what came in `<ins>`; line breaks as they were.

    `around` is how much to show beside each change; None shows both texts whole.
    """
    pieces = compare(before, after)
    shown = pieces if around is None else shorten(pieces, around)
    return format_html_join("", "{}", ((_render(piece),) for piece in shown))


def _render(piece: Piece) -> SafeString:
    tag = _TAGS.get(piece.kind)
    if tag is None:
        return format_html("{}", piece.text)
    return format_html(f"<{tag}>{{}}</{tag}>", piece.text)
