import pytest
from hypothesis import given
from hypothesis import strategies as st

from briefings.search.query import parse_query
from briefings.search.snippets import CONTEXT, highlight, make_snippet, render_fragments
from briefings.tests.search.samples import SENTENCES

FILLER = "產業政策的成效有待觀察，" * 20


def matches(fragments) -> list[str]:
    return [text for text, is_match in fragments if is_match]


def text_of(fragments) -> str:
    return "".join(text for text, _ in fragments)


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("新质生产力", "新質生產力"),
        ("新質生產力", "新质生产力"),
        ("台灣", "臺灣"),
        ("５G", "5G"),
        ("5G", "５Ｇ"),
        ("2023年", "２０２３年"),
    ],
)
def test_the_characters_as_written_are_highlighted(typed, written):
    fragments = highlight(f"發展{written}的", parse_query(typed))

    assert fragments == [("發展", False), (written, True), ("的", False)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("前段。\n後段", "前段。後段"),
        ("前段。\r\n\r\n後段", "前段。後段"),
        ("小標題\n正文", "小標題\n正文"),
        ("Part one\nPart two", "Part one\nPart two"),
    ],
)
def test_a_new_paragraph_leaves_no_space_after_punctuation(text, shown):
    assert render_fragments(make_snippet(text, parse_query("無"))) == shown


def test_a_match_keeps_the_line_break_within():
    assert matches(highlight("新質\n生產力", parse_query("新質生產力"))) == ["新質\n生產力"]


def test_overlapping_matches_become_one():
    assert matches(highlight("新質生產力", parse_query("新質生產 生產力"))) == ["新質生產力"]


def test_matches_side_by_side_stay_two():
    assert matches(highlight("工業發展", parse_query("工業 發展"))) == ["工業", "發展"]


@given(st.text(max_size=50), st.text(max_size=8))
def test_highlighting_changes_no_character(text, typed):
    assert text_of(highlight(text, parse_query(typed))) == text


def test_a_snippet_shows_a_match_far_into_the_text():
    snippet = make_snippet(f"{FILLER}關稅{FILLER}", parse_query("关税"))

    assert matches(snippet) == ["關稅"]
    assert text_of(snippet)[0] == text_of(snippet)[-1] == "…"


def test_a_snippet_begins_with_a_near_sentence():
    snippet = make_snippet(f"{FILLER}完。新的關稅生效。{FILLER}", parse_query("關稅"))

    assert text_of(snippet).startswith("…新的關稅生效。")


def test_a_snippet_prefers_where_most_terms_meet():
    text = f"關稅。{FILLER}關稅影響工業。{FILLER}"

    assert matches(make_snippet(text, parse_query("關稅 工業"))) == ["關稅", "工業"]


def test_a_snippet_without_match_is_the_beginning():
    assert text_of(make_snippet(FILLER, parse_query("關稅"), length=10)) == FILLER[:10] + "…"


def test_a_snippet_cuts_no_match():
    text = "前" * CONTEXT + "關稅" + "後" * CONTEXT

    assert matches(make_snippet(text, parse_query("關稅"), length=CONTEXT + 1)) == ["關稅"]


@given(st.sampled_from(SENTENCES), st.integers(1, 40), st.data())
def test_a_snippet_is_part_of_the_text(sentence, length, data):
    start = data.draw(st.integers(0, len(sentence) - 2))
    query = parse_query(sentence[start : start + 2])

    assert text_of(make_snippet(sentence, query, length=length)).strip("…") in sentence


def test_html_marks_matches_and_escapes_the_rest():
    fragments = highlight("<b>關稅</b>&", parse_query("關稅"))

    assert render_fragments(fragments) == "&lt;b&gt;<mark>關稅</mark>&lt;/b&gt;&amp;"


def test_html_escapes_within_a_match():
    assert render_fragments(highlight("R&D", parse_query("R&D"))) == "<mark>R&amp;D</mark>"
