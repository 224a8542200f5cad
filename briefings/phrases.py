"""A phrase's history (提法): when it first appeared, how often since, and where.

A phrase here is exactly these words in whatever script, and no other wording of them. All that is
told comes from the entries that the audience handed in may see.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
from django.urls import reverse
from django.utils.http import urlencode
from numpy.typing import NDArray

from briefings.catalogue import Archive, open_archive
from briefings.models import Audience, Entry, EntryQuerySet, PinnedPhrase
from briefings.search.fold import fold
from briefings.search.matching import Ids, Lists, drop_overlapping, find_places, measure
from briefings.search.occurrences import (
    Context,
    DayCount,
    PeriodCount,
    Unit,
    choose_unit,
    count_by_period,
    find_context,
    find_occurrences,
    find_sentence,
)
from briefings.search.query import Phrase, Term, parse_query
from briefings.search.snippets import join_lines
from briefings.search.tokens import INVISIBLE, split_runs

MOST_COMPARED = 4
LONGEST_PHRASE = 40  # characters; as long as one that is pinned may be
MOST_PINNED = 24  # shown to readers; each has a part in one query
_INVISIBLES = re.compile(f"{INVISIBLE}+")


class Wanted(NamedTuple):
    """What a reader asked for; the problems are Chinese sentences."""

    terms: tuple[Term, ...]
    problems: tuple[str, ...]


def read_phrases(typed: Sequence[str]) -> Wanted:
    """Each of `typed` is one phrase, white space and all; empty ones are not there.

    Anything can be handed in.
    """
    terms: dict[Phrase, Term] = {}
    problems: dict[str, None] = {}
    for text in filter(None, map(_tidy, typed)):
        if len(text) > LONGEST_PHRASE:
            problems[f"提法太長，只取前面{LONGEST_PHRASE}個字。"] = None
        if term := make_term(text[:LONGEST_PHRASE]):
            terms.setdefault(term.typed, term)
        else:
            problems[f"「{text[:LONGEST_PHRASE]}」沒有文字或數字。"] = None
    if len(terms) > MOST_COMPARED:
        problems[f"最多比較{MOST_COMPARED}個提法，只取最前的。"] = None
    return Wanted(tuple(terms.values())[:MOST_COMPARED], tuple(problems))


def make_term(text: str) -> Term | None:
    """None if it has neither letter nor digit."""
    phrase = Phrase.read(text)
    return Term(text, phrase, is_exact=True) if phrase else None


def _tidy(text: str) -> str:
    """One line, without quotation marks round all of it."""
    text = _INVISIBLES.sub(" ", text).strip()
    quoted = parse_query(text).terms[:1]
    is_whole = quoted and quoted[0].is_exact and quoted[0].typed.runs == tuple(split_runs(text))
    return quoted[0].text.strip() if is_whole else text


def make_address(texts: Iterable[str]) -> str:
    """Of the page that compares these phrases."""
    return f"{reverse('briefings:phrases')}?{urlencode({'q': list(texts)}, doseq=True)}"


# ------------------------------------------------------------------------------------ one history


@dataclass(frozen=True)
class Appearance:
    """An entry, its edition loaded, and words of it round the phrase."""

    entry: Entry
    context: Context


class EntryCounts(NamedTuple):
    """Columns of the entries that have a phrase, the oldest first."""

    entry_ids: Ids
    days: NDArray[np.int32]  # as `date.toordinal` gives them
    occurrences: NDArray[np.int64]

    @property
    def by_day(self) -> list[DayCount]:
        days, places = np.unique(self.days, return_inverse=True)
        entries = np.bincount(places, minlength=len(days)).tolist()
        occurrences = np.zeros(len(days), np.int64)
        np.add.at(occurrences, places, self.occurrences)
        rows = zip(days.tolist(), entries, occurrences.tolist(), strict=True)
        return [DayCount(date.fromordinal(day), *counts) for day, *counts in rows]


@dataclass(frozen=True)
class PhraseHistory:
    term: Term
    counts: EntryCounts
    first: Appearance | None
    periods: tuple[PeriodCount, ...]
    note: str = ""  # an editor's, of a pinned phrase

    @property
    def entries(self) -> int:
        return len(self.counts.entry_ids)

    @property
    def occurrences(self) -> int:
        return int(self.counts.occurrences.sum())

    @property
    def last_day(self) -> date | None:
        return date.fromordinal(int(self.counts.days[-1])) if self.entries else None


def trace_phrases(
    terms: Sequence[Term], audience: Audience, wanted: Unit | None = None
) -> tuple[Unit, list[PhraseHistory]]:
    """The histories, and the unit they are counted by.

    Four queries. Of all entries that have a phrase only the first is read.
    """
    archive = open_archive(audience)
    published = count_published(archive)
    unit = choose_unit(published, wanted)
    lists = archive.index.look_up(token for term in terms for token in term.typed.tokens)
    counts = [count_occurrences(term.typed, archive, lists) for term in terms]
    first_ids = {int(of_one.entry_ids[0]) for of_one in counts if len(of_one.entry_ids)}
    entries = _visible(audience).select_related("edition").in_bulk(first_ids)
    notes = _find_notes(terms)
    return unit, [
        PhraseHistory(
            term=term,
            counts=of_one,
            first=_show_first(term, entries.get(int(of_one.entry_ids[0]))) if is_there else None,
            periods=tuple(count_by_period(of_one.by_day, published, unit)),
            # What editors say of a phrase that nobody may read yet is for nobody either.
            note=notes.get(term.typed, "") if is_there else "",
        )
        for term, of_one in zip(terms, counts, strict=True)
        for is_there in [len(of_one.entry_ids) > 0]
    ]


def count_occurrences(phrase: Phrase, archive: Archive, lists: Lists) -> EntryCounts:
    """`lists` has the phrase's tokens."""
    places = drop_overlapping(find_places(phrase, lists).all, measure(phrase))
    occurrences = archive.sight.count(places)
    oldest = archive.catalogue.oldest_first
    rows = oldest[occurrences[oldest] > 0]
    catalogue = archive.catalogue
    return EntryCounts(catalogue.entry_ids[rows], catalogue.days[rows], occurrences[rows])


def count_published(archive: Archive) -> dict[date, int]:
    """Entries of each day on which there was an edition."""
    days, entries = np.unique(archive.catalogue.days, return_counts=True)
    return {
        date.fromordinal(day): count
        for day, count in zip(days.tolist(), entries.tolist(), strict=True)
    }


def _visible(audience: Audience) -> EntryQuerySet:
    return Entry.objects.visible_to(audience)


def _show_first(term: Term, entry: Entry | None) -> Appearance | None:
    """In a sentence of lead or body if it is there; None if it was withdrawn while we read."""
    if entry is None:
        return None
    headline, lead, body = entry.indexed_text
    occurrence = next(find_occurrences(term.typed, (lead, body, headline)), None)
    return Appearance(entry, _flow(find_sentence(occurrence))) if occurrence else None


def _flow(context: Context) -> Context:
    return Context(join_lines(context.before), context.match, join_lines(context.after))


def _find_notes(terms: Iterable[Term]) -> dict[Phrase, str]:
    folded = {" ".join(term.typed.runs): term.typed for term in terms}
    notes = PinnedPhrase.objects.filter(folded__in=folded).values_list("folded", "note")
    return {folded[key]: note for key, note in notes}


def show_contexts(history: PhraseHistory, wanted: range, audience: Audience) -> list[Appearance]:
    """Of all occurrences in order, the oldest first and counted from 0, those wanted. One query."""
    counts = history.counts
    ends = np.cumsum(counts.occurrences)
    begins = ends - counts.occurrences
    having = np.flatnonzero((begins < wanted.stop) & (ends > wanted.start))
    places = {  # of each entry which of its occurrences
        int(counts.entry_ids[i]): slice(
            max(0, wanted.start - int(begins[i])), wanted.stop - int(begins[i])
        )
        for i in having
    }
    entries = _visible(audience).select_related("edition").in_bulk(places)
    return [
        Appearance(entry, _flow(find_context(occurrence)))
        for entry_id, own in places.items()
        if (entry := entries.get(entry_id))  # unless it was withdrawn while we read
        for occurrence in list(find_occurrences(history.term.typed, entry.indexed_text))[own]
    ]


# -------------------------------------------------------------------------- what editors pinned


@dataclass(frozen=True)
class PinnedHistory:
    """As much of a history as the index tells without a text being read."""

    phrase: PinnedPhrase
    periods: tuple[PeriodCount, ...]  # without occurrences
    first_year: int

    @property
    def entries(self) -> int:
        return sum(period.entries for period in self.periods)

    @property
    def address(self) -> str:
        return make_address([self.phrase.text])


def list_pinned(audience: Audience) -> list[PinnedHistory]:
    """Those that some entry has which the audience may see. Two or three queries."""
    archive = open_archive(audience)
    published = count_published(archive)
    unit = choose_unit(published)
    histories = []
    for phrase, counts in _count_pinned(PinnedPhrase.objects.all()[:MOST_PINNED], archive):
        if len(counts.days):
            periods = tuple(count_by_period(counts.by_day, published, unit))
            first_year = date.fromordinal(int(counts.days[0])).year
            histories.append(PinnedHistory(phrase, periods, first_year))
    return histories


def count_entries(
    phrases: Iterable[PinnedPhrase], audience: Audience
) -> list[tuple[PinnedPhrase, int]]:
    """How many entries have each of them. Two queries."""
    counted = _count_pinned(phrases, open_archive(audience))
    return [(phrase, len(counts.entry_ids)) for phrase, counts in counted]


def _count_pinned(
    phrases: Iterable[PinnedPhrase], archive: Archive
) -> Iterator[tuple[PinnedPhrase, EntryCounts]]:
    pinned = _name_terms(phrases)
    lists = archive.index.look_up(token for _, term in pinned for token in term.typed.tokens)
    for phrase, term in pinned:
        yield phrase, count_occurrences(term.typed, archive, lists)


def _name_terms(phrases: Iterable[PinnedPhrase]) -> list[tuple[PinnedPhrase, Term]]:
    """Without those that only raw SQL could have stored: with neither letter nor digit."""
    terms = ((phrase, make_term(phrase.text)) for phrase in phrases)
    return [(phrase, term) for phrase, term in terms if term]


def find_pinned_in(entry: Entry) -> list[PinnedPhrase]:
    """Those that the entry has. One query."""
    folded = [fold(passage) for passage in entry.indexed_text]
    return [
        phrase
        for phrase, term in _name_terms(PinnedPhrase.objects.all()[:MOST_PINNED])
        if any(any(term.typed.find_in(passage)) for passage in folded)
    ]


# ------------------------------------------------------------------------------- for a spreadsheet

COUNT_HEADINGS = ("提法", "期間", "期內短評", "提及的短評", "佔百分比", "出現次數")
# What makes a spreadsheet take a cell for a formula, in full width too.
_FORMULA_STARTS = tuple("=+-@＝＋－＠\t\r")


def list_counts(histories: Iterable[PhraseHistory]) -> Iterator[tuple[object, ...]]:
    """Headings, then a row for each phrase and period; a share is of 100, empty where of none."""
    yield COUNT_HEADINGS
    for history in histories:
        name = disarm(history.term.text)
        for count in history.periods:
            share = "" if count.share is None else f"{count.share:.1f}"
            yield (
                *(name, count.period.label, count.published),
                *(count.entries, share, count.occurrences),
            )


def disarm(cell: str) -> str:
    """So that a spreadsheet shows what a reader typed and never computes it."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
