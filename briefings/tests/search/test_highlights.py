"""What is highlighted is what was asked for, and nothing else."""

import re
from html import unescape
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from briefings.search.query import parse_query
from briefings.search.snippets import CONTEXT, SNIPPET_LENGTH, highlight, make_snippet
from briefings.tests.search.archives import (
    Written,
    archive_of,
    choose_phrases,
    choose_wanted,
    write_entry,
)
from briefings.tests.search.oracle import Wanted, find_spans

numbers = st.integers(0, 2**32)
by_number = settings(max_examples=50, phases=[Phase.reuse, Phase.generate])
archives = settings(
    by_number, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
_STORY = re.compile(
    r'<article class="story">.*?<h2><a href="[^"]*">(.*?)</a></h2>\s*'
    r'<p class="story-text">(.*?)</p>',
    re.DOTALL,
)
_MARK = re.compile(r"<mark>(.*?)</mark>", re.DOTALL)


def list_wanted(wanted: Wanted) -> list[str]:
    return [phrase for group in wanted.groups for phrase in group]


def list_matched(phrases: list[str], text: str) -> set[int]:
    """The places of the characters that stand in a phrase or between two of its characters."""
    spans = (span for phrase in phrases for span in find_spans(phrase, text))
    return {place for start, end in spans for place in range(start, end)}


def list_marked(fragments: list[tuple[str, bool]]) -> set[int]:
    marked: set[int] = set()
    done = 0
    for text, is_match in fragments:
        if is_match:
            marked |= set(range(done, done + len(text)))
        done += len(text)
    return marked


@by_number
@given(numbers)
def test_the_characters_that_match_are_highlighted_and_no_others(number):
    random = Random(number)
    archive = [write_entry(random) for _ in range(2)]
    phrases = [p for kind in choose_phrases(random, archive).values() for p in kind]
    for wanted in choose_wanted(random, phrases):
        for text in (text for written in archive for text in written.texts):
            fragments = highlight(text, parse_query(wanted.typed))

            assert "".join(part for part, _ in fragments) == text
            assert list_marked(fragments) == list_matched(list_wanted(wanted), text), wanted.typed


@by_number
@given(numbers, st.sampled_from([CONTEXT + 1, SNIPPET_LENGTH]))
def test_a_snippet_highlights_what_matches_in_the_part_it_shows(number, length):
    random = Random(number)
    archive = [write_entry(random)]
    text = "\n".join(archive[0].texts)
    phrases = [p for kind in choose_phrases(random, archive).values() for p in kind]
    for wanted in choose_wanted(random, phrases):
        fragments = make_snippet(text, parse_query(wanted.typed), length=length)
        is_begun = fragments[0] == ("…", False)
        shown = fragments[is_begun : len(fragments) - (fragments[-1] == ("…", False))]
        part = "".join(words for words, _ in shown)
        matched = list_matched(list_wanted(wanted), text)
        places = [i for i in range(len(text)) if text.startswith(part, i)]

        assert any(
            list_marked(shown) == {place - i for place in matched if i <= place < i + len(part)}
            for i in places
        ), wanted.typed
        assert not matched or list_marked(shown)


@pytest.mark.django_db
@archives
@given(numbers)
def test_the_search_page_marks_what_was_asked_for(client, number):
    random = Random(number)
    archive: list[Written] = [write_entry(random) for _ in range(3)]
    phrases = [p for kind in choose_phrases(random, archive).values() for p in kind]
    headlines = {"".join(written.headline.split()) for written in archive}
    with archive_of(*archive):
        for phrase in phrases:
            page = client.get("/search/", {"q": f'"{phrase}"'}).content.decode()
            for headline, snippet in _STORY.findall(page):
                assert "".join(unescape(_MARK.sub(r"\1", headline)).split()) in headlines
                marked = [unescape(mark) for mark in _MARK.findall(headline + snippet)]

                assert marked, phrase
                for mark in marked:  # where two overlap they are marked as one, which is longer
                    assert list_matched([phrase], mark) == set(range(len(mark))), phrase
