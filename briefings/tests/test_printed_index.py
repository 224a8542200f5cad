"""Terms marked where they stand, and an index of the pages they came to stand on."""

import re

import pytest

from briefings.press.index import PLACE, Index, Section, Term, compose_index, mark_terms


def mark(html, *terms):
    return mark_terms(html, terms, prefix="p")[0]


def find(html, *terms):
    return mark_terms(html, terms, prefix="p")[1]


def test_a_term_becomes_an_anchor():
    html, found = mark_terms("<p>談新質生產力。</p>", ["新質生產力"], prefix="phrase-7")

    assert html == '<p>談<span id="phrase-7-0-0">新質生產力</span>。</p>'
    assert found == {"新質生產力": ["phrase-7-0-0"]}


def test_a_term_that_is_not_there_has_no_anchors():
    assert find("<p>談土地。</p>", "人工智能") == {"人工智能": []}


def test_without_terms_nothing_is_touched():
    assert mark_terms("<p>文</p>", [], prefix="p") == ("<p>文</p>", {})


@pytest.mark.parametrize("terms", [("生產力", "新質生產力"), ("新質生產力", "生產力")])
def test_where_one_term_holds_another_the_longer_is_meant(terms):
    found = find("<p>新質生產力，又說生產力。</p>", *terms)

    assert {term: len(anchors) for term, anchors in found.items()} == {
        "新質生產力": 1,
        "生產力": 1,
    }
    assert ">新質生產力</span>" in mark("<p>新質生產力</p>", *terms)


def test_a_term_is_marked_once_a_block():
    assert len(find("<p>北都、北都、北都</p>", "北都")["北都"]) == 1


@pytest.mark.parametrize("tag", ["p", "li", "td", "h3", "figcaption"])
def test_and_again_in_the_next_block(tag):
    block = f"<{tag}>北都</{tag}>"

    assert len(set(find(block * 3, "北都")["北都"])) == 3


def test_emphasis_begins_no_block():
    assert len(find("<p>北都與<em>北都</em></p>", "北都")["北都"]) == 1


@pytest.mark.parametrize(
    "html",
    [
        '<h2 data-title="北都">題</h2>',
        '<img alt="北都">',
        '<img alt="1>0，北都">',
        "<img alt='1>0，北都'>",
        '<a href="/themes/北都/">題</a>',
    ],
)
def test_nothing_is_marked_within_a_tag(html):
    assert mark(html, "北都") == html


@pytest.mark.parametrize("term", ["amp", "lt", "x27", "p", "#"])
def test_nothing_is_marked_within_the_name_of_a_character(term):
    html = "<p>甲&amp;乙&lt;丙&#x27;丁</p>"

    assert mark(html, term) == html


@pytest.mark.parametrize("written", ["R&amp;D", "&lt;甲&gt;", "「A&quot;B」", '「A"B」'])
def test_a_term_with_signs_is_found_as_it_is_escaped(written):
    term = {"R&amp;D": "R&D", "&lt;甲&gt;": "<甲>"}.get(written, '「A"B」')

    assert mark(f"<p>談{written}。</p>", term) == f'<p>談<span id="p-0-0">{written}</span>。</p>'


def test_an_english_term_is_a_whole_word():
    found = find("<p>MAIN 與 AID 不是</p><p>用AI做</p><p>AI</p>", "AI")

    assert len(found["AI"]) == 2


def test_a_term_with_the_signs_of_patterns_is_itself():
    assert find("<p>C+++</p><p>甲.乙</p><p>甲丙乙</p>", "甲.乙")["甲.乙"] == ["p-0-0"]


def make_index(*terms: Term) -> Index:
    return Index("索引", "刊物　書", "會　部", (Section("字詞", terms),))


def test_a_term_leads_to_its_pages_and_to_each_once():
    index = make_index(Term("北都", ("a", "b", "c")))

    html = compose_index(index, {"a": 9, "b": 4, "c": 9})

    assert re.findall(r'<a href="#(\w)">(\d)</a>', html) == [("b", "4"), ("a", "9")]


def test_a_term_that_is_on_no_page_is_left_out_and_so_is_its_empty_section():
    html = compose_index(make_index(Term("北都", ("gone",))), {})

    assert "北都" not in html
    assert "字詞" not in html


def test_what_an_editor_wrote_is_text():
    html = compose_index(make_index(Term("<b>R&D", ("a",))), {"a": 1})

    assert "&lt;b&gt;R&amp;D" in html


def test_it_stands_where_the_contents_lead():
    assert f'id="{PLACE}"' in compose_index(make_index(), {})


def test_it_goes_to_the_press_and_comes_back_whole():
    index = make_index(Term("北都", ("a", "b")))

    assert Index.from_dict(index.as_dict()) == index
