import pytest
from hypothesis import given
from hypothesis import strategies as st

from briefings.search.fold import fold
from briefings.search.query import MAX_QUERY_LENGTH, MAX_TERMS, Facet, Filter, parse_query


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


def test_operators_that_stand_where_they_make_no_sense_are_words():
    assert runs_of("AND NOT NEAR(工業*)") == [("and",), ("not",), ("near", "工业")]
    assert runs_of("OR 稅") == [("or",), ("税",)]
    assert runs_of("稅 |") == [("税",)]
    assert runs_of("或") == [("或",)]


@pytest.mark.parametrize("between", ["OR", "|", "｜", "或"])
def test_either_of_two_will_do(between):
    term, other = parse_query(f"強積金 {between} 公積金 監管").terms

    assert [phrase.runs for phrase in term.phrases] == [("强积金",), ("公积金",)]
    assert other.typed.runs == ("监管",)


def test_terms_are_the_same_only_with_all_that_will_do():
    assert [len(term.phrases) for term in parse_query("關稅 關稅 OR 貿易").terms] == [1, 2]
    assert [len(term.phrases) for term in parse_query("甲 OR 乙 甲 OR 丙").terms] == [2, 2]
    assert [term.is_exact for term in parse_query("關稅 「關稅」").terms] == [False, True]


def test_what_will_do_as_well_counts_against_the_limit():
    query = parse_query(" | ".join("甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉"))

    [term] = query.terms
    assert len(term.phrases) == MAX_TERMS
    assert query.is_cut


def test_and_between_two_terms_goes_without_saying():
    assert runs_of("稅 AND 費") == [("税",), ("费",)]


@pytest.mark.parametrize("minus", "-－−")
def test_what_must_not_be_found(minus):
    query = parse_query(f"關稅 {minus}美國 {minus}「對等 關稅」 COVID-19 - 5")

    assert [term.typed.runs for term in query.excluded] == [("美国",), ("对等关税",)]
    assert [term.text for term in query.terms] == ["關稅", "COVID-19", "5"]


def test_a_query_that_only_excludes_asks_for_nothing():
    assert not parse_query("-關稅")


@pytest.mark.parametrize(
    ("typed", "facet", "text"),
    [
        ("theme:創新科技", Facet.THEME, "創新科技"),
        ("主題：「創新 科技」", Facet.THEME, "創新 科技"),
        ('author:"Chan Tai Man"', Facet.AUTHOR, "Chan Tai Man"),
        ("作者:陳大文", Facet.AUTHOR, "陳大文"),
        ("YEAR:2023", Facet.YEAR, "2023"),
    ],
)
def test_entries_are_asked_for_by_more_than_words(typed, facet, text):
    query = parse_query(f"稅 {typed} -{typed}")

    assert query.filters == (Filter(facet, text), Filter(facet, text, is_excluded=True))
    assert [term.text for term in query.terms] == ["稅"]


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("2023", (2023, 2023)),
        ("２０２３年", (2023, 2023)),
        ("2021-2023", (2021, 2023)),
        ("2023年至2021年", (2021, 2023)),
        ("去年", None),
        ("20234", None),
    ],
)
def test_years(text, years):
    assert Filter(Facet.YEAR, text).years == years


@pytest.mark.parametrize("typed", ["theme:", 'theme:""', "year: 2023", "http://x"])
def test_a_name_without_a_value_is_a_word(typed):
    assert not parse_query(typed).filters


@given(st.text(alphabet='OR或-|"「」: year主題a稅23', max_size=40))
def test_a_query_written_out_asks_for_the_same(text):
    query = parse_query(text)
    again = parse_query(query.typed_text)

    if not (query.is_cut or again.is_cut):
        assert [set(t.phrases) for t in again.terms] == [set(t.phrases) for t in query.terms]
        assert {t.typed for t in again.excluded} == {t.typed for t in query.excluded}
        assert [f.years for f in again.filters] == [f.years for f in query.filters]


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


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("新質生產力", " 新质生产力 "),
        ("MPF　改革", "ｍｐｆ 改革"),
        ("關稅 貿易戰 關稅", "关税 貿易戰"),
        ("關稅 OR 貿易戰", "关税 | 贸易战"),
        ("關稅 AND 貿易戰", "關稅 貿易戰"),
        ("「強積金」", '"强积金"'),
        ("關稅 -美國 -汽車", "關稅 －汽車 -“美國”"),
        ("稅 theme:創新 科技 year:2023", "稅 科技 年份：２０２３年 主題：创新"),
        ("year:2021-2023", "年份:2023至2021"),
    ],
)
def test_what_asks_for_the_same_has_the_same_canonical_text(one, other):
    assert parse_query(one).canonical_text == parse_query(other).canonical_text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("關稅", "「關稅」"),  # quoted, in no other wording
        ("關稅 貿易戰", "關稅 OR 貿易戰"),
        ("關稅 貿易戰", "關稅貿易戰"),
        ("關稅", "關稅 -美國"),
        ("northern metropolis", "metropolis northern"),  # side by side they are a wording
        ("theme:稅務", "-theme:稅務"),
        ("theme:2023", "theme:2023年"),
        ("theme:甲", "author:甲"),
        ("甲 -乙", "乙 -甲"),
    ],
)
def test_what_asks_for_something_else_has_another_canonical_text(one, other):
    assert parse_query(one).canonical_text != parse_query(other).canonical_text


@given(st.text(alphabet='-"「」: year主題a稅税A23', max_size=40))
def test_a_query_written_out_has_the_canonical_text_of_the_typed_one(text):
    query = parse_query(text)

    assert parse_query(query.typed_text).canonical_text == query.canonical_text


@pytest.mark.parametrize("typed", ["OR", "或", "AND", "OR AND", "OR -關稅"])
def test_operators_alone_are_told_apart(typed):
    assert parse_query(typed).is_bare_operator


@pytest.mark.parametrize("typed", ["", "…", "「或」", "或 關稅", "關稅", "OR year:2023", "-關稅"])
def test_what_has_anything_else_is_no_bare_operator(typed):
    assert not parse_query(typed).is_bare_operator
