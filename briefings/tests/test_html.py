import re
import sys

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from briefings.html import (
    LONGEST,
    LONGEST_NOTE,
    NOTE,
    HTMLTooLong,
    carry_pictures,
    clean_html,
    find_pictures,
    split_blocks,
    to_text,
)
from briefings.models import Entry, Publication
from briefings.tests.makers import make_entry

HOSTILE = [
    "<script>alert(1)</script>",
    "<p onclick='steal()'>",
    "<a href='javascript:alert(1)'>",
    "<a href=' jAvA\tscript:alert(1)'>",
    "<a href='data:text/html,x'>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><use href='#x'/></svg>",
    "<iframe src='//evil.example'></iframe>",
    "<style>@import url(//evil.example)</style>",
    "<link rel=attachment href='file:///etc/passwd'>",
    "<a rel=attachment href='file:///etc/passwd'>",
    "<object data='file:///etc/passwd'></object>",
    "<form action='//evil.example'><input></form>",
    "<p style='background:url(//evil.example)'>",
    "<math><mtext></p><style><img src onerror=alert(1)></style>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><script>alert(1)</script></template>",
    "<!--><script>alert(1)</script>-->",
    "<base href='//evil.example/'>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
]
FORBIDDEN = (
    "<script",
    "onclick",
    "onerror=",
    "onload",
    "javascript:",
    "data:",
    "file:",
    "<img",
    "<svg",
    "<iframe",
    "<style",
    "style=",
    "<link",
    "<object",
    "<form",
    "<base",
    "<meta",
    "<template",
    'rel="attachment',
    "rel=attachment",
)


def assert_harmless(stored: str) -> None:
    markup = stored.lower().replace("&lt;", "")
    tags = "".join(part.split(">")[0] + ">" for part in ("<" + p for p in markup.split("<")[1:]))
    assert [bad for bad in FORBIDDEN if bad in tags] == []


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.django_db
def test_saving_a_body_keeps_the_words_and_drops_the_danger(hostile):
    entry = make_entry(body=f"<p>前文</p>{hostile}<p>後文</p>")

    stored = Entry.objects.get(pk=entry.pk).body

    assert_harmless(stored)
    assert "前文" in stored
    assert entry.body == stored


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.django_db
def test_no_way_of_writing_goes_round_the_allow_list(hostile):
    entry = make_entry()
    entries = Entry.objects.filter(pk=entry.pk)

    entries.update(body=f"<p>甲</p>{hostile}")
    updated = entries.get().body
    entry.body = f"<p>乙</p>{hostile}"
    Entry.objects.bulk_update([entry], ["body"])
    bulk_updated = entries.get().body
    Entry.objects.bulk_create([Entry(headline="丙", slug="丙", body=f"<p>丙</p>{hostile}")])
    bulk_created = Entry.objects.get(slug="丙").body

    for stored in (updated, bulk_updated, bulk_created):
        assert_harmless(stored)


@pytest.mark.django_db
def test_every_html_field_of_the_publication_is_guarded():
    publication = Publication.load()
    publication.about = publication.privacy = "<p>甲</p><script>alert(1)</script>"

    publication.save()

    publication.refresh_from_db()
    assert publication.about == publication.privacy == "<p>甲</p>"


def test_what_editors_use_comes_through_unchanged():
    html = (
        '<h3>小標題</h3><p>正文<strong>重點</strong><a href="https://www.gov.hk/" '
        'rel="noopener noreferrer">網站</a></p><ol start="3"><li>項目</li></ol>'
        '<table><tbody><tr><th scope="col">欄</th><td colspan="2">值</td></tr></tbody></table>'
    )

    assert clean_html(html) == html


@pytest.mark.parametrize(
    "address", ["//[編者註]/", "//[x", "/entries/1/", "#top", "http://[::1", "https://", "ftp://x"]
)
def test_a_link_leads_to_a_whole_address_or_nowhere(address):
    cleaned = clean_html(f'<p><a href="{address}">字</a></p>')

    assert cleaned == '<p><a rel="noopener noreferrer">字</a></p>'


def test_brackets_behind_the_host_keep_a_link():
    html = '<a href="https://example.hk/?a[]=1" rel="noopener noreferrer">字</a>'

    assert clean_html(html) == html


@pytest.mark.parametrize("tag", ["em", "blockquote", "div", "ul"])
def test_tags_nested_without_end_are_dropped_and_their_text_kept(tag):
    cleaned = clean_html(f"<{tag}>" * 11_000 + "文" + f"</{tag}>" * 11_000 + "<p>後</p>")

    assert cleaned.count(f"<{tag}>") <= 30
    assert to_text(cleaned) == "文\n後" or to_text(cleaned) == "文後"


@pytest.mark.parametrize("span", ["65000", "-1", "１", "9" * 5000, "2em"])
def test_a_cell_spans_no_more_than_a_page_could_hold(span):
    html = f'<table><tbody><tr><td colspan="{span}" rowspan="2">值</td></tr></tbody></table>'

    assert clean_html(html) == '<table><tbody><tr><td rowspan="2">值</td></tr></tbody></table>'


@given(st.text(alphabet="<>/pbascript='\" 中=:&;!-\0x", max_size=60))
def test_cleaning_twice_is_cleaning_once(text):
    once = clean_html(text)

    assert clean_html(once) == once


@pytest.mark.parametrize("html", ["<li><table><li>", "<a><table><a>", "<b><p><table><b>甲</p><p>"])
def test_what_stands_in_a_table_where_it_cannot_is_cleaned_once_for_all(html):
    once = clean_html(html)

    assert clean_html(once) == once


def test_an_empty_editor_gives_the_empty_string():
    assert clean_html("<p></p>") == ""
    assert clean_html("<p>甲</p><p><br></p><p>&nbsp;</p>") == "<p>甲</p>"


@pytest.mark.parametrize("piece", ["\n", "<p></p>", "<p>", "<p>\n"])
def test_emptiness_without_end_is_cleaned_without_delay(piece):
    empty = piece * 30_000  # quadratic work would take minutes

    assert clean_html(f"<p>甲</p>{empty}<p>乙</p>").endswith("<p>乙</p>")
    assert clean_html(f"<p>甲</p>{empty}<p></p>") == "<p>甲</p>"


def test_nul_is_dropped_because_postgresql_cannot_store_it():
    assert clean_html("<p>甲\0乙</p>") == "<p>甲乙</p>"


def test_blocks_are_the_texts_of_paragraphs_items_and_rows():
    html = (
        "<p>一&amp;二</p><ul><li>三</li><li><strong>四</strong></li></ul>"
        "<tr><td>五</td><td>六</td></tr>"
    )

    assert split_blocks(html) == ["一&二", "三", "四", "五 六"]
    assert to_text(html) == "一&二\n三\n四\n五 六"


NAME = "a" * 64 + ".png"
FIGURE = (
    f'<figure><img src="/pictures/{NAME}" alt="圖" width="1200" height="600">'
    "<figcaption>說明</figcaption></figure>"
)


def test_a_figure_of_ours_comes_through_unchanged():
    assert clean_html(f"<p>前</p>{FIGURE}<p>後</p>") == f"<p>前</p>{FIGURE}<p>後</p>"


@pytest.mark.parametrize(
    "source",
    [
        *(
            "https://evil.example/a.png",
            f"https://evil.example/pictures/{NAME}",
            "data:image/png,x",
        ),
        *(f"//evil.example/pictures/{NAME}", f"/pictures/{NAME}?track=1", "/pictures/x.png", ""),
        f"/pictures/{NAME[:-3]}svg",
    ],
)
def test_no_other_image_is_kept_and_its_caption_is(source):
    html = f'<p>前</p><figure><img src="{source}" alt="圖"><figcaption>說明</figcaption></figure>'

    assert clean_html(html) == "<p>前</p>說明"


def test_an_image_in_the_text_is_dropped_even_if_it_is_ours():
    assert clean_html(f'<p>前<img src="/pictures/{NAME}">後</p>') == "<p>前後</p>"


def test_an_image_always_has_an_alternative_text():
    html = f'<figure><img src="/pictures/{NAME}" onerror="x()" class="y"></figure>'

    assert clean_html(html) == f'<figure><img src="/pictures/{NAME}" alt=""></figure>'


@given(
    st.lists(
        st.sampled_from(
            [
                *("<figure>", "</figure>", "<figcaption>", "</figcaption>", "<p>", "</p>", "<li>"),
                *("<table>", "<a href='https://x.hk'>", "</a>", "<b>", "</b>", "文", "&nbsp;"),
                f'<img src="/pictures/{NAME}">',
            ]
        ),
        max_size=12,
    )
)
def test_cleaning_figures_twice_is_cleaning_them_once(pieces):
    once = clean_html("".join(pieces))

    assert clean_html(once) == once


# ---------------------------------------------------------------------------------------- notes
def write_note(words: str) -> str:
    return f'<span role="note">{words}</span>'


def test_a_note_comes_through_unchanged_with_emphasis_and_links():
    link = '<a href="https://example.org/" rel="noopener noreferrer">連</a>'
    html = f"<p>正文{write_note(f'見<em>斜</em><strong>粗</strong>{link}<sub>下</sub>')}。</p>"

    assert clean_html(html) == html


@pytest.mark.parametrize(
    ("html", "cleaned"),
    [
        ("<p>甲<span>乙</span></p>", "<p>甲乙</p>"),
        ('<p>甲<span role="presentation" class="x">乙</span></p>', "<p>甲乙</p>"),
        (f"<p>甲<span>{write_note('乙')}</span></p>", f"<p>甲{write_note('乙')}</p>"),
        (
            f"<p>甲{write_note('乙' + write_note('丙') + '<span>丁</span>')}戊</p>",
            f"<p>甲{write_note('乙丙丁')}戊</p>",
        ),
        (f"<p>甲{write_note(' ')}乙{write_note('&nbsp;<br>')}</p>", "<p>甲乙</p>"),
        (f"<p>甲{write_note('乙<u>丙</u><br>丁')}</p>", f"<p>甲{write_note('乙丙 丁')}</p>"),
        (f"<div>{write_note('<ul><li>乙</li></ul>')}</div>", "<ul><li>乙</li></ul>"),
    ],
)
def test_a_span_is_a_note_of_words_or_only_its_words(html, cleaned):
    assert clean_html(html) == cleaned


def test_a_note_that_is_too_long_becomes_text_and_loses_no_word():
    fits, exceeds = "字" * LONGEST_NOTE, "字" * (LONGEST_NOTE + 1)

    assert clean_html(f"<p>{write_note(fits)}</p>") == f"<p>{write_note(fits)}</p>"
    assert clean_html(f"<p>{write_note(exceeds)}</p>") == f"<p>{exceeds}</p>"


def test_a_note_within_a_link_follows_it_and_within_a_caption_is_text():
    link = '<a href="https://example.org/" rel="noopener noreferrer">'

    assert clean_html(f"<p>{link}甲{write_note('註')}乙</a>丙</p>") == (
        f"<p>{link}甲乙</a>{write_note('註')}丙</p>"
    )
    assert clean_html(FIGURE.replace("說明", f"說{write_note('註')}明")) == FIGURE.replace(
        "說明", "說註明"
    )


@given(
    st.lists(
        st.sampled_from(
            [
                *('<span role="note">', "</span>", "<span>", "<p>", "</p>", "<li>", "文", "&nbsp;"),
                *("<table>", "<td>", "<caption>", "<a href='https://x.hk'>", "</a>", "<b>", "</b>"),
                *("<u>", "<br>", "<figcaption>", "</figcaption>", "<figure>", "長" * 400),
                f'<img src="/pictures/{NAME}">',
            ]
        ),
        max_size=14,
    )
)
def test_cleaning_notes_twice_is_cleaning_them_once_and_notes_stand_in_no_link(pieces):
    once = clean_html("".join(pieces))

    assert clean_html(once) == once
    assert len(NOTE.findall(once)) == once.count("<span")
    assert not re.search(r"<a [^>]*>(?:(?!</a>).)*<span", once)


@pytest.mark.parametrize(
    "piece",
    [
        *('<span role="note">', '<span role="note">字</span>', "<span>", "</span>"),
        *(
            '<a href="https://x.hk"><span role="note">字</span>',
            '<table><caption><span role="note">',
        ),
        '<a href="https://x.hk" rel="noopener noreferrer">字</a><span role="note">字</span>',
    ],
)
def test_notes_without_end_are_cleaned_without_delay(piece):
    html = piece * (LONGEST // 2 // len(piece))  # quadratic work would take minutes

    assert clean_html(clean_html(html)) == clean_html(html)


def test_a_notes_words_come_after_the_block_that_it_interrupts():
    html = f"<p>政府提出{write_note('見<em>文件</em>。')}新計劃。</p><p>後</p>"

    assert split_blocks(html) == ["政府提出新計劃。", "見文件。", "後"]


def test_the_index_has_captions_and_no_alternative_texts():
    assert to_text(f"<p>前</p>{FIGURE}") == "前\n說明"
    assert to_text("<table><caption>題</caption><tr><td>值</td></tr></table>") == "題\n值"


def test_pictures_are_found_in_their_order():
    assert find_pictures(FIGURE + FIGURE.replace("aaa", "bbb")) == [
        NAME,
        NAME.replace("aaa", "bbb"),
    ]


def test_pictures_are_carried_away_with_whole_addresses_and_no_larger_than_there_is_room():
    carried = carry_pictures(FIGURE, "https://news.example", widest=600, highest=200)

    assert (
        f'src="https://news.example/pictures/{NAME}" alt="圖" width="400" height="200"' in carried
    )


# --------------------------------------------------------------------------------------- length
def test_a_text_of_the_greatest_length_is_cleaned():
    assert len(clean_html("字" * LONGEST)) == LONGEST


@pytest.mark.parametrize(
    "text", ["字" * (LONGEST + 1), "&" * 900_000, "&" * LONGEST], ids=["one", "signs", "escaped"]
)
def test_a_longer_text_is_refused_before_or_after_its_signs_are_escaped(text):
    with pytest.raises(HTMLTooLong, match="最多 300,000 個字元"):
        clean_html(text)


@pytest.mark.django_db
def test_a_text_that_is_too_long_reaches_no_row():
    entry = make_entry(body="<p>原文</p>")
    entry.body = "字" * (LONGEST + 1)

    with pytest.raises(HTMLTooLong):
        entry.save()
    with pytest.raises(HTMLTooLong), transaction.atomic():
        Entry.objects.update(body=entry.body)
    assert Entry.objects.get().body == "<p>原文</p>"


@pytest.mark.django_db
def test_a_form_says_which_text_is_too_long_and_how_long_it_is():
    publication = Publication(about="字" * 300_500)

    with pytest.raises(ValidationError) as refused:
        publication.full_clean()

    assert refused.value.message_dict["about"] == [
        "內容太長：連格式最多 300,000 個字元，現有 300,500 個。"
    ]


def test_a_role_of_any_tag_is_weighed_without_a_fault(monkeypatch):
    faults: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", faults.append)

    assert clean_html('<div role="button">文</div>') == "文"

    assert faults == []


def test_a_link_around_nothing_but_a_note_goes():
    note = '<span role="note">註</span>'

    assert clean_html(f'<p>文<a href="https://example.org/">{note}</a></p>') == f"<p>文{note}</p>"
