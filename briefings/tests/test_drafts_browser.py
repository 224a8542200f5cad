"""Nothing typed is lost, in a real browser: killed tabs, logins that ran out, two at one entry."""

import re
from collections.abc import Iterator
from contextlib import suppress

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from playwright.sync_api import BrowserContext, Error, Page, expect

from briefings.models import Autosave, Entry
from briefings.tests.makers import make_draft, make_entry

pytestmark = [
    pytest.mark.slow,
    # The defaults that migrations made must outlive the flush after each test.
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]


@pytest.fixture
def room(page, live_server, monkeypatch) -> Iterator[BrowserContext]:
    """A browser in which an editor is logged in, and tabs can be opened and killed."""
    context = page.context.browser.new_context(locale="zh-HK", timezone_id="Asia/Hong_Kong")
    log_in(context, live_server, User.objects.create_superuser("chan", first_name="陳大文"))
    yield context
    context.close()
    connection.close()  # as in the fixture `desk`


def log_in(context: BrowserContext, live_server, user: User) -> None:
    client = Client()
    client.force_login(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies(
        [{"name": cookie.key, "value": cookie.value, "url": live_server.url, "httpOnly": True}]
    )


def open_entry(context: BrowserContext, live_server, entry: Entry) -> Page:
    tab = context.new_page()
    tab.goto(f"{live_server.url}/admin/briefings/entry/{entry.pk}/change/")
    expect(tab.locator(".ProseMirror")).to_be_visible()
    return tab


def write(tab: Page, text: str) -> None:
    tab.locator(".ProseMirror").click()
    tab.keyboard.press("Control+End")
    tab.keyboard.type(text)


def kill(tab: Page) -> None:
    """Its renderer, so that no page has a chance to say good-bye."""
    with tab.expect_event("crash"), suppress(Error):
        tab.goto("chrome://crash")


def status(tab: Page):
    return tab.locator(".draft-status")


def save(tab: Page) -> None:
    tab.get_by_role("button", name="儲存", exact=True).click()


def test_text_survives_a_killed_tab(room, live_server):
    entry = make_entry(headline="題", body="<p>原文。</p>")
    tab = open_entry(room, live_server, entry)
    write(tab, "未儲存的一句。")
    expect(status(tab)).to_contain_text("已自動儲存")

    kill(tab)
    tab = open_entry(room, live_server, entry)
    expect(tab.locator(".unsaved")).to_contain_text("有未儲存的文字")
    tab.get_by_role("link", name="取回未儲存的文字").click()
    expect(tab.locator(".ProseMirror")).to_contain_text("原文。未儲存的一句。")
    entry.refresh_from_db()
    assert entry.body == "<p>原文。</p>"
    save(tab)
    expect(tab.locator(".messagelist")).to_contain_text("題")

    entry.refresh_from_db()
    assert entry.body == "<p>原文。未儲存的一句。</p>"
    assert not Autosave.objects.exists()


def test_text_survives_a_killed_tab_even_when_the_server_was_out_of_reach(room, live_server):
    tab = room.new_page()
    tab.route(re.compile("/autosave/"), lambda route: route.abort())
    tab.goto(f"{live_server.url}/admin/briefings/entry/add/")
    tab.get_by_label("標題", exact=False).first.fill("斷線時寫的一篇")
    expect(status(tab)).to_contain_text("暫存在這部電腦")

    kill(tab)
    tab = room.new_page()
    tab.goto(f"{live_server.url}/admin/briefings/entry/add/")
    tab.get_by_role("link", name="取回未儲存的文字").click()

    expect(tab.locator("#id_headline")).to_have_value("斷線時寫的一篇")


def test_an_answer_cut_short_stops_neither_keeping_nor_saving(room, live_server):
    entry = make_entry(headline="題")
    tab = open_entry(room, live_server, entry)
    faults: list[str] = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    cut_short = {"status": 200, "content_type": "application/json", "body": ""}
    tab.route(re.compile("/autosave/"), lambda route: route.fulfill(**cut_short), times=1)
    write(tab, "一句。")
    expect(status(tab)).to_contain_text("未能連線")

    save(tab)

    expect(tab.locator(".messagelist")).to_contain_text("題")
    assert "一句。" in Entry.objects.get().body
    assert faults == []


def test_leaving_asks_nothing_and_keeps_what_was_just_typed(room, live_server):
    entry = make_entry(headline="題")
    tab = open_entry(room, live_server, entry)
    write(tab, "剛打完便離開。")

    tab.get_by_role("link", name="修改紀錄").click()
    expect(tab).to_have_url(re.compile("/history/$"))
    tab.goto(f"{live_server.url}/admin/briefings/entry/{entry.pk}/change/")

    expect(tab.locator(".unsaved ins")).to_contain_text("剛打完便離開。")


def test_a_login_that_ran_out_while_writing_loses_nothing(room, live_server):
    entry = make_entry(headline="題")
    tab = open_entry(room, live_server, entry)
    write(tab, "寫了很久的一段。")
    Session.objects.all().delete()
    save(tab)
    expect(status(tab)).to_contain_text("登入已過期")
    assert tab.url.endswith("/change/")

    log_in(room, live_server, User.objects.get())
    save(tab)

    expect(tab.locator(".messagelist")).to_contain_text("題")
    assert "寫了很久的一段。" in Entry.objects.get().body


def test_after_a_new_login_every_form_of_the_page_can_be_sent(room, live_server):
    tab = open_entry(room, live_server, make_entry(headline="題"))
    room.clear_cookies(name="csrftoken")
    write(tab, "一句。")
    expect(status(tab)).to_contain_text("已自動儲存")

    tab.get_by_role("tab", name="審閱").click()
    tab.get_by_label("意見", exact=True).fill("數字有誤。")
    tab.get_by_role("button", name="加入意見").click()

    expect(tab.locator(".notes")).to_contain_text("數字有誤。")


def test_of_two_editors_the_second_to_save_merges(room, page, live_server):
    entry = make_entry(headline="題", lead="政府公布計劃。", body="<p>原文。</p>")
    other = page.context.browser.new_context(locale="zh-HK")
    log_in(other, live_server, User.objects.create_superuser("wong", first_name="黃小明"))
    mine = open_entry(room, live_server, entry)
    theirs = open_entry(other, live_server, entry)
    expect(theirs.locator(".draft-others")).to_contain_text("陳大文也開着這一篇")

    theirs.get_by_label("導言").fill("政府公布新計劃。")
    save(theirs)
    expect(theirs.locator(".messagelist")).to_contain_text("題")
    mine.get_by_label("導言").fill("當局公布計劃。")
    write(mine, "我加的。")
    save(mine)
    expect(mine.locator(".standing")).to_contain_text("黃小明")
    choice = mine.get_by_role("group", name="導言")
    expect(choice.locator(".change ins")).to_have_text("當局")
    choice.get_by_label("兩份都放入", exact=False).check()
    mine.get_by_role("button", name="合併並放回表格").click()
    expect(mine.get_by_label("導言")).to_have_value("政府公布新計劃。\n當局公布計劃。")
    mine.get_by_label("導言").fill("當局公布新計劃。")
    save(mine)
    expect(mine.locator(".messagelist")).to_contain_text("題")

    entry.refresh_from_db()
    assert (entry.lead, entry.body) == ("當局公布新計劃。", "<p>原文。我加的。</p>")
    other.close()


def test_the_preview_shows_what_is_being_written(room, live_server):
    entry = make_draft({"headline": "題", "body": "<p>原文。</p>"}).entries.get()
    tab = open_entry(room, live_server, entry)
    tab.get_by_role("tab", name="預覽").click()
    frame = tab.frame_locator(".preview-frame iframe").last
    expect(frame.locator(".commentary")).to_have_text("原文。")

    write(tab, "還在寫的一句。")

    expect(frame.locator(".commentary")).to_have_text("原文。還在寫的一句。")
    tab.get_by_role("button", name="郵件", exact=True).click()
    expect(frame.locator(".body")).to_contain_text("還在寫的一句。")
    entry.refresh_from_db()
    assert entry.body == "<p>原文。</p>"
