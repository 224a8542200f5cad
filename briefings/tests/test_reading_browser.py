"""Reading in a browser: citing, and the links to paragraphs."""

import pytest
from playwright.sync_api import Page, expect

from briefings.tests.makers import make_published

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]

BODY = "<h2>背景</h2><p>甲段。</p><ul><li>項</li></ul><p>乙段。</p>"


@pytest.fixture
def entry_page(page, live_server) -> Page:
    make_published({"headline": "甲題", "body": BODY}, number=8)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{live_server.url}/entries/甲題/")
    return page


def test_a_citation_is_copied(entry_page):
    entry_page.get_by_text("引用本文").click()

    entry_page.get_by_role("button", name="複製").first.click()

    expect(entry_page.get_by_role("status").filter(has_text="已複製")).to_be_visible()
    copied = entry_page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("香港中華廠商聯合會政策研究部. 甲題[J/OL]. 政策短評, 2026(8)[")
    assert copied.endswith("/v1.")


def test_without_a_script_there_is_the_citation_and_no_button(entry_page, live_server):
    context = entry_page.context.browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(f"{live_server.url}/entries/甲題/")

    plain.get_by_text("引用本文").click()

    expect(plain.get_by_text("甲題[J/OL]")).to_be_visible()
    expect(plain.get_by_role("button", name="複製")).to_have_count(0)
    context.close()


def test_the_link_to_a_paragraph_shows_when_it_is_pointed_at_or_reached_by_key(entry_page):
    link = entry_page.get_by_role("link", name="本段連結 p2")
    expect(link).to_have_css("opacity", "0")

    entry_page.get_by_text("甲段。").hover()
    expect(link).to_have_css("opacity", "1")

    entry_page.get_by_text("引用本文").hover()
    link.focus()
    entry_page.keyboard.press("Shift+Tab")
    entry_page.keyboard.press("Tab")
    expect(link).to_have_css("opacity", "1")


def test_following_it_marks_the_paragraph(entry_page):
    entry_page.get_by_text("甲段。").hover()
    entry_page.get_by_role("link", name="本段連結 p2").click()

    assert entry_page.url.endswith("#p2")
    assert entry_page.locator(":target").inner_text().startswith("甲段。")


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_makes_the_page_wider_than_its_window(width, entry_page):
    entry_page.set_viewport_size({"width": width, "height": 800})
    entry_page.get_by_text("引用本文").click()

    assert entry_page.evaluate("document.documentElement.scrollWidth") == width


def test_on_paper_there_are_the_text_and_its_address_and_no_links_for_screens(entry_page):
    entry_page.emulate_media(media="print")

    expect(entry_page.locator(".on-paper")).to_contain_text("/v1")
    for unseen in (".permalink", ".cite", "nav", ".beside", ".search-box"):
        expect(entry_page.locator(unseen).first).to_be_hidden()
