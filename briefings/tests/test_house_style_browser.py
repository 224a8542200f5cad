"""The house style check as an editor uses it, in a real browser."""

import pytest
from playwright.sync_api import expect

from briefings.html import clean_html
from briefings.models import Entry
from briefings.tests.makers import make_entry

pytestmark = [
    pytest.mark.slow,
    # The defaults that migrations made must outlive the flush after each test.
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]


def test_a_fault_is_found_gone_to_mended_and_brought_back(desk, live_server):
    entry = make_entry(
        headline="走勢",
        lead="𠮷野的視頻。",
        body="<p>甲</p><ul><li>路<strong>綫,圖</strong></li></ul>",
    )
    desk.goto(f"{live_server.url}/admin/briefings/entry/{entry.pk}/change/")
    desk.get_by_role("tab", name="文風").click()
    panel = desk.get_by_role("tabpanel", name="文風")
    body = desk.locator(".ProseMirror")
    expect(panel.get_by_role("status")).to_have_text("有3處可以再看。")
    expect(desk.get_by_role("tab", name="文風").locator(".badge")).to_have_text("3")
    expect(body.locator(".style-mark-error")).to_have_text(",")

    # Its place is selected, in the editor and in a field.
    panel.get_by_role("button", name="短評：路綫,圖").first.click()
    assert desk.evaluate("getSelection().toString()") in ("綫", ",")
    panel.get_by_role("button", name="導言：𠮷野的視頻。").click()
    lead = desk.get_by_label("導言：")
    expect(lead).to_be_focused()
    assert lead.evaluate("e => e.value.slice(e.selectionStart, e.selectionEnd)") == "視頻"

    # One press mends it, keeping what is bold; one undo brings it back.
    panel.get_by_role("button", name="改為「，」").click()
    expect(body.locator("strong")).to_have_text("綫，圖")
    expect(panel.get_by_role("status")).to_have_text("有2處可以再看。")
    body.press("Control+z")
    expect(body.locator("strong")).to_have_text("綫,圖")
    expect(panel.get_by_role("status")).to_have_text("有3處可以再看。")

    panel.get_by_role("button", name="改為「影片」").click()
    expect(lead).to_have_value("𠮷野的影片。")
    expect(panel.get_by_role("status")).to_have_text("有2處可以再看。")
    lead.press("Control+z")
    expect(lead).to_have_value("𠮷野的視頻。")
    expect(panel.get_by_role("status")).to_have_text("有3處可以再看。")

    # While writing, without asking.
    body.click()
    desk.keyboard.press("Control+End")
    desk.keyboard.type("看软件")
    expect(panel).to_contain_text("簡體字。")

    # What is passed over is passed over until the window closes.
    panel.get_by_role("button", name="略過").first.click()
    expect(panel.get_by_role("status")).to_have_text("有3處可以再看。")
    desk.get_by_role("button", name="再顯示已略過的1處").click()
    expect(panel.get_by_role("status")).to_have_text("有4處可以再看。")
    assert Entry.objects.get().lead == "𠮷野的視頻。"  # nothing is stored by any of this


def test_a_notes_words_are_mended_and_its_link_stays(desk, live_server):
    link = '<a href="https://example.org/" rel="noopener noreferrer">文件</a>'
    note = f'<span role="note">見{link},第2頁。</span>'
    entry = make_entry(body=f"<p>甲{note}乙</p>")
    desk.goto(f"{live_server.url}/admin/briefings/entry/{entry.pk}/change/")
    desk.get_by_role("tab", name="文風").click()
    panel = desk.get_by_role("tabpanel", name="文風")

    panel.get_by_role("button", name="短評：註腳：,").click()
    expect(desk.locator(".prose-note-text")).to_be_visible()
    panel.get_by_role("button", name="改為「，」").click()

    expect(desk.locator(".prose-note-text")).to_have_text("見文件，第2頁。")
    assert clean_html(desk.locator("#id_body").input_value()) == entry.body.replace(",", "，")
