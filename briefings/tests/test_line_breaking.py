import pytest
from hypothesis import given
from hypothesis import strategies as st

from briefings.line_breaking import NEVER_FIRST, NEVER_LAST, break_lines, split_scripts

TEXTS = st.text(st.sampled_from("甲乙丙，。、」「（）《》—5G%A 的"), max_size=60)


def measure(text: str) -> float:
    """In ems: a Latin letter or a space takes half of what a Chinese character does."""
    return sum(0.5 if character.isascii() else 1 for character in text)


def test_what_fits_is_one_line():
    assert break_lines("北部都會區", 10, measure) == ["北部都會區"]


def test_nothing_is_no_line():
    assert break_lines(" ", 10, measure) == []


def test_lines_are_alike_and_not_filled_to_the_last():
    assert break_lines("一二三四五六七八九十", 9, measure) == ["一二三四五", "六七八九十"]


def test_a_line_turns_at_punctuation_where_it_can():
    lines = break_lines("東盟協議簽署一年：由降稅到標準", 11, measure)

    assert lines == ["東盟協議簽署一年：", "由降稅到標準"]


def test_a_line_turns_rather_outside_brackets():
    lines = break_lines("由「再工業化」到「新型工業化」：十年回看", 13, measure)

    assert lines == ["由「再工業化」到", "「新型工業化」：十年回看"]


@pytest.mark.parametrize("whole", ["RCEP", "2026", "33.5%"])
def test_a_word_or_number_stays_whole(whole):
    lines = break_lines(f"甲乙丙丁戊{whole}己庚辛壬癸", 6, measure)

    assert any(whole in line for line in lines)


def test_a_word_longer_than_a_line_is_broken_all_the_same():
    lines = break_lines("a" * 50, 10, measure)

    assert all(measure(line) <= 10 for line in lines)


@given(TEXTS)
def test_no_line_is_too_wide_and_no_character_is_lost(text):
    lines = break_lines(text, 8, measure)

    assert "".join("".join(lines).split()) == "".join(text.split())
    for line in lines:  # only marks that hang on each other may go beyond
        assert measure(line) <= 8 or sum(mark in NEVER_FIRST + NEVER_LAST for mark in line) > 3


@given(TEXTS)
def test_no_line_begins_or_ends_with_what_it_must_not(text):
    lines = break_lines(text, 8, measure)

    assert [line for line in lines[1:] if line[0] in NEVER_FIRST] == []
    assert [line for line in lines[:-1] if line[-1] in NEVER_LAST] == []


def test_chinese_and_latin_are_parted():
    assert split_scripts("把握5G與AI的33.5%機遇") == [
        "把握",
        "5G",
        "與",
        "AI",
        "的",
        "33.5%",
        "機遇",
    ]
