"""A note from the body to each place where readers find it."""

import pytest
from django.utils.html import strip_tags

from briefings.contexts import describe_edition
from briefings.html import clean_html
from briefings.models import Edition
from briefings.notes import Note, number_notes, print_notes
from briefings.tests.makers import make_published

BODY = (
    '<p>政府提出新<span role="note">見<em>文件</em>。</span>計劃。</p>'
    '<p>業界<span role="note">不包括中小企。</span>歡迎。</p>'
)


def test_notes_are_numbered_in_order_and_lead_there_and_back():
    noted = number_notes(BODY, 7)

    assert noted.notes == (
        Note(1, "見<em>文件</em>。", "note-7-1", "mark-7-1"),
        Note(2, "不包括中小企。", "note-7-2", "mark-7-2"),
    )
    assert noted.html == (
        '<p>政府提出新<sup class="note-mark"><a id="mark-7-1" href="#note-7-1" target="_self" '
        'role="doc-noteref" aria-label="註1">1</a></sup>計劃。</p>'
        '<p>業界<sup class="note-mark"><a id="mark-7-2" href="#note-7-2" target="_self" '
        'role="doc-noteref" aria-label="註2">2</a></sup>歡迎。</p>'
    )


def test_a_body_without_notes_stays_as_it_is():
    body = "<p>正文<sup>2</sup>。</p>"

    assert number_notes(body, 1).html == print_notes(body) == body
    assert number_notes(body, 1).notes == ()


@pytest.fixture
def edition(db) -> Edition:
    return make_published({"headline": "甲", "body": BODY}, {"headline": "乙", "body": BODY})


def test_pages_number_each_entrys_notes_from_one_and_repeat_no_anchor(client, edition):
    first, second = edition.entries.all()

    page = client.get(edition.get_absolute_url()).content.decode()
    alone = client.get(second.get_absolute_url()).content.decode()

    assert page.count(">註釋</h3>") == 2
    for entry in (first, second):
        for number in (1, 2):
            assert page.count(f'id="note-{entry.pk}-{number}"') == 1
            assert page.count(f'href="#note-{entry.pk}-{number}"') == 1
            assert page.count(f'href="#mark-{entry.pk}-{number}"') == 1
    assert f'<li id="note-{second.pk}-2">不包括中小企。' in alone
    assert 'role="note"' not in page + alone


def test_an_entry_without_notes_has_no_heading_for_them(client, db):
    edition = make_published({"body": "<p>正文。</p>"})

    assert "註釋" not in client.get(edition.get_absolute_url()).content.decode()


def test_feeds_have_the_notes_after_the_text(client, edition):
    entry = edition.entries.get(headline="甲")
    items = client.get("/feeds/json/").json()["items"]
    text = next(item["content_html"] for item in items if item["title"] == "甲")

    assert text.index("歡迎。</p>") < text.index("<strong>註釋</strong>")
    assert f'<li id="note-{entry.pk}-2">不包括中小企。' in text
    assert "&lt;strong&gt;註釋" in client.get("/feeds/atom/").content.decode()


@pytest.mark.parametrize("query", ["新計劃", "不包括中小企"])
def test_a_phrase_is_found_across_a_mark_and_within_a_note(client, edition, query):
    hits = client.get("/search/", {"q": query}).context["hits"]

    assert {strip_tags(hit.headline) for hit in hits} == {"甲", "乙"}
    assert all(f"<mark>{query}</mark>" in hit.snippet for hit in hits)


def test_what_is_described_is_what_was_stored_with_its_notes_apart(edition):
    entry = describe_edition(edition).entries[0]

    assert entry.body == clean_html(BODY)
    assert len(entry.notes) == 2
    assert 'role="note"' not in entry.shown_body + entry.mailed_body + entry.printed_body
    assert entry.printed_body.count('<small class="note">') == 2
