import pytest
from hypothesis import given
from hypothesis import strategies as st

from briefings.html import clean_html
from briefings.permalinks import anchor_blocks, list_blocks, number_blocks
from briefings.tests.makers import make_published
from briefings.tests.test_corrections import correct

A, B, C, D = ("甲段文字。", "乙段文字。", "丙段文字。", "丁段文字。")
WORDS = st.lists(st.text("甲乙丙丁", min_size=1, max_size=3), max_size=8)


def test_every_outermost_element_is_a_block():
    body = "<h2>題</h2><p>文</p><ul><li>一<p>二</p></li></ul><blockquote><p>引</p></blockquote>"

    assert list_blocks(body) == ["題", "文", "一二", "引"]


def test_blocks_are_numbered_from_one():
    assert number_blocks([A, B, C]) == [1, 2, 3]


def test_a_corrected_paragraph_keeps_its_number():
    assert number_blocks([A, "改寫了。", C], [([A, B, C], [A, "改寫了。", C])]) == [1, 2, 3]


def test_an_added_paragraph_moves_no_number():
    assert number_blocks([A, D, B, C], [([A, B, C], [A, D, B, C])]) == [1, 4, 2, 3]


def test_the_number_of_a_paragraph_that_was_taken_out_is_not_given_again():
    first, second = ([A, B, C], [A, C]), ([A, C], [A, C, D])

    assert number_blocks([A, C, D], [first, second]) == [1, 3, 4]


def test_what_changed_without_a_correction_is_carried_over_too():
    assert number_blocks([D, A, C], [([A, B], [A, C])]) == [3, 1, 2]


@given(WORDS, WORDS, WORDS)
def test_no_number_is_given_twice(first, second, now):
    numbers = number_blocks(now, [(first, second), (second, now)])

    assert len(set(numbers)) == len(numbers) == len(now)


@given(WORDS, WORDS)
def test_what_is_not_touched_keeps_its_number(kept, added):
    before = [f"{place}{word}" for place, word in enumerate(kept)]
    after = [*before, *(f"新{word}" for word in added)]

    assert number_blocks(after, [(before, after)])[: len(before)] == number_blocks(before)


@pytest.mark.parametrize("block", ["<p>甲</p>", "<ul><li>甲</li></ul>", "<h2>甲</h2>"])
def test_a_block_and_the_link_to_it_stand_in_one_box(block):
    anchored = anchor_blocks(block, [3])

    link = '<a class="permalink" href="#p3" aria-label="本段連結 p3">¶</a>'
    assert anchored == f'<div id="p3">{block}{link}</div>'


@given(st.lists(st.sampled_from(["<p>甲", "</p>", "<ul><li>", "</ul>", "乙", "<hr>", "<table>"])))
def test_whatever_the_body_no_word_is_lost(pieces):
    body = clean_html("".join(pieces))

    anchored = anchor_blocks(body, number_blocks(list_blocks(body)))

    assert clean_html(anchored).replace("<a rel", "<a").count("甲") == body.count("甲")
    assert anchored.count(' id="p') == len(list_blocks(body))


# ------------------------------------------------------------------------------------- in its place
@pytest.mark.django_db
def test_an_entrys_page_has_an_address_for_each_paragraph(client):
    make_published({"headline": "甲", "body": f"<p>{A}</p><p>{B}</p>"})

    page = client.get("/entries/甲/").text

    assert f'<div id="p1"><p>{A}</p><a class="permalink" href="#p1"' in page
    assert f'<div id="p2"><p>{B}</p><a class="permalink" href="#p2"' in page


@pytest.mark.django_db
def test_after_a_correction_an_address_leads_to_the_same_paragraph(client):
    entry = make_published({"headline": "甲", "body": f"<p>{A}</p><p>{B}</p>"}).entries.get()

    correct(entry, body=f"<p>{A}</p><p>補充。</p><p>{B}</p>")

    page = client.get("/entries/甲/").text
    assert f'<div id="p2"><p>{B}' in page
    assert '<div id="p3"><p>補充。' in page


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/editions/2026-11-20/", "/feeds/atom/", "/feeds/json/"])
def test_where_several_entries_stand_there_are_no_such_links(path, client):
    make_published({"headline": "甲", "body": f"<p>{A}</p>"})

    assert "permalink" not in client.get(path).text


@pytest.mark.django_db
def test_a_change_of_blocks_alone_needs_no_correction():
    entry = make_published({"headline": "甲", "body": A}).entries.get()

    assert correct(entry, note="", body=f"<p>{A}</p>") is None
