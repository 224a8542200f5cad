import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from briefings.press.typesetting import WORD_JOINER, ZERO_WIDTH_SPACE, typeset, untypeset


@pytest.mark.parametrize(
    ("stored", "printed"),
    [
        ("在2026年提出", "在 2026 年提出"),
        ("推動5G網絡", "推動 5G 網絡"),
        ("佔GDP的3.5%，", "佔 GDP 的 3.5%，"),
        ("見Café一文", "見 Café 一文"),
        ("早有 5G 了", "早有 5G 了"),
        ("（2026）年「AI」、", "（2026）年「AI」、"),
    ],
)
def test_chinese_and_latin_have_room_between_them(stored, printed):
    assert typeset(f"<p>{stored}</p>") == f"<p>{printed}</p>"


@pytest.mark.parametrize(
    ("stored", "printed"),
    [
        ("<p>推動<b>5G</b>網絡</p>", "<p>推動<b> 5G</b> 網絡</p>"),
        ("<p>推動</p><p>5G</p>", "<p>推動</p><p>5G</p>"),
        ("<p>推動<br>5G</p>", "<p>推動<br>5G</p>"),
        ("<td>甲</td><td>1</td>", "<td>甲</td><td>1</td>"),
    ],
)
def test_room_is_made_across_inline_tags_and_not_across_blocks(stored, printed):
    assert typeset(stored) == printed


def test_a_note_has_no_neighbours_and_those_around_it_are_each_others():
    stored = '<p>明年<small class="note">See 甲<b>5</b></small>GDP<small>註</small>上升</p>'

    assert typeset(stored) == (
        '<p>明年<small class="note">See 甲<b> 5</b></small> GDP<small>註</small> 上升</p>'
    )


def test_no_attribute_but_a_running_heads_is_touched():
    tag = '<p title="甲1" data-running="第1期" data-title="用5G" data-bookmark="第1期">'

    assert typeset(tag) == (
        '<p title="甲1" data-running="第 1 期" data-title="用 5G" data-bookmark="第1期">'
    )


def test_a_title_stays_as_it_is_written():
    assert typeset("<title>第1期</title><p>第1期</p>") == "<title>第1期</title><p>第 1 期</p>"


@pytest.mark.parametrize(
    ("stored", "at"), [("<p>甲——乙</p>", 4), ("<p>甲<i>——乙</i></p>", 7), ("<p>「甲」——乙</p>", 6)]
)
def test_a_dash_holds_on_to_what_stands_before_it(stored, at):
    assert typeset(stored) == stored[:at] + WORD_JOINER + stored[at:]


def test_a_dash_that_begins_a_paragraph_is_free():
    assert typeset("<p>——甲</p>") == "<p>——甲</p>"


def test_a_phrase_and_a_long_word_are_marked_as_english():
    html = typeset("<p>以Production Possibility Curve說明decarbonisation，用AI</p>")

    assert re.findall(r'<span lang="en">(.*?)</span>', html) == [
        "Production Possibility Curve",
        "decarbonisation",
    ]


def test_an_address_may_break_at_its_joints_only():
    html = typeset("<p>見https://example.org/a/b?c=1&amp;d=long-name。</p>")

    shown = html.removeprefix("<p>").removesuffix("。</p>").replace("&amp;", "&")
    assert shown.split(ZERO_WIDTH_SPACE) == [
        *("見 https://", "example.", "org/", "a/", "b?", "c=", "1&", "d=", "long-", "name")
    ]


TEXT = st.text(alphabet="甲乙「」，。—…5GaB &;<>\u3000.:/?=-", max_size=60)


@given(st.lists(st.tuples(TEXT, st.sampled_from(["<b>", "</b>", "<p>", "</p>", "<br>"]))))
def test_no_character_is_lost_added_or_moved_but_spaces_and_joints(pieces):
    from django.utils.html import escape

    html = "".join(f"{escape(text)}{tag}" for text, tag in pieces)

    back = untypeset(typeset(html)).replace('<span lang="en">', "").replace("</span>", "")

    assert back.replace(" ", "") == html.replace(" ", "")
