"""The desk as an editor uses it, in a real browser: JavaScript, drag and all."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from playwright.sync_api import Page, expect

from briefings.imports import read_file
from briefings.models import Edition, Entry, ImportBatch, ImportedFile, Theme
from briefings.tests.importer.specimens import make_pieces
from briefings.tests.importer.typesetting import typeset
from briefings.tests.makers import make_draft, make_entry

pytestmark = [
    pytest.mark.slow,
    # The defaults that migrations made must outlive the flush after each test.
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]


def go(page: Page, menu: str, button: str) -> None:
    # When the side bar opens, the menu in the page goes, and a link of it that was found before.
    page.locator("#main.shifted").wait_for()
    page.get_by_role("link", name=menu, exact=True).first.click()
    page.get_by_role("link", name=button, exact=True).click()


def test_an_entry_is_written_put_in_an_edition_and_published(desk, live_server):
    Theme.objects.create(name="北部都會區")

    go(desk, "短評", "新增短評")
    desk.get_by_label("標題：").fill("園區公司要有實權")
    desk.locator(".field-themes .select2-selection").click()
    desk.keyboard.type("都會")
    desk.get_by_role("option", name="北部都會區").click()
    desk.get_by_label("導言：").fill("政府公布園區公司的架構。")
    desk.locator(".ProseMirror").click()
    desk.get_by_role("button", name="粗體").press("Enter")
    desk.keyboard.type("權責相稱")
    desk.get_by_role("button", name="粗體").press("Enter")
    desk.keyboard.type("，方能成事。")
    desk.get_by_role("button", name="儲存並審批").click()
    expect(desk.locator(".messagelist")).to_contain_text("「園區公司要有實權」已審批，可以出版。")
    assert Entry.objects.get().body == "<p><strong>權責相稱</strong>，方能成事。</p>"

    go(desk, "各期", "新增一期")
    desk.get_by_label("園區公司要有實權", exact=True).check()
    desk.get_by_role("button", name="儲存並繼續編輯").click()
    desk.get_by_role("link", name="出版", exact=True).click()
    desk.get_by_label("公開：任何人均可閱讀").check()
    desk.get_by_role("button", name="出版第1期").click()
    desk.get_by_role("link", name="看網頁").click()

    expect(desk.locator("main")).to_contain_text("園區公司要有實權")
    expect(desk.locator("main strong")).to_have_text("權責相稱")
    assert Edition.objects.get().get_absolute_url() in desk.url


def test_entries_are_ordered_by_dragging_and_by_key(desk, live_server):
    edition = make_draft({"headline": "甲"}, {"headline": "乙"}, {"headline": "丙"})
    desk.goto(f"{live_server.url}/admin/briefings/edition/{edition.pk}/change/")

    handles = desk.locator("td.original p")
    handles.nth(2).drag_to(handles.nth(0))
    expect(desk.locator(".place")).to_have_text(["1", "2", "3"])
    desk.get_by_role("button", name="上移「乙」").focus()
    desk.keyboard.press("Enter")
    desk.get_by_role("button", name="儲存", exact=True).click()
    expect(desk.locator(".messagelist")).to_contain_text("已儲存一期")

    assert [entry.headline for entry in edition.entries.all()] == ["丙", "乙", "甲"]


@pytest.fixture
def asked(desk) -> list[str]:
    """The kinds of questions the browser asked; every one is answered with no."""
    asked: list[str] = []
    desk.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    return asked


def move(desk: Page) -> None:
    desk.get_by_role("button", name="下移「甲」").click()


def drag(desk: Page) -> None:
    handles = desk.locator("td.original p")
    handles.nth(1).drag_to(handles.nth(0))


def open_form(desk: Page, live_server, name: str) -> None:
    edition = make_draft({"headline": "甲", "body": "<ul><li>項</li></ul>"}, {"headline": "乙"})
    pk = {"edition": edition.pk, "entry": edition.entries.first().pk}[name]
    desk.goto(f"{live_server.url}/admin/briefings/{name}/{pk}/change/")


@pytest.mark.parametrize("change", [move, drag])
def test_leaving_an_edition_unsaved_asks_first(change, desk, asked, live_server):
    open_form(desk, live_server, "edition")

    change(desk)
    with desk.expect_event("dialog"):
        desk.get_by_role("link", name="修改紀錄").click(no_wait_after=True)

    assert asked == ["beforeunload"]
    assert desk.url.endswith("/change/")


def test_leaving_whatever_does_not_save_itself_asks_first(desk, live_server):
    upload = SimpleUploadedFile("舊期.txt", typeset(make_pieces(1)).encode())
    batch = ImportBatch.objects.create()
    file = ImportedFile.objects.create(batch=batch, name=upload.name, upload=upload)
    read_file(file.pk, timezone.now())
    fields = {
        f"theme/{Theme.objects.create(name='大灣區').pk}/change": "#id_name",
        "publication": "#id_tagline",
        f"entry/{make_entry().pk}/change": "#note-text",
        f"importbatch/files/{file.pk}": "#id_number",
    }
    asked: list[str] = []
    desk.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))

    for address, field in fields.items():
        desk.goto(f"{live_server.url}/admin/briefings/{address}/")
        if field == "#note-text":
            desk.get_by_role("tab", name="審閱").click()
        desk.locator(field).click()
        desk.keyboard.type("7")
    desk.goto(f"{live_server.url}/admin/")

    assert asked == ["beforeunload"] * len(fields)


@pytest.mark.parametrize("form", ["edition", "entry"])
def test_leaving_an_untouched_form_asks_nothing(form, desk, asked, live_server):
    open_form(desk, live_server, form)
    desk.wait_for_load_state("networkidle")

    desk.get_by_role("link", name="修改紀錄").click()

    expect(desk).to_have_url(re.compile("/history/$"))
    assert asked == []


def test_saving_asks_nothing(desk, asked, live_server):
    open_form(desk, live_server, "edition")

    move(desk)
    desk.get_by_role("button", name="儲存", exact=True).click()

    expect(desk.locator(".messagelist")).to_contain_text("已儲存一期")
    assert asked == []


def test_a_preview_of_unsaved_work_asks_first(desk, asked, live_server):
    open_form(desk, live_server, "edition")

    move(desk)
    desk.get_by_role("link", name="預覽網頁").click()

    assert asked == ["confirm"]


def test_a_refused_save_keeps_what_was_written(desk, live_server):
    Theme.objects.create(name="大灣區")
    desk.goto(f"{live_server.url}/admin/briefings/entry/add/")
    desk.locator(".field-themes .select2-selection").click()
    desk.get_by_role("option", name="大灣區").click()
    desk.locator(".ProseMirror").click()
    desk.keyboard.type("寫了許久的一段。")

    desk.get_by_role("button", name="儲存", exact=True).click()

    expect(desk.locator(".errornote")).to_be_visible()
    expect(desk.locator(".ProseMirror")).to_contain_text("寫了許久的一段。")
    expect(desk.locator(".field-themes .select2-selection")).to_contain_text("大灣區")


def test_the_editor_speaks_chinese(desk, live_server):
    desk.goto(f"{live_server.url}/admin/briefings/entry/add/")

    desk.get_by_role("button", name="插入表格").press("Enter")
    dialog = desk.locator(".prose-editor-dialog")
    expect(dialog).to_contain_text("首列是標題")
    titles = desk.locator(".prose-menubar__button").evaluate_all("all => all.map(b => b.title)")
    options = dialog.locator("option").evaluate_all("all => all.map(o => o.label)")

    assert titles[:4] == ["大標題", "中標題", "小標題", "粗體"]
    assert [word for word in titles + options if word.isascii()] == []
