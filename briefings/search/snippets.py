"""Showing a reader where a text answers the query, in the text's own characters.

Folding keeps lengths, so a place in the folded text is the place in the text as written.
"""

import re
from collections.abc import Iterable
from functools import reduce
from html import escape
from itertools import islice, takewhile
from operator import or_
from typing import NamedTuple

from django.utils.safestring import SafeString, mark_safe

from briefings.search.fold import fold
from briefings.search.query import Query

SNIPPET_LENGTH = 120  # characters, about three lines on a phone
CONTEXT = 40  # characters shown before the first match, at most
MAX_WEIGHED = 100  # places; a text that repeats one word without end costs no more
SENTENCE_ENDS = "。！？；\n"
# HTML shows a line break as a space, which Chinese doesn't put after its punctuation. Elsewhere,
# as behind a heading, the space is all that tells one paragraph from the next.
_BREAK_AFTER_PUNCTUATION = re.compile(r"(?<=[。！？；：，、」』）》〉…])\s*\n\s*")


class Fragment(NamedTuple):
    text: str
    is_match: bool


class Place(NamedTuple):
    """text[start:end] answers the terms of which the bits are set."""

    start: int
    end: int
    terms: int


def highlight(text: str, query: Query) -> list[Fragment]:
    """The whole of `text`, cut where matches begin and end."""
    return _cut(text, find_places(text, query), 0, len(text))


def make_snippet(text: str, query: Query, *, length: int = SNIPPET_LENGTH) -> list[Fragment]:
    """About `length` characters around the place that answers most of the query.

    It begins with a sentence if one begins near, and cuts no match in two. Without a match it is
    the beginning of the text.
    """
    places = find_places(text, query, most=MAX_WEIGHED + length)
    begin = _find_beginning(text, _choose_start(places, length, len(query.terms)))
    begin, end = _widen(places, begin, begin + length)
    before = [Fragment("…", is_match=False)] if begin > 0 else []
    after = [Fragment("…", is_match=False)] if end < len(text) else []
    return before + _cut(text, places, begin, end) + after


def render_fragments(fragments: list[Fragment]) -> SafeString:
    """HTML with matches in <mark>, and all text escaped."""
    # A page has hundreds of fragments, and format_html() takes ten times as long for each.
    return mark_safe(  # noqa: S308  (all text is escaped)
        "".join(
            f"<mark>{escape(text)}</mark>" if is_match else escape(join_lines(text))
            for text, is_match in fragments
        )
    )


def join_lines(text: str) -> str:
    """Without the line breaks that HTML would show as spaces after Chinese punctuation."""
    return _BREAK_AFTER_PUNCTUATION.sub("", text) if "\n" in text else text


def find_places(text: str, query: Query, *, most: int | None = None) -> list[Place]:
    """All matches in order, or of each phrase the first; where matches overlap, one place covers
    them.
    """
    folded = fold(text)
    found = sorted(
        (start, end, 1 << number)
        for number, term in enumerate(query.terms)
        for phrase in term.phrases
        for start, end in islice(phrase.find_in(folded), most)
    )
    places: list[Place] = []
    for start, end, term in found:
        if places and start < places[-1].end:
            last = places[-1]
            places[-1] = Place(last.start, max(last.end, end), last.terms | term)
        else:
            places.append(Place(start, end, term))
    return places


def _choose_start(places: list[Place], length: int, terms: int) -> int:
    """Where the first of the places begins from which `length` characters show most of so many
    terms.
    """
    best, most = places[0].start if places else 0, 0
    for i, place in enumerate(places[:MAX_WEIGHED]):
        near = islice(places, i, i + length)
        shown = _unite_terms(near, place.start + length - CONTEXT).bit_count()
        if shown > most:
            best, most = place.start, shown
        if most == terms:
            break
    return best


def _unite_terms(places: Iterable[Place], end: int) -> int:
    """Those of the places up to `end`."""
    shown = takewhile(lambda place: place.end <= end, places)
    return reduce(or_, (place.terms for place in shown), 0)


def _find_beginning(text: str, start: int) -> int:
    earliest = max(0, start - CONTEXT)
    if earliest == 0:
        return 0
    return max(text.rfind(mark, earliest, start) for mark in SENTENCE_ENDS) + 1 or earliest


def _widen(places: list[Place], begin: int, end: int) -> tuple[int, int]:
    """So that no place lies across an edge."""
    for place in places:
        if place.start < begin < place.end:
            begin = place.start
        if place.start < end < place.end:
            end = place.end
    return begin, end


def _cut(text: str, places: list[Place], begin: int, end: int) -> list[Fragment]:
    """text[begin:end] in fragments; no place lies across an edge."""
    fragments = []
    done = begin
    for place in places:
        if begin <= place.start < end:
            fragments.append(Fragment(text[done : place.start], is_match=False))
            fragments.append(Fragment(text[place.start : place.end], is_match=True))
            done = place.end
    fragments.append(Fragment(text[done:end], is_match=False))
    return [fragment for fragment in fragments if fragment.text]
