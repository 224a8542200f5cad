"""Where a phrase stands in texts, in what context, and how often in each quarter or year.

Texts go in and occurrences come out: no database has a part in it. What counts as the phrase is
what search finds by it (`query.Phrase`), in the characters of the text as written.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from enum import StrEnum
from typing import NamedTuple, Self

from briefings.search.fold import fold
from briefings.search.query import Phrase
from briefings.search.snippets import SENTENCE_ENDS

CONTEXT = 20  # characters shown on each side of an occurrence: what a line on a desk takes
LONGEST_SENTENCE = 160  # characters; of a longer one, what stands nearest
_CLOSING = "」』”）"  # may stand behind the end of a sentence, as part of it
_NEVER_FIRST = "，、：；。！？》〉…\u3000 \r\n" + _CLOSING
# Beyond these many quarters bars and rows are too many to read, and it is counted by years.
MOST_QUARTERS = 160
QUARTERS_AT_FIRST = 24  # in an archive of up to so many, quarters are shown unless years are asked


class Occurrence(NamedTuple):
    """`passage[start:end]` is the phrase."""

    passage: str
    start: int
    end: int


class Context(NamedTuple):
    """Adjacent parts of a passage."""

    before: str
    match: str
    after: str


class DayCount(NamedTuple):
    """What the entries of a day's editions have, or some of them; days may come more than once."""

    day: date
    entries: int
    occurrences: int


# ----------------------------------------------------------------------------------- in the text


def find_occurrences(phrase: Phrase, passages: Iterable[str]) -> Iterator[Occurrence]:
    """In the order of the passages; none runs from one into the next.

    Of two that overlap, as of 試試 in 試試試, the first counts and the other doesn't.
    """
    for passage in passages:
        done = 0
        for start, end in phrase.find_in(fold(passage)):
            if start >= done:
                yield Occurrence(passage, start, end)
                done = end


def find_context(occurrence: Occurrence, width: int = CONTEXT) -> Context:
    """Up to `width` characters of the same passage on each side; punctuation begins none."""
    passage, start, end = occurrence
    begin = max(0, start - width)
    while 0 < begin < start and passage[begin] in _NEVER_FIRST:
        begin += 1
    return _cut(occurrence, begin, min(len(passage), end + width))


def find_sentence(occurrence: Occurrence) -> Context:
    """The sentence round it with its full stop, or what of a long one stands nearest."""
    passage, start, end = occurrence
    room = max(0, LONGEST_SENTENCE - (end - start)) // 2
    begin = max(passage.rfind(mark, 0, start) for mark in SENTENCE_ENDS) + 1
    while begin < start and passage[begin] in _NEVER_FIRST:
        begin += 1
    ends = [place for mark in SENTENCE_ENDS if (place := passage.find(mark, end)) != -1]
    stop = min(ends, default=len(passage) - 1) + 1
    if passage[stop - 1 : stop] == "\n":
        stop -= 1
    elif passage[stop : stop + 1] and passage[stop] in _CLOSING:
        stop += 1
    return _cut(occurrence, max(begin, start - room), max(end, min(stop, end + room)))


def _cut(occurrence: Occurrence, begin: int, stop: int) -> Context:
    passage, start, end = occurrence
    return Context(passage[begin:start], passage[start:end], passage[end:stop])


# ------------------------------------------------------------------------------------- over time


class Unit(StrEnum):
    QUARTER = "quarter"
    YEAR = "year"

    @property
    def label(self) -> str:
        return {"quarter": "季", "year": "年"}[self.value]


class Period(NamedTuple):
    """A quarter of a year, or with 0 for the quarter all of it."""

    year: int
    quarter: int = 0

    @classmethod
    def of(cls, day: date, unit: Unit) -> Self:
        return cls(day.year, (day.month + 2) // 3 if unit == Unit.QUARTER else 0)

    @property
    def following(self) -> "Period":
        if self.quarter in (0, 4):
            return Period(self.year + 1, min(self.quarter, 1))
        return Period(self.year, self.quarter + 1)

    @property
    def label(self) -> str:
        return f"{self.year}年第{self.quarter}季" if self.quarter else f"{self.year}年"


class PeriodCount(NamedTuple):
    """What a period has of a phrase, and of entries in all."""

    period: Period
    published: int
    entries: int
    occurrences: int

    @property
    def share(self) -> float | None:
        """Of the entries of this period those with the phrase, in per cent; None without any."""
        return 100 * self.entries / self.published if self.published else None


def choose_unit(days: Iterable[date], wanted: Unit | None = None) -> Unit:
    """What an archive of these days is counted by: the unit wanted, unless it makes too many."""
    years = [day.year for day in days]
    quarters = 4 * (max(years) - min(years) + 1) if years else 0
    if quarters > (QUARTERS_AT_FIRST if wanted is None else MOST_QUARTERS):
        return Unit.YEAR
    return wanted or Unit.QUARTER


def list_periods(days: Iterable[date], unit: Unit) -> list[Period]:
    """From the first of the days to the last, without a gap."""
    known = {Period.of(day, unit) for day in days}
    if not known:
        return []
    periods = [min(known)]
    while periods[-1] < max(known):
        periods.append(periods[-1].following)
    return periods


def count_by_period(
    found: Iterable[DayCount], published: Mapping[date, int], unit: Unit
) -> list[PeriodCount]:
    """For every period of the archive, also those without an occurrence.

    `published` has the entries of each day on which there was an edition, with the phrase or not.
    """
    in_all: Counter[Period] = Counter()
    for day, entries in published.items():
        in_all[Period.of(day, unit)] += entries
    entries_of: Counter[Period] = Counter()
    occurrences_of: Counter[Period] = Counter()
    for day, entries, occurrences in found:
        entries_of[Period.of(day, unit)] += entries
        occurrences_of[Period.of(day, unit)] += occurrences
    return [
        PeriodCount(period, in_all[period], entries_of[period], occurrences_of[period])
        for period in list_periods(published, unit)
    ]
