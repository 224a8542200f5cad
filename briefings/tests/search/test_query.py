import pytest
from hypothesis import given
from hypothesis import strategies as st

from briefings.search.fold import fold
from briefings.search.query import MAX_QUERY_LENGTH, MAX_TERMS, parse_query


def runs_of(text: str) -> list[tuple[str, ...]]:
    return [term.typed.runs for term in parse_query(text).terms]


def find(query: str, text: str) -> list[str]:
    [term] = parse_query(query).terms
    return [text[start:end] for start, end in term.typed.find_in(fold(text))]


def test_adjacent_characters_are_one_phrase():
    assert runs_of("新質生產力") == [("新质生产力",)]


def test_white_space_parts_terms():
    assert runs_of("工業\u30005G 關稅") == [("工业",), ("5g",), ("关税",)]


@pytest.mark.parametrize("quotes", ['""', "“”", "＂＂", "「」", "『』"])
def test_a_quotation_keeps_its_white_space(quotes):
    left, right = quotes

    assert runs_of(f"{left}Made in China{right}") == [("made", "in", "china")]


def test_quotations_side_by_side_are_two_terms():
    assert runs_of("「人工智能」「大數據」") == [("人工智能",), ("大数据",)]


@pytest.mark.parametrize("quotes", ['""', "“”", "＂＂", "「」", "『』"])
def test_only_a_quotation_is_exact(quotes):
    left, right = quotes

    query = parse_query(f"{left}強積金{right} MPF")

    assert [term.is_exact for term in query.terms] == [True, False]


@pytest.mark.parametrize(
    "typed", ["強積金 MPF", '強積金 "Made in China"', 'a"b c', "以「工業」為本"]
)
def test_the_exact_form_of_a_query_asks_for_the_same_words(typed):
    query = parse_query(typed)

    exact = parse_query(query.exact_text)

    assert [term.typed for term in exact.terms] == [term.typed for term in query.terms]
    assert all(term.is_exact for term in exact.terms)


def test_brackets_within_a_term_are_punctuation():
    assert runs_of("以「工業」為本") == [("以", "工业", "为本")]


def test_a_quotation_left_open_is_read_as_typed():
    assert runs_of('"工業 關稅') == [("工业",), ("关税",)]


def test_a_term_typed_twice_counts_once():
    assert runs_of("工業 工业") == [("工业",)]


@pytest.mark.parametrize(
    "nothing", ["", " \n", "、。！", '""', '"', "「」", "😀", "\0", "* - ( ) : | &"]
)
def test_without_letter_or_digit_a_query_is_empty(nothing):
    assert not parse_query(nothing)


def test_operators_are_words_like_any_other():
    assert runs_of("AND NOT NEAR(工業*)") == [("and",), ("not",), ("near", "工业")]


@pytest.mark.parametrize("much", ["工" * 10_000, "a" * 10_000, "工 " * 5_000, '"' * 10_000])
def test_an_endless_query_is_cut_and_says_so(much):
    query = parse_query(much)

    assert query.is_cut
    assert sum(len(term.typed.tokens) for term in query.terms) <= MAX_QUERY_LENGTH


def test_more_terms_than_allowed_are_dropped_and_it_says_so():
    query = parse_query(" ".join(str(number) for number in range(MAX_TERMS + 1)))

    assert query.is_cut
    assert len(query.terms) == MAX_TERMS


@given(st.text(max_size=300))
def test_anything_can_be_typed(text):
    for term in parse_query(text).terms:
        assert list(term.typed.find_in(fold(text)))


@pytest.mark.parametrize("text", ["5G工業", "５G 工業", "5G、工業", "5G\n工業"])
def test_between_word_and_han_anything_may_stand(text):
    assert find("5G工業", text) == [text]


def test_between_han_characters_white_space_may_stand():
    assert find("生產力", "生產\n力、生 產 力、生產、力") == ["生產\n力", "生 產 力"]


def test_punctuation_asked_for_is_found_as_any_punctuation():
    assert find("創新，發展", "創新。「發展、創新發展、創新 發展") == ["創新。「發展"]


def test_words_are_found_whole():
    assert find("202", "2023年、202、b202") == ["202"]


def test_matches_that_overlap_are_all_found():
    assert find("稅稅", "稅稅稅") == ["稅稅", "稅稅"]
