"""A phrase's history (提法): when it first appeared, how often since, and where.

A phrase here is exactly these words in whatever script, and no other wording of them. All that is
told comes from the entries that the audience handed in may see.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, cast

from django.db import connection
from django.db.models import Count, Q
from django.urls import reverse
from django.utils.http import urlencode

from briefings.html import to_text
from briefings.models import Audience, Entry, EntryQuerySet, PinnedPhrase
from briefings.search.backends.base import Field
from briefings.search.fold import fold
from briefings.search.index import open_backend, search_entries
from briefings.search.occurrences import (
    Context,
    DatedText,
    DayCount,
    EntryCount,
    PeriodCount,
    Unit,
    choose_unit,
    count_by_period,
    count_occurrences,
    find_context,
    find_occurrences,
    find_sentence,
)
from briefings.search.query import Phrase, Query, Term, parse_query
from briefings.search.snippets import join_lines
from briefings.search.tokens import INVISIBLE, split_runs

MOST_COMPARED = 4
LONGEST_PHRASE = 40  # characters; as long as one that is pinned may be
MOST_PINNED = 24  # shown to readers; each has a part in one query
_READ_AT_ONCE = 200  # rows, some 3 kB each
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
    runs = split_runs(text)
    return Term(text, Phrase(tuple(runs)), is_exact=True) if runs else None


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


@dataclass(frozen=True)
class PhraseHistory:
    term: Term
    counts: tuple[EntryCount, ...]  # the oldest first
    first: Appearance | None
    periods: tuple[PeriodCount, ...]
    note: str = ""  # an editor's, of a pinned phrase

    @property
    def entries(self) -> int:
        return len(self.counts)

    @property
    def occurrences(self) -> int:
        return sum(count.occurrences for count in self.counts)

    @property
    def last_day(self) -> date | None:
        return self.counts[-1].day if self.counts else None


def trace_phrases(
    terms: Sequence[Term], audience: Audience, wanted: Unit | None = None
) -> tuple[Unit, list[PhraseHistory]]:
    """The histories, and the unit they are counted by.

    A query for each phrase and three more. Reads the text of every entry that has one of them.
    """
    published = count_published(audience)
    unit = choose_unit(published, wanted)
    counts = [
        tuple(count_occurrences(term.typed, read_texts(term, audience))) if published else ()
        for term in terms
    ]
    first_ids = {of_one[0].entry_id for of_one in counts if of_one}
    entries = _visible(audience).select_related("edition").in_bulk(first_ids)
    notes = _find_notes(terms)
    return unit, [
        PhraseHistory(
            term=term,
            counts=of_one,
            first=_show_first(term, entries.get(of_one[0].entry_id)) if of_one else None,
            periods=tuple(count_by_period((c.as_day for c in of_one), published, unit)),
            # What editors say of a phrase that nobody may read yet is for nobody either.
            note=notes.get(term.typed, "") if of_one else "",
        )
        for term, of_one in zip(terms, counts, strict=True)
    ]


def read_texts(term: Term, audience: Audience) -> Iterator[DatedText]:
    """Those in which the index finds the phrase, the oldest first, a few at a time. One query."""
    found = search_entries(Query((term,)), _visible(audience)).oldest_first()
    rows = found.values_list("pk", "edition__date", "headline", "lead", "body")
    for pk, day, headline, lead, body in rows.iterator(chunk_size=_READ_AT_ONCE):
        # What may be seen is published, and what is published has a date.
        yield DatedText(pk, cast(date, day), (headline, lead, to_text(body)))


def count_published(audience: Audience) -> dict[date, int]:
    """Entries of each day on which there was an edition. One query."""
    days = _visible(audience).order_by().values_list("edition__date")
    return dict(days.annotate(Count("pk")))


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
    places: dict[int, slice] = {}  # of each entry which of its occurrences
    done = 0
    for entry_id, _, occurrences in history.counts:
        if wanted.start < done + occurrences and done < wanted.stop:
            places[entry_id] = slice(max(0, wanted.start - done), wanted.stop - done)
        done += occurrences
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
    """Those that some entry has which the audience may see. Two queries."""
    pinned = _name_terms(PinnedPhrase.objects.all()[:MOST_PINNED])
    days = count_by_day([term for _, term in pinned], _visible(audience)) if pinned else []
    published = {day: in_all for day, in_all, _ in days}
    unit = choose_unit(published)
    histories = []
    for place, (phrase, _) in enumerate(pinned):
        counts = [DayCount(day, found[place], 0) for day, _, found in days if found[place]]
        if counts:
            first = min(count.day for count in counts)
            periods = tuple(count_by_period(counts, published, unit))
            histories.append(PinnedHistory(phrase, periods, first.year))
    return histories


def count_entries(
    phrases: Iterable[PinnedPhrase], audience: Audience
) -> list[tuple[PinnedPhrase, int]]:
    """How many entries have each of them. One query."""
    pinned = _name_terms(phrases)
    days = count_by_day([term for _, term in pinned], _visible(audience)) if pinned else []
    return [
        (phrase, sum(found[place] for _, _, found in days))
        for place, (phrase, _) in enumerate(pinned)
    ]


def _name_terms(phrases: Iterable[PinnedPhrase]) -> list[tuple[PinnedPhrase, Term]]:
    """Without those that only raw SQL could have stored: with neither letter nor digit."""
    terms = ((phrase, make_term(phrase.text)) for phrase in phrases)
    return [(phrase, term) for phrase, term in terms if term]


def count_by_day(
    terms: Sequence[Term], visible: EntryQuerySet
) -> list[tuple[date, int, tuple[int, ...]]]:
    """For each day its entries in all, and those with each of the terms. One query."""
    backend = open_backend(connection)
    found = {
        f"term_{place}": Count(
            "pk", filter=Q(pk__in=backend.select_matches(Query((term,)), Field.BODY))
        )
        for place, term in enumerate(terms)
    }
    rows = visible.order_by().values_list("edition__date").annotate(in_all=Count("pk"), **found)
    return [(day, in_all, tuple(counts)) for day, in_all, *counts in rows]


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
