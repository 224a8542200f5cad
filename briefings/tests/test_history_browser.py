"""Going back to an old version as an editor does it, in a real browser."""

import pytest
from playwright.sync_api import expect

from briefings.history import keep_version, list_versions
from briefings.models import Entry
from briefings.tests.makers import make_entry

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]


def test_an_old_version_is_found_beside_the_text_compared_and_restored(desk, live_server):
    entry = make_entry(headline="撥款三億元", body="<p>原文。</p>")
    keep_version(entry, why="新增")
    desk.goto(f"{live_server.url}/admin/briefings/entry/{entry.pk}/change/")
    desk.get_by_label("標題：").fill("撥款十億元")
    desk.get_by_role("button", name="儲存並繼續編輯").click()

    desk.get_by_role("tab", name="版本").click()
    desk.locator("#panel-history .versions a").last.click()
    desk.get_by_role("link", name="與現在的內容比較").click()
    expect(desk.locator(".difference del").first).to_have_text("三")
    desk.get_by_role("button", name="還原此版本").click()

    expect(desk.locator(".messagelist")).to_contain_text("已還原")
    expect(desk.get_by_label("標題：")).to_have_value("撥款三億元")
    assert Entry.objects.get().body == "<p>原文。</p>"
    headlines = [version.text["標題"].text for version in list_versions(entry)]
    assert headlines == ["撥款三億元", "撥款十億元", "撥款三億元"]
