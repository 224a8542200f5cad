import pytest
from hypothesis import given
from hypothesis import strategies as st

from briefings.search.tokens import is_han, tokenize


def test_each_han_character_gives_a_token_with_its_neighbour():
    assert tokenize("工業互聯網") == ["工业", "业互", "互联", "联网", "网"]


def test_a_word_is_one_token():
    assert tokenize("5G、Wi-Fi 6") == ["5g", "wi", "fi", "6"]


@pytest.mark.parametrize("between", [" ", "\n", "\r\n\r\n", "\u3000", "\u200b", "\xad", "\0", "¹"])
def test_what_is_invisible_between_han_characters_is_not_there(between):
    assert tokenize(f"工{between}業") == tokenize("工業")


@pytest.mark.parametrize("between", ["", " ", "、", "」「", "\n"])
def test_nothing_counts_between_a_han_character_and_a_word(between):
    assert tokenize(f"工業{between}5G") == ["工业", "业", "5g"]


def test_punctuation_parts_han_characters():
    assert tokenize("工、業") == ["工", "业"]


@given(st.text())
def test_tokens_hold_letters_and_digits_only(text):
    assert all(is_han(c) or c.isalnum() for token in tokenize(text) for c in token)
