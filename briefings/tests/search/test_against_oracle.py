"""Searches and counts equal those of who reads every text from its beginning.

Whatever the index is made of, nothing here knows it: only what goes in and comes out.
"""

from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from briefings.models import Audience
from briefings.phrases import trace_phrases
from briefings.search.query import parse_query
from briefings.tests.search.archives import (
    LONGEST_HEADLINE,
    VERY_LONG,
    Written,
    archive_of,
    choose_phrases,
    choose_wanted,
    find,
    write_entry,
    write_long_entry,
)
from briefings.tests.search.oracle import Wanted

pytestmark = pytest.mark.django_db

# Each example is a whole archive, asked dozens of times; a failing one is told by its number.
numbers = st.integers(0, 2**32)
archives = settings(
    max_examples=25,
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
few_archives = settings(archives, max_examples=6)


def check_searches(archive: list[Written], searches: list[Wanted], settled: int = 0) -> None:
    """Each finds what reading finds, no more and no less, and the best first."""
    readings = [written.read() for written in archive]
    with archive_of(*archive, settled=settled) as entries:
        for wanted in searches:
            expected = {
                entry.pk: reading.rank(wanted)
                for entry, reading in zip(entries, readings, strict=True)
                if reading.answers(wanted)
            }
            found = find(wanted.typed)

            assert sorted(found) == sorted(expected), wanted.typed
            ranks = [expected[pk] for pk in found]
            assert ranks == sorted(ranks), wanted.typed


def check_counts(archive: list[Written], phrases: list[str], settled: int = 0) -> None:
    """Of each phrase as many in each entry as reading counts."""
    readings = [written.read() for written in archive]
    with archive_of(*archive, settled=settled) as entries:
        for phrase in phrases:
            counted = {
                entry.pk: count
                for entry, reading in zip(entries, readings, strict=True)
                if (count := reading.count(phrase))
            }
            [term] = parse_query(f'"{phrase}"').terms
            _, [history] = trace_phrases([term], Audience.PUBLIC)

            found = (history.counts.entry_ids.tolist(), history.counts.occurrences.tolist())
            assert dict(zip(*found, strict=True)) == counted, phrase
            assert history.entries == sum(period.entries for period in history.periods)
            assert history.occurrences == sum(p.occurrences for p in history.periods)


@archives
@given(numbers)
def test_searches_find_what_reading_finds(number):
    random = Random(number)
    archive = [write_entry(random) for _ in range(random.randint(1, 7))]
    phrases = [p for kind in choose_phrases(random, archive).values() for p in kind]

    check_searches(archive, list(choose_wanted(random, phrases)), random.randint(0, len(archive)))


@few_archives
@given(numbers)
def test_searches_of_very_long_entries_find_what_reading_finds(number):
    random = Random(number)
    archive = [write_long_entry(random), write_entry(random), write_long_entry(random)]
    assert len(archive[0].texts[2]) >= VERY_LONG
    phrases = [p for kind in choose_phrases(random, archive).values() for p in kind]

    check_searches(archive, list(choose_wanted(random, phrases)), random.randint(0, len(archive)))


@archives
@given(numbers)
def test_phrases_are_counted_as_reading_counts(number):
    random = Random(number)
    archive = [write_entry(random) for _ in range(random.randint(1, 7))]
    phrases = [p for kind in choose_phrases(random, archive).values() for p in kind]

    check_counts(archive, phrases, random.randint(0, len(archive)))


@few_archives
@given(numbers)
def test_phrases_of_very_long_entries_are_counted_as_reading_counts(number):
    random = Random(number)
    archive = [write_long_entry(random), write_entry(random), write_long_entry(random)]
    phrases = [p for kind in choose_phrases(random, archive).values() for p in kind]

    check_counts(archive, phrases, random.randint(0, len(archive)))


@pytest.mark.parametrize(
    ("phrase", "text", "count"),
    [
        ("試試", "試試試。", 1),
        ("試試", "試試試試", 2),
        ("試試", "試、試試。试\n试", 2),
        ("5G工業", "5G工業5G、工业，5g 工業", 3),
        ("工業、發展", "工業發展工業，發展工業。發展", 2),
        ("5G 5G", "5G 5G 5G試", 1),
    ],
)
def test_overlaps_and_gaps_are_counted(phrase, text, count):
    archive = [Written(text, text, (text, "。", text))]

    assert archive[0].read().count(phrase) == 4 * count
    check_counts(archive, [phrase])


LONG_WORD = "ag" * 100


@pytest.mark.parametrize(
    "written",
    [
        Written(LONG_WORD[:LONGEST_HEADLINE]),
        Written("工", LONG_WORD),
        Written("工", "", ("工業", LONG_WORD)),
    ],
)
def test_a_word_of_many_letters_is_found_whole_and_only_whole(written):
    word = max(written.texts, key=len).split()[-1]
    others = [word[:-1], word[1:], *(word[:cut] for cut in (2, 63, 64, 65)), word[64:]]
    with archive_of(written) as [entry]:
        assert find(word) == [entry.pk]
        assert [other for other in others if find(other)] == []


def test_entries_of_a_headline_only_are_found_and_counted():
    archive = [Written("工業發展"), Written("年", "工業"), Written("年", "", ("工業",))]

    check_searches(archive, [Wanted((("工業",),)), Wanted((("年",),), ("工業",))])
    check_counts(archive, ["工業", "年"])
