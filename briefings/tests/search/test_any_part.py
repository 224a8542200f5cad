"""Whatever part of a published text is quoted is found, in whichever script."""

from functools import cache
from itertools import pairwise
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from opencc import OpenCC

from briefings.search.fold import fold
from briefings.search.query import quote
from briefings.search.tokens import is_han
from briefings.tests.search.archives import Written, archive_of, find
from briefings.tests.search.samples import SENTENCES

pytestmark = pytest.mark.django_db

STANDARDS = ("t2s", "t2hk", "t2tw", "hk2s", "tw2s", "s2hk", "s2tw")
# As PDFs, mail and word processors leave them between Han characters.
LEFT_BEHIND = (" ", "\n", "\xad", "\u3000", "\u200b", "\u2060", " \n ", "\xad\n", "\t", "\ufeff")
LONGEST_QUOTED = 60  # characters as stored; a query is cut beyond its limit
# One archive an example, and every one of its texts quoted many times.
QUOTATIONS = 12

numbers = st.integers(0, 2**32)
archives = settings(
    max_examples=6,
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@cache
def converter(standard: str) -> OpenCC:
    return OpenCC(standard)


def is_word_character(character: str) -> bool:
    return character.isalnum() and not is_han(fold(character))


def list_borders(text: str) -> tuple[list[int], list[int]]:
    """Where a quotation may begin and where it may end: at a Han character or a word's border."""
    kept = [character.isalnum() for character in text]
    within = [
        0 < i < len(text) and is_word_character(text[i - 1]) and is_word_character(text[i])
        for i in range(len(text) + 1)
    ]
    begins = [i for i in range(len(text)) if kept[i] and not within[i]]
    ends = [i for i in range(1, len(text) + 1) if kept[i - 1] and not within[i]]
    return begins, ends


def quote_parts(random: Random, text: str, count: int) -> list[str]:
    begins, ends = list_borders(text)
    parts = []
    for begin in random.choices(begins, k=count):
        near = [end for end in ends if begin < end <= begin + LONGEST_QUOTED]
        if near:
            parts.append(text[begin : random.choice(near)])
    return parts


def scatter(random: Random, text: str) -> str:
    """With what is invisible between some of its Han characters."""
    pieces = [text[:1]]
    for before, after in pairwise(text):
        both_han = is_han(fold(before)) and is_han(fold(after))
        if both_han and random.random() < 0.2:
            pieces.append(random.choice(LEFT_BEHIND))
        pieces.append(after)
    return "".join(pieces)


def write_prose(random: Random) -> str:
    """Sentences of commentaries in one of the scripts, and now and then of what nobody wrote."""
    sentences = random.choices(SENTENCES, k=random.randint(1, 4))
    if random.random() < 0.5:
        made_up = (chr(random.randint(0x4E00, 0x9FA5)) for _ in range(random.randint(2, 20)))
        sentences.insert(random.randint(0, len(sentences)), "".join(made_up) + "。")
    text = "".join(sentences)
    standard = random.choice(["", *STANDARDS])
    return converter(standard).convert(text) if standard else text


@archives
@given(numbers)
def test_any_part_is_found_in_any_script(number):
    random = Random(number)
    plain = [write_prose(random) for _ in range(5)]
    stored = [
        Written("一", scatter(random, plain[0]), (scatter(random, plain[1]),)),
        Written("二", "", tuple(scatter(random, text) for text in plain[2:4])),
        Written(plain[4][:90], "三", ("三",)),
    ]
    holders = [0, 0, 1, 1, 2]
    plain[4] = plain[4][:90]
    with archive_of(*stored) as entries:
        for text, holder in zip(plain, holders, strict=True):
            for part in quote_parts(random, text, QUOTATIONS):
                standard = random.choice(STANDARDS)
                typed = random.choice([part, converter(standard).convert(part)])

                assert entries[holder].pk in find(quote(part)), part
                assert entries[holder].pk in find(quote(typed)), (standard, part, typed)


@archives
@given(numbers)
def test_what_was_typed_may_be_scattered_as_well(number):
    """As who copies from a PDF types it."""
    random = Random(number)
    text = write_prose(random)
    with archive_of(Written("一", text, (text,))) as [entry]:
        for part in quote_parts(random, text, QUOTATIONS):
            typed = scatter(random, part)

            assert find(quote(typed)) == [entry.pk], typed
