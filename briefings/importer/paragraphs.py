"""Where hard-wrapped lines of Chinese text end one paragraph and begin the next.

Between every two lines there is a break or a join, and each has a price: what it would take for
the printed page to look as it does if that were true. A line that ends far from the right edge is
hardly joined to the next; one that stops in mid-sentence hardly ends a paragraph; one that is two
em short is most likely the first line of a paragraph, whose indent the text has lost. The cheapest
way through the whole block wins, and where its opposite would have cost nearly the same there is a
doubt. Widths are in half em: a Chinese character is 2, a Latin one about 1.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from briefings.importer.documents import Doubt, Line

# Of bodies, and of leads.
INDENTS = (4, 0)

OPENERS = "「『（(《〈【〔［“‘"
CLOSERS = "」』）)》〉】〕］”’\"'"
NOT_AT_LINE_START = frozenset(CLOSERS + "。，、；：！？.,;:!?…‧·—～％%")
SENTENCE_ENDS = "。！？!?…"

# Prices, on one scale: a difference of 4 is worth acting on, of 20 is next to certainty.
DOUBTFUL = 4
BREAK = 3
BREAK_AFTER = {"：": 2, ":": 2, "；": 4, ";": 4, ".": 4}
BREAK_IN_SENTENCE = 16
BREAK_BEFORE_CLOSER = 24
# Room left on a joined line into which the next characters would have gone; half em to price.
JOIN_WITH_ROOM = ((8, 18), (4, 14), (2, 10), (0, 5))
# Half em beyond the measure that squeezed punctuation does not explain.
OVERFULL = ((5, 14), (3, 9), (1, 4))
# Where the marks of the file can be believed: against a break without, against a join over one.
BREAK_WITHOUT_MARK = 12
JOIN_OVER_MARK = 20
IMPOSSIBLE = 10**9

# The start of a line that the rules of line breaking keep together, a Latin word whole.
_HEAD = re.compile(
    rf"[{re.escape(OPENERS)}]*(?:[!-~]+|.)[{re.escape(''.join(sorted(NOT_AT_LINE_START)))}]*"
)


@dataclass(frozen=True)
class Layout:
    """How the lines were set. `latin` is 2 where a program wrapped by counting characters."""

    measure: int
    latin: int = 1


class Paragraph(NamedTuple):
    """A paragraph put together again, and the line of the file that it begins on."""

    text: str
    line: int


@dataclass(frozen=True)
class _Shape:
    """What the prices need to know of a line. `head` cannot be parted from the line's start."""

    width: int
    head: int
    squeeze: int
    play: int
    ending: int
    begins_with_closer: bool
    marked: bool


class _Step(NamedTuple):
    """From a line to the next: to join, were the line later in its paragraph or first; to break."""

    join_later: int
    join_first: int
    break_: int


class _Ways(NamedTuple):
    """Prices for a line that is later in its paragraph, or first."""

    later: int
    first: int


def choose_layout(blocks: Iterable[Sequence[Line]], *, with_marks: bool) -> Layout:
    """The layout under which the blocks (leads and bodies) are least surprising.

    Tries the commonest line widths and the widest, and of equals takes the widest. The cost is
    about two dozen passes over the text.
    """
    blocks = [block for block in blocks if block]
    best, lowest = Layout(measure=0), None
    for latin in (1, 2):
        shaped = [[_shape(line, latin) for line in block] for block in blocks]
        widths = Counter(shape.width for block in shaped for shape in block)
        common = [width for width, _ in widths.most_common(6)]
        for measure in sorted({*common, max(widths, default=0)}, reverse=True):
            price = sum(_price_block(block, measure, with_marks=with_marks) for block in shaped)
            if lowest is None or price < lowest:
                best, lowest = Layout(measure, latin), price
    return best


def split_paragraphs(
    lines: Sequence[Line], layout: Layout, *, with_marks: bool
) -> tuple[list[Paragraph], list[Doubt]]:
    """The paragraphs, every character of `lines` once and in order, and where they may be wrong."""
    if not lines:
        return [], []
    shapes = [_shape(line, layout.latin) for line in lines]
    outcomes = _divide(shapes, layout.measure, with_marks=with_marks)
    groups = [[lines[0]]]
    doubts = []
    for (line, follower), (breaks, margin) in zip(pairwise(lines), outcomes, strict=True):
        if breaks:
            groups.append([])
        groups[-1].append(follower)
        against_mark = with_marks and breaks != line.marked
        if margin < DOUBTFUL or against_mark:
            done = "暫且分段" if breaks else "暫且與下一行連成一段"
            doubts.append(Doubt(line.number, f"未能確定段落是否在這一行結束，{done}。"))
    paragraphs = [
        Paragraph(join_lines(line.text for line in group), group[0].number) for group in groups
    ]
    return paragraphs, doubts


def join_lines(texts: Iterable[str]) -> str:
    """One text of wrapped lines: a space only where Latin words would run together."""
    joined = ""
    for text in texts:
        gap = " " if joined and _needs_space(joined[-1], text[0]) else ""
        joined += gap + text
    return tidy_spaces(joined)


def tidy_spaces(text: str) -> str:
    """Without the gaps that typesetting leaves between Chinese and Latin; others become one."""
    return re.sub(r"[ \t\u00a0]+", lambda gap: _kept_gap(text, gap), text)


def ends_sentence(text: str) -> bool:
    return _price_of_ending(text) <= BREAK_AFTER["；"]


def measure_width(text: str, latin: int = 1) -> int:
    """In half em, with the ambiguous (“ — … and private use) as wide as Chinese type sets them."""
    return sum(_character_width(character, latin) for character in text)


def _character_width(character: str, latin: int) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WFA" else latin


def _is_chinese(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


def _needs_space(before: str, after: str) -> bool:
    return (
        before.isascii()
        and after.isascii()
        and (before.isalnum() or before in ",.;:!?)%")
        and (after.isalnum() or after == "(")
    )


def _kept_gap(text: str, gap: re.Match[str]) -> str:
    if gap.start() == 0 or gap.end() == len(text):
        return ""
    before, after = text[gap.start() - 1], text[gap.end()]
    return "" if _is_chinese(before) != _is_chinese(after) else " "


def _shape(line: Line, latin: int) -> _Shape:
    text = line.text
    is_full_mark = [c in NOT_AT_LINE_START or c in OPENERS for c in text]
    pairs = sum(one and other for one, other in pairwise(is_full_mark))
    head = _HEAD.match(text)
    hanging = 2 * (text[-1] in NOT_AT_LINE_START) + (text[0] in OPENERS)
    return _Shape(
        width=measure_width(text, latin),
        head=measure_width(head.group() if head else text[:1], latin),
        squeeze=pairs + hanging,
        play=sum(c.isascii() for c in text) // 6,
        ending=_price_of_ending(text),
        begins_with_closer=text[0] in NOT_AT_LINE_START,
        marked=line.marked,
    )


def _price_of_ending(text: str) -> int:
    bare = text.rstrip(CLOSERS)
    if not bare:
        return BREAK_IN_SENTENCE
    return 0 if bare[-1] in SENTENCE_ENDS else BREAK_AFTER.get(bare[-1], BREAK_IN_SENTENCE)


def _price_block(shapes: Sequence[_Shape], measure: int, *, with_marks: bool) -> int:
    prices = []
    for indent in INDENTS:
        steps = _price_steps(shapes, measure, indent, with_marks=with_marks)
        prices.append(min(_walk(_price_overfull(shapes[0], measure - indent), steps)[-1]))
    return min(prices)


def _divide(shapes: Sequence[_Shape], measure: int, *, with_marks: bool) -> list[tuple[bool, int]]:
    """After each line but the last, whether a paragraph ends, and what the opposite would add."""
    divisions = []
    for indent in INDENTS:
        steps = _price_steps(shapes, measure, indent, with_marks=with_marks)
        ways_to = _walk(_price_overfull(shapes[0], measure - indent), steps)
        ways = zip(ways_to[1:], _walk_back(steps)[1:], strict=True)
        sums = [(to.later + on.later, to.first + on.first) for to, on in ways]
        outcomes = [(broken < joined, abs(broken - joined)) for joined, broken in sums]
        divisions.append((min(ways_to[-1]), outcomes))
    return min(divisions, key=lambda division: division[0])[1]


def _walk(opening: int, steps: Sequence[_Step]) -> list[_Ways]:
    """The least price of coming to each line, which then is first in a paragraph or later."""
    ways = [_Ways(later=IMPOSSIBLE, first=opening)]
    for step in steps:
        later, first = ways[-1]
        ways.append(
            _Ways(
                later=min(later + step.join_later, first + step.join_first),
                first=min(later, first) + step.break_,
            )
        )
    return ways


def _walk_back(steps: Sequence[_Step]) -> list[_Ways]:
    """The least price of going on to the end from each line, were it first or later."""
    ways = [_Ways(later=0, first=0)]
    for step in reversed(steps):
        later, first = ways[-1]
        broken = first + step.break_
        ways.append(
            _Ways(
                later=min(later + step.join_later, broken),
                first=min(later + step.join_first, broken),
            )
        )
    return ways[::-1]


def _price_steps(
    shapes: Sequence[_Shape], measure: int, indent: int, *, with_marks: bool
) -> list[_Step]:
    return [
        _price_step(line, follower, measure, indent, with_marks=with_marks)
        for line, follower in pairwise(shapes)
    ]


def _price_step(
    line: _Shape, follower: _Shape, measure: int, indent: int, *, with_marks: bool
) -> _Step:
    join = _price_overfull(follower, measure)
    join += JOIN_OVER_MARK if with_marks and line.marked else 0
    break_ = BREAK + line.ending + _price_overfull(follower, measure - indent)
    break_ += BREAK_WITHOUT_MARK if with_marks and not line.marked else 0
    break_ += BREAK_BEFORE_CLOSER if follower.begins_with_closer else 0
    return _Step(
        join_later=join + _price_room(line, follower, measure),
        join_first=join + _price_room(line, follower, measure - indent),
        break_=break_,
    )


def _price_room(shape: _Shape, follower: _Shape, capacity: int) -> int:
    room = capacity - shape.width - follower.head - shape.play
    return next((price for least, price in JOIN_WITH_ROOM if room >= least), 0)


def _price_overfull(shape: _Shape, capacity: int) -> int:
    excess = shape.width - capacity - shape.squeeze - shape.play
    return next((price for least, price in OVERFULL if excess >= least), 0)
