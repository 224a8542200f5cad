import pytest
from hypothesis import given
from hypothesis import strategies as st

from briefings.search.fold import fold
from briefings.search.query import MAX_QUERY_LENGTH, MAX_TERMS, parse_query
from briefings.search.snippets import highlight
from briefings.search.synonyms import MAX_OTHERS, Synonyms, _find_place

SYNONYMS = Synonyms(
    [
        ["強制性公積金計劃", "強積金", "MPF"],
        ["北部都會區", "北都", "Northern Metropolis"],
        ["粵港澳大灣區", "大灣區", "GBA"],
        ["《中華人民共和國香港特別行政區維護國家安全法》", "國安法"],
    ]
)


def expand(typed: str):
    return SYNONYMS.expand(parse_query(typed))


def finds(typed: str, text: str) -> bool:
    """Whether each term is in the text, in one wording or another."""
    return all(
        any(next(phrase.find_in(fold(text)), None) for phrase in term.phrases)
        for term in expand(typed).terms
    )


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("MPF", "強積金"),
        ("mpf", "強制性公積金計劃"),
        ("强积金", "MPF"),
        ("GBA", "粵港澳大灣區"),
        ("粵港澳大灣區", "大灣區"),
        ("northern metropolis", "北都"),
        ("北都", "the Northern Metropolis"),
        ("國安法", "《中華人民共和國香港特別行政區維護國家安全法》"),
        ("MPF改革", "強積金改革"),
        ("強積金改革", "MPF 改革"),
        ("論MPF", "論強積金"),
        ("論MPF改革", "論強積金改革"),
        ("大灣區、金融", "GBA金融"),
        ("MPF 大灣區", "GBA 的強積金"),
        ("northern metropolis plan", "北部都會區 plan"),
    ],
)
def test_one_wording_finds_another(typed, written):
    assert finds(typed, written)


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ('"MPF"', "強積金"),
        ("「強積金」", "MPF"),
        ('"northern" metropolis', "北部都會區"),
        ("MPF 大灣區", "強積金"),
        ("MPFA", "強積金"),
        ("河北都城", "河北部都會區城"),
        ("大灣區、金融", "大灣區金融"),
    ],
)
def test_one_wording_does_not_find_another(typed, written):
    assert not finds(typed, written)


def test_the_other_wordings_are_told_as_they_are_written():
    assert expand("mpf").also == ("強制性公積金計劃", "強積金")


def test_a_wording_that_holds_what_was_typed_is_not_told():
    assert expand("大灣區").also == ("GBA",)


def test_a_query_without_synonyms_is_as_it_was():
    query = parse_query("新質生產力 關稅")

    assert SYNONYMS.expand(query) == query


def test_groups_with_a_wording_in_common_are_one():
    synonyms = Synonyms([["甲乙", "丙丁"], ["戊己", "庚辛"], ["丙丁", "戊己"]])

    assert set(synonyms.expand(parse_query("甲乙")).also) == {"丙丁", "戊己", "庚辛"}
    assert set(synonyms.expand(parse_query("庚辛")).also) == {"丙丁", "戊己", "甲乙"}


def test_a_wording_of_punctuation_alone_is_none():
    assert not Synonyms([["——", "強積金"]]).expand(parse_query("強積金")).also


def test_other_wordings_are_marked_in_the_text():
    fragments = highlight("論強積金與MPF", expand("MPF"))

    assert [text for text, is_match in fragments if is_match] == ["強積金", "MPF"]


def test_an_endless_group_is_cut():
    synonyms = Synonyms([[f"寫法{number}" for number in range(100)]])

    [term] = synonyms.expand(parse_query("寫法1")).terms

    assert len(term.others) == MAX_OTHERS


texts = st.text("強积積金MPFa 北都、「」", max_size=8)


@given(
    st.lists(st.lists(texts, max_size=4), max_size=4),
    st.text("強积積金MPFa 北都、「」", max_size=300),
)
def test_whatever_the_groups_and_the_query_the_typed_words_stay(groups, typed):
    query = parse_query(typed)

    expanded = Synonyms(groups).expand(query)

    assert [term.typed for term in expanded.terms] == [term.typed for term in query.terms]
    assert len(expanded.terms) <= MAX_TERMS
    for term in expanded.terms:
        for phrase in term.phrases:
            assert len(phrase.tokens) <= MAX_QUERY_LENGTH
            assert all(phrase.runs)


def test_of_a_thousand_wordings_only_what_the_query_may_hold_is_looked_for_in_it(monkeypatch):
    looked_for = []

    def find_and_note(wording, runs):
        looked_for.append(wording)
        return _find_place(wording, runs)

    monkeypatch.setattr("briefings.search.synonyms._find_place", find_and_note)
    many = Synonyms([f"甲乙丙{number}", f"丁戊己{number}"] for number in range(1000))

    many.expand(parse_query("a香" * (MAX_QUERY_LENGTH // 2)))

    assert not looked_for
