import pytest

from briefings.html import clean_html
from subscribers.plaintext import to_plain_text


def read(html):
    return to_plain_text(clean_html(html)).split("\n")


def test_paragraphs_are_set_apart_and_lines_break_where_the_editor_broke_them():
    assert read("<p>甲<br>乙 &amp;\n丙</p><p> </p><p>丁</p>") == ["甲", "乙 & 丙", "", "丁"]


def test_items_have_bullets_or_their_numbers():
    html = '<ul><li><p>甲</p></li><li>乙</li></ul><ol start="9"><li>丙</li><li>丁</li></ol>'

    assert read(html) == ["• 甲", "• 乙", "", "9. 丙", "10. 丁"]


def test_a_list_in_a_list_is_indented_and_the_outer_one_counts_on():
    html = "<ol><li><p>甲</p><ul><li><p>乙</p></li></ul></li><li><p>丙</p></li></ol>"

    assert read(html) == ["1. 甲", "   • 乙", "2. 丙"]


def test_all_paragraphs_of_an_item_stand_under_its_first():
    assert read("<ul><li><p>甲</p><p>乙</p></li></ul>") == ["• 甲", "  乙"]


@pytest.mark.parametrize(
    ("html", "line"),
    [
        ('見<a href="https://a.hk/1">連結在此</a>。', "見連結在此 <https://a.hk/1>。"),
        ('<a href="https://a.hk/">https://a.hk</a>', "https://a.hk"),
        ('<a href="https://a.hk/?x=1&amp;y=2">甲</a>', "甲 <https://a.hk/?x=1&y=2>"),
        ('<a href="mailto:a@b.hk">a@b.hk</a>', "a@b.hk"),
        ('<a href="mailto:a@b.hk">電郵</a>', "電郵 <a@b.hk>"),
        ("<a>甲</a>", "甲"),
    ],
)
def test_a_link_is_followed_by_its_address_unless_it_shows_it(html, line):
    assert read(f"<p>{html}</p>") == [line]


def test_a_row_of_a_table_is_one_line_whatever_is_in_its_cells():
    html = """<table><caption>表一</caption><thead><tr><th><p>年</p></th><th></th></tr></thead>
    <tbody><tr><td><p>一</p><p>二</p></td><td><ul><li>三</li></ul></td></tr></tbody></table>"""

    assert read(html) == ["表一", "", "年｜", "一 二｜• 三"]


def test_a_table_in_a_cell_stays_in_its_row():
    inner = "<table><tr><td>甲</td><td>乙</td></tr></table>"

    assert read(f"<table><tr><td>{inner}</td><td>丙</td></tr></table>") == ["甲｜乙｜丙"]


def test_headings_and_quotations_are_marked_and_set_apart():
    html = "<p>甲</p><h3>乙</h3><p>丙</p><blockquote><p>丁</p><p>戊</p></blockquote><p>己</p>"

    assert read(html) == ["甲", "", "■ 乙", "", "丙", "", "> 丁", ">", "> 戊", "", "己"]


@pytest.mark.parametrize(
    "html", ["", "<h2></h2>", "<ul><li></li></ul>", "<blockquote></blockquote>"]
)
def test_what_is_empty_leaves_nothing(html):
    assert to_plain_text(clean_html(html)) == ""


def test_a_rule_is_shown_and_a_power_keeps_its_meaning():
    assert read("<p>10<sup>4</sup></p><hr><p>甲</p>") == ["10^4", "", "＊　＊　＊", "", "甲"]


def test_text_outside_of_any_block_is_kept():
    assert read("甲<p>乙</p>丙<strong>丁</strong>") == ["甲", "", "乙", "", "丙丁"]


def test_thousands_of_quotations_in_one_another_are_no_trouble():
    text = to_plain_text(f"{'<blockquote>' * 2000}甲{'</blockquote>' * 2000}")

    assert text == f"{'> ' * 2000}甲"


def test_a_list_item_outside_any_list_is_still_an_item():
    assert "• 甲" in to_plain_text("<p>乙</p><li>甲</li>")


def test_a_note_leaves_its_number_and_comes_after_everything_else():
    link = '<a href="https://example.org/">文件</a>'
    html = (
        f'<p>計劃<span role="note">見{link}。</span>已公布。</p>'
        '<ul><li>甲<span role="note">乙<sup>2</sup>\n丙</span></li></ul>'
    )

    assert to_plain_text(html) == (
        "計劃[1]已公布。\n\n• 甲[2]\n\n註釋：\n[1] 見文件 <https://example.org/>。\n[2] 乙^2 丙"
    )
