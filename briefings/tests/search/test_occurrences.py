from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from briefings.search.fold import fold
from briefings.search.occurrences import (
    CONTEXT,
    LONGEST_SENTENCE,
    MOST_QUARTERS,
    DayCount,
    Occurrence,
    Period,
    Unit,
    choose_unit,
    count_by_period,
    find_context,
    find_occurrences,
    find_sentence,
    list_periods,
)
from briefings.search.query import Phrase
from briefings.search.tokens import split_runs
from briefings.tests.search.samples import SENTENCES

DAYS = st.dates(date(1990, 1, 1), date(2060, 12, 31))
FOLDED_HAN = st.text(alphabet="工业发展试", min_size=1, max_size=4)


def phrase(text: str) -> Phrase:
    return Phrase(tuple(split_runs(text)))


def find(typed: str, *passages: str) -> list[str]:
    found = find_occurrences(phrase(typed), passages)
    return [passage[start:end] for passage, start, end in found]


# ----------------------------------------------------------------------------------- in the text
@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("新质生产力", "新質生產力"),
        ("新質生產力", "新质生产力"),
        ("台灣", "臺灣"),
        ("5G", "５Ｇ"),
        ("新質生產力", "新質\n生產力"),
        ("5G 工業", "5G、工業"),
    ],
)
def test_what_is_found_is_as_it_was_written(typed, written):
    assert find(typed, f"發展{written}的") == [written]


def test_other_wordings_are_other_phrases():
    assert find("強積金", "MPF與強制性公積金") == []


def test_no_phrase_runs_from_one_passage_into_the_next():
    assert find("工業發展", "香港工業", "發展之路") == []


def test_of_two_that_overlap_the_first_counts():
    assert find("試試", "試試試試試") == ["試試", "試試"]


@given(FOLDED_HAN, st.text(alphabet="工业发展试，", max_size=40))
def test_of_plain_characters_as_many_are_found_as_python_counts(typed, text):
    assert len(find(typed, text)) == text.count(typed)


@given(st.text(max_size=60), st.text(min_size=1, max_size=6))
def test_nothing_typed_and_nothing_written_breaks_it_and_places_are_in_order(text, typed):
    if not split_runs(typed):
        return
    found = list(find_occurrences(phrase(typed), [text]))

    assert all(0 <= start < end <= len(text) for _, start, end in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert all(split_runs(text[start:end]) for _, start, end in found)


@given(st.sampled_from(SENTENCES), st.data())
def test_any_words_of_a_text_are_found_in_either_script(sentence, data):
    start = data.draw(st.integers(0, len(sentence) - 3))
    typed = sentence[start : start + 3]
    if len(split_runs(typed)) != 1 or not all("\u4e00" <= c <= "\u9fff" for c in typed):
        return

    assert typed in find(typed, sentence)
    assert find(fold(typed), sentence) == find(typed, sentence)


@given(st.sampled_from(SENTENCES), st.sampled_from(SENTENCES), st.integers(0, 30))
def test_a_context_is_a_slice_of_the_passage(before, after, width):
    passage = f"{before}新質生產力{after}"
    for occurrence in find_occurrences(phrase("新質生產力"), [passage]):
        context = find_context(occurrence, width)

        assert "".join(context) in passage
        assert context.match == "新質生產力"
        assert len(context.before) <= width
        assert len(context.after) <= width


def test_no_context_begins_with_punctuation_that_was_cut_off_a_sentence():
    passage = "前" * 5 + "。" + "中" * (CONTEXT - 1) + "關稅"
    [occurrence] = find_occurrences(phrase("關稅"), [passage])

    assert find_context(occurrence).before == "中" * (CONTEXT - 1)


@pytest.mark.parametrize(
    ("passage", "sentence"),
    [
        ("前句。關稅上調。後句。", "關稅上調。"),
        ("關稅上調", "關稅上調"),
        ("他說：「前句。」關稅上調！後句。", "關稅上調！"),
        ("他說：「關稅上調。」後句。", "他說：「關稅上調。」"),
        ("小標題\n關稅上調\n後段。", "關稅上調"),
        ("關稅", "關稅"),
    ],
)
def test_the_sentence_round_an_occurrence(passage, sentence):
    [occurrence] = find_occurrences(phrase("關稅"), [passage])

    assert "".join(find_sentence(occurrence)) == sentence


@given(st.text(alphabet="甲乙。！\n」，", max_size=300), st.text(alphabet="甲。\n」", max_size=300))
def test_a_sentence_is_part_of_the_passage_and_never_too_long(before, after):
    passage = f"{before}關稅{after}"
    context = find_sentence(Occurrence(passage, len(before), len(before) + 2))

    assert passage[: len(before)].endswith(context.before)
    assert context.match == "關稅"
    assert passage[len(before) + 2 :].startswith(context.after)
    assert len("".join(context)) <= LONGEST_SENTENCE


# ------------------------------------------------------------------------------------- over time
@pytest.mark.parametrize(
    ("day", "quarter"),
    [(date(2026, 1, 1), 1), (date(2026, 3, 31), 1), (date(2026, 4, 1), 2), (date(2026, 12, 31), 4)],
)
def test_a_day_is_of_its_quarter(day, quarter):
    assert Period.of(day, Unit.QUARTER) == (2026, quarter)


@given(st.lists(DAYS, max_size=8), st.sampled_from(Unit))
def test_periods_have_no_gap_and_reach_from_first_to_last(days, unit):
    periods = list_periods(days, unit)

    assert {Period.of(day, unit) for day in days} <= set(periods)
    assert all(one.following == other for one, other in pairwise(periods))
    if days:
        ends = Period.of(min(days), unit), Period.of(max(days), unit)
        assert (periods[0], periods[-1]) == ends


@given(st.dictionaries(DAYS, st.integers(1, 9), max_size=8), st.data())
def test_counting_by_periods_loses_nothing(published, data):
    days = list(published)
    found = [
        DayCount(day, data.draw(st.integers(0, published[day])), data.draw(st.integers(0, 20)))
        for day in days
    ]
    for unit in Unit:
        rows = count_by_period(found, published, unit)

        assert sum(row.published for row in rows) == sum(published.values())
        assert sum(row.entries for row in rows) == sum(day.entries for day in found)
        assert sum(row.occurrences for row in rows) == sum(day.occurrences for day in found)


def test_quarters_without_the_phrase_or_without_an_edition_are_counted_too():
    published = {date(2025, 11, 1): 2, date(2026, 2, 1): 4, date(2026, 8, 1): 3}

    rows = count_by_period([DayCount(date(2026, 2, 1), 1, 5)], published, Unit.QUARTER)

    assert [(row.period.label, row.published, row.entries, row.share) for row in rows] == [
        ("2025年第4季", 2, 0, 0),
        ("2026年第1季", 4, 1, 25),
        ("2026年第2季", 0, 0, None),
        ("2026年第3季", 3, 0, 0),
    ]


@pytest.mark.parametrize(
    ("years", "wanted", "unit"),
    [
        (0, None, Unit.QUARTER),
        (5, None, Unit.QUARTER),
        (6, None, Unit.YEAR),
        (20, Unit.QUARTER, Unit.QUARTER),
        (3, Unit.YEAR, Unit.YEAR),
        (MOST_QUARTERS, Unit.QUARTER, Unit.YEAR),
    ],
)
def test_an_archive_is_counted_by_what_was_asked_for_or_fits_its_span(years, wanted, unit):
    first = date(2000, 6, 1)

    assert choose_unit([first, first + timedelta(days=years * 365.25)], wanted) == unit


def test_an_archive_without_an_edition_has_no_periods():
    assert choose_unit([]) == Unit.QUARTER
    assert list_periods([], Unit.QUARTER) == []
