"""Where the lines of a Chinese headline break. Pure; how wide a text is, the caller measures.

A line starts with no closing mark and ends with no opening one; a Latin word or a number stays
whole unless it is longer than a line. Within that, of all ways to fill the fewest lines, the one
whose lines are most alike, and that rather turns at a punctuation mark than inside a phrase.
"""

import re
from collections.abc import Callable, Sequence

NEVER_FIRST = "，。、；：？！）」』》〉】〕…—·％%,.;:?!)]}”’々ー"
NEVER_LAST = "（「『《〈【〔([{“‘"
TURNING_POINTS = "，。、；：？！—…"
# What turning there costs, where a line that is left empty would cost 1.
INSIDE_A_PHRASE = 0.12
INSIDE_BRACKETS = 0.5

_PIECE = re.compile(r"[A-Za-z0-9\u00c0-\u024f][\w.,'’%+/&-]*(?<![.,])|\s+|.", re.ASCII)
_LETTER = "0-9A-Za-z\u00c0-\u024f"
_IDEOGRAPH = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_BORDER = re.compile(f"(?<=[{_IDEOGRAPH}])(?=[{_LETTER}])|(?<=[{_LETTER}%])(?=[{_IDEOGRAPH}])")

Measure = Callable[[str], float]


def split_scripts(text: str) -> list[str]:
    """Parted where Chinese meets Latin: there a setter puts a little room."""
    return _BORDER.split(text)


def break_lines(text: str, width: float, measure: Measure) -> list[str]:
    """The lines, each at most `width` unless one piece alone is wider. Costs the square of the
    pieces of a line, for each of them: for headlines.
    """
    pieces = _split_pieces(text.strip(), width, measure)
    if not pieces:
        return []
    fewest = _count_lines(pieces, width, measure)
    # The best way to set the pieces from each place on: its cost, and where its first line ends.
    ways: list[dict[int, tuple[float, int]]] = [{} for _ in range(len(pieces) + 1)]
    ways[-1][0] = (0.0, len(pieces))
    for start in reversed(range(len(pieces))):
        for end in range(start + 1, len(pieces) + 1):
            line = "".join(pieces[start:end]).strip()
            wide = measure(line)
            if wide > width and end > start + 1:
                break
            loose = (1 - min(wide / width, 1)) ** 2
            turn = _price_turn(pieces[:end]) if end < len(pieces) else 0
            for count, (cost, _) in ways[end].items():
                way = (cost + loose + turn, end)
                if count < fewest and way < ways[start].get(count + 1, (float("inf"), 0)):
                    ways[start][count + 1] = way
    return _follow(pieces, ways, fewest)


def _price_turn(before: Sequence[str]) -> float:
    text = "".join(before).rstrip()
    is_open = sum(text.count(mark) for mark in "「『《〈（") > sum(
        text.count(mark) for mark in "」』》〉）"
    )
    if is_open:
        return INSIDE_BRACKETS
    return 0 if text[-1:] in TURNING_POINTS else INSIDE_A_PHRASE


def _follow(
    pieces: Sequence[str], ways: Sequence[dict[int, tuple[float, int]]], count: int
) -> list[str]:
    lines, start = [], 0
    for left in range(count, 0, -1):
        end = ways[start][left][1]
        lines.append("".join(pieces[start:end]).strip())
        start = end
    return lines


def _count_lines(pieces: Sequence[str], width: float, measure: Measure) -> int:
    """Filling each line as far as it goes takes the fewest."""
    count, line = 1, ""
    for piece in pieces:
        if line and measure((line + piece).strip()) > width:
            count, line = count + 1, piece
        else:
            line += piece
    return count


def _split_pieces(text: str, width: float, measure: Measure) -> list[str]:
    """What no line may break within."""
    pieces: list[str] = []
    for found in _PIECE.findall(text):
        letters = list(found) if measure(found) > width else [found]
        for piece in letters:
            sticks = piece[0] in NEVER_FIRST or piece.isspace()
            if pieces and (sticks or pieces[-1].rstrip()[-1:] in tuple(NEVER_LAST)):
                pieces[-1] += piece
            else:
                pieces.append(piece)
    return pieces
