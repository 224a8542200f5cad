"""Bars of phrases over time, from counts to places in an SVG; the template writes it.

Each phrase has a strip of its own under its name, and all of them one scale: no colour, dash or
legend is needed to tell them apart, where lines of small numbers would lie on each other. Across,
places are in per cent of the width and only down in pixels, so that the plot is as wide as the
reader's screen and its letters never shrink with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from briefings.search.occurrences import Period, PeriodCount

NAME_LINE = 24  # pixels, as are all heights
BAR_ROOM = 18  # for the number over the highest bar
HIGHEST = 72
STRIP = NAME_LINE + BAR_ROOM + HIGHEST + 14
AXIS = 24
SPARK_HEIGHT = 24
FILLED = 0.68  # of a period's width, the bar's
LEAST = 2  # a small number beside a large one is still more than none
# What a number over a bar takes, and how wide a plot is at least on a desk and on a telephone.
DIGIT = 8
GAP = 4
WIDE, NARROW = 880, 280
# Years named under the axis, on a wide screen and on a telephone.
MOST_YEARS = 20
MOST_YEARS_NARROW = 8


class Measure(StrEnum):
    ENTRIES = "entries"
    OCCURRENCES = "occurrences"
    SHARE = "share"

    @property
    def label(self) -> str:
        return {"entries": "短評篇數", "occurrences": "出現次數", "share": "佔短評百分比"}[
            self.value
        ]

    def of(self, count: PeriodCount) -> float:
        if self is Measure.SHARE:
            return count.share or 0
        return count.entries if self is Measure.ENTRIES else count.occurrences


@dataclass(frozen=True)
class Bar:
    x: str
    width: str
    y: int
    height: int
    number: str  # over its middle; empty where it would touch others
    number_y: int
    is_numbered_narrow: bool
    middle: str


@dataclass(frozen=True)
class Stretch:
    """Of the ground line: under periods that had entries, or that had none."""

    x1: str
    x2: str
    is_empty: bool


@dataclass(frozen=True)
class Strip:
    name: str
    name_y: int
    ground_y: int
    bars: tuple[Bar, ...]
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True)
class YearMark:
    year: int
    x: str  # where it begins
    middle: str
    is_named: bool
    is_named_narrow: bool


@dataclass(frozen=True)
class Plot:
    height: int
    strips: tuple[Strip, ...]
    years: tuple[YearMark, ...]
    axis_y: int
    has_gaps: bool  # periods without any entry


def draw_plot(named: Sequence[tuple[str, Sequence[PeriodCount]]], measure: Measure) -> Plot:
    """Of phrases by name, all with the same periods. There may be nothing to draw: of an entry
    that came out while we counted, the periods tell nothing yet.
    """
    highest = max(measure.of(count) for _, counts in named for count in counts) or 1
    periods = named[0][1]
    return Plot(
        height=len(named) * STRIP + AXIS,
        strips=tuple(
            _draw_strip(name, counts, measure, HIGHEST / highest, top=place * STRIP)
            for place, (name, counts) in enumerate(named)
        ),
        years=_mark_years([count.period for count in periods]),
        axis_y=len(named) * STRIP + AXIS - 8,
        has_gaps=not all(count.published for count in periods),
    )


def draw_spark(counts: Sequence[PeriodCount]) -> tuple[Bar, ...]:
    """Bars of a width of 100 and a height of SPARK_HEIGHT, to be stretched to what there is."""
    values = [count.entries for count in counts]
    return _draw_bars(values, SPARK_HEIGHT / (max(values) or 1), ground=SPARK_HEIGHT, unit="")


def _draw_strip(
    name: str, counts: Sequence[PeriodCount], measure: Measure, scale: float, *, top: int
) -> Strip:
    ground = top + NAME_LINE + BAR_ROOM + HIGHEST
    return Strip(
        name=name,
        name_y=top + NAME_LINE - 8,
        ground_y=ground,
        bars=_draw_bars([measure.of(count) for count in counts], scale, ground=ground),
        stretches=_draw_ground(counts),
    )


def _draw_bars(
    values: Sequence[float], scale: float, *, ground: int, unit: str = "%"
) -> tuple[Bar, ...]:
    """`scale` is pixels for one; `unit` is that of what is measured across, where all is 100."""
    step = 100 / len(values)
    wide, narrow = _choose_numbered(values, WIDE), _choose_numbered(values, NARROW)
    bars = []
    for place, value in enumerate(values):
        if not value:
            continue
        height = max(LEAST, round(value * scale))
        bars.append(
            Bar(
                x=f"{(place + (1 - FILLED) / 2) * step:.3f}{unit}",
                width=f"{FILLED * step:.3f}{unit}",
                y=ground - height,
                height=height,
                number=f"{value:.0f}" if place in wide else "",
                number_y=ground - height - 5,
                is_numbered_narrow=place in narrow,
                middle=f"{(place + 0.5) * step:.3f}{unit}",
            )
        )
    return tuple(bars)


def _choose_numbered(values: Sequence[float], width: int) -> set[int]:
    """The places of bars whose numbers touch no other: the highest have the first choice."""
    needed = (DIGIT * len(f"{max(values):.0f}") + GAP) * len(values) / width  # in periods
    chosen: set[int] = set()
    for place in sorted(range(len(values)), key=lambda place: (-values[place], place)):
        if values[place] and all(abs(place - other) >= needed for other in chosen):
            chosen.add(place)
    return chosen


def _draw_ground(counts: Sequence[PeriodCount]) -> tuple[Stretch, ...]:
    step = 100 / len(counts)
    stretches = []
    done = 0
    for is_empty, group in groupby(counts, key=lambda count: not count.published):
        end = done + len(list(group))
        stretches.append(Stretch(f"{done * step:.3f}%", f"{end * step:.3f}%", is_empty))
        done = end
    return tuple(stretches)


def _mark_years(periods: Sequence[Period]) -> tuple[YearMark, ...]:
    step = 100 / len(periods)
    widths = [(year, len(list(group))) for year, group in groupby(periods, key=lambda p: p.year)]
    wide, narrow = (-(-len(widths) // most) for most in (MOST_YEARS, MOST_YEARS_NARROW))
    marks = []
    done = 0
    for place, (year, width) in enumerate(widths):
        marks.append(
            YearMark(
                year=year,
                x=f"{done * step:.3f}%",
                middle=f"{(done + width / 2) * step:.3f}%",
                is_named=place % wide == 0,
                is_named_narrow=place % narrow == 0,
            )
        )
        done += width
    return tuple(marks)
