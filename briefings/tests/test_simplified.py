"""Pages in Simplified characters: what changes, and what must not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from briefings.markup import Tag, split_markup
from briefings.simplified import simplify, simplify_page


@pytest.mark.parametrize(
    ("written", "simplified"),
    [
        ("香港政府發表施政報告", "香港政府发表施政报告"),
        ("乾淨的乾坤", "干净的乾坤"),
        ("頭髮與發展", "头发与发展"),
        ("瞭解著作，瞭望遠方", "了解著作，瞭望远方"),
        ("衞生署峯會的羣眾", "卫生署峰会的群众"),
        ("皇后與後天", "皇后与后天"),
        ("5G、MPF 和 CO₂", "5G、MPF 和 CO₂"),
    ],
)
def test_characters_are_chosen_by_the_words_they_are_in(written, simplified):
    assert simplify(written) == simplified


@pytest.mark.parametrize(
    ("page", "simplified"),
    [
        ("<p>經濟</p>", "<p>经济</p>"),
        ('<img alt="經濟" src="/經濟.png">', '<img alt="经济" src="/經濟.png">'),
        (
            '<a href="/entries/經濟/" title="經濟">經濟</a>',
            '<a href="/entries/經濟/" title="经济">经济</a>',
        ),
        ('<nav aria-label="頁尾">', '<nav aria-label="页尾">'),
        ('<input placeholder="搜尋" value="經濟">', '<input placeholder="搜寻" value="經濟">'),
        ('<meta name="description" content="經濟">', '<meta name="description" content="经济">'),
        ('<meta property="og:title" content="經濟">', '<meta property="og:title" content="经济">'),
        ('<meta property="og:url" content="/經濟/">', '<meta property="og:url" content="/經濟/">'),
        (
            '<meta property="og:locale" content="zh_HK">',
            '<meta property="og:locale" content="zh_CN">',
        ),
        ('<html lang="zh-Hant-HK">', '<html lang="zh-Hans">'),
        ("<code>經濟</code>經濟", "<code>經濟</code>经济"),
        ('<p lang="en">CMA 經濟<b>經</b></p>經', '<p lang="en">CMA 經濟<b>經</b></p>经'),
        ('<a lang="zh-Hant-HK">繁體</a>', '<a lang="zh-Hant-HK">繁體</a>'),
        ('<div lang="en"><div>經</div>經</div>經', '<div lang="en"><div>經</div>經</div>经'),
        ("<script>「經」<b></script>", "<script>「經」<b></script>"),
        ("<!-- 經 --><p>經", "<!-- 經 --><p>经"),
        ('<p title="甲 &gt; 經 &quot;乙&quot;">經', '<p title="甲 &gt; 经 &quot;乙&quot;">经'),
    ],
)
def test_what_is_read_changes_and_nothing_else(page, simplified):
    assert simplify_page(page) == simplified


def test_a_word_is_known_though_a_mark_runs_through_it():
    assert simplify_page("<p><mark>乾</mark>坤，<mark>乾</mark>淨</p>") == (
        "<p><mark>乾</mark>坤，<mark>干</mark>净</p>"
    )


def test_words_of_two_blocks_are_not_taken_for_one():
    assert simplify_page("<p>乾</p><p>坤</p>") == "<p>干</p><p>坤</p>"


@given(
    st.lists(st.sampled_from(["<p>", "</p>", "<", ">", '"', "經", "<!--", "-->", "<a b='>'", " "]))
)
def test_a_page_that_was_cut_up_is_the_same_put_together(pieces):
    page = "".join(pieces)

    cut = [one.source if isinstance(one, Tag) else one for one in split_markup(page)]

    assert "".join(cut) == page


@given(st.text())
def test_a_simplified_page_stays_as_it_is(text):
    once = simplify_page(f"<p>{text}</p>")

    assert len(once) == len(simplify_page(once))
