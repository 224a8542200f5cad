"""Twenty old editions at once, by a browser, a web server and a worker that are all real."""

import pytest
from playwright.sync_api import Page, expect

from briefings.tests.importer.pdf_files import print_old_edition
from briefings.tests.importer.specimens import make_pieces
from briefings.tests.importer.typesetting import typeset
from briefings.tests.importer.word_files import make_plain, make_styled
from cma_site.supervisor import BEAT, WORKER, serve_command
from conftest import Stage, find_free_port, wait_until_served

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, serialized_rollback=True)]

SET_UP = """
from django.contrib.auth import get_user_model
get_user_model().objects.create_superuser("editor", password="lion-rock")
"""
COUNT = """
from briefings.models import Edition, Entry
print(Edition.objects.count(), Entry.objects.count(), {e.state for e in Entry.objects.all()})
"""


def make_files():
    """Seventeen good ones, two broken, and one text in two formats.

    In doubt are one with a stray line, and three of one page, whose running head repeats nowhere.
    """
    pieces = make_pieces(34)
    texts = [pieces[n : n + 2] for n in range(0, 34, 2)]
    files = {f"舊期{n:02}.txt": typeset(text).encode() for n, text in enumerate(texts[:8], start=1)}
    files |= {f"舊期{n:02}.docx": make_styled(text) for n, text in enumerate(texts[8:11], start=9)}
    files |= {f"舊期{n}.docx": make_plain(text) for n, text in enumerate(texts[11:14], start=12)}
    files |= {f"舊期{n}.pdf": print_old_edition(t) for n, t in enumerate(texts[14:17], start=15)}
    files["舊期01.txt"] = b"\xe5\x85\xa7\xe9\x83\xa8\n" + files["舊期01.txt"]
    files["斷了.docx"] = files["舊期09.docx"][:9000]
    files["不是.pdf"] = "這是純文字。".encode()
    files["再來.docx"] = make_plain(texts[1])
    assert len(files) == 20
    return [
        {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        for name, content in files.items()
    ]


@pytest.fixture
def site(stage):
    port = find_free_port()
    stage.python(SET_UP)
    stage.processes.start("worker", WORKER)
    stage.processes.start("beat", BEAT)
    stage.processes.start("web", serve_command(port))
    stage.url = f"http://127.0.0.1:{port}"
    wait_until_served(stage)
    return stage


def log_in(page: Page, site: Stage) -> None:
    page.goto(f"{site.url}/admin/")
    page.fill("[name=username]", "editor")
    page.fill("[name=password]", "lion-rock")
    page.click("[type=submit]")


def test_twenty_files_are_read_whatever_is_among_them(site, page):
    log_in(page, site)
    page.goto(f"{site.url}/admin/briefings/edition/")
    page.locator(".object-tools").get_by_role("link", name="匯入舊期數").click()
    page.get_by_label("選擇檔案").set_input_files(make_files())
    expect(page.locator(".chosen li")).to_have_count(20)
    page.get_by_role("button", name="上載並讀取").click()

    # The bar goes on where it stood after the page is loaded again.
    bar = page.get_by_role("progressbar", name="讀取進度")
    expect(bar).to_have_attribute("max", "20")
    page.reload()
    expect(bar).to_have_js_property("value", 20, timeout=180_000)
    expect(page.get_by_role("status").first).to_have_text(
        "已讀 20／20 個檔案：17個待核對，2個未能讀取，1個重複。"
    )
    expect(page.get_by_role("row", name="斷了.docx")).to_contain_text("已損壞")
    expect(page.get_by_role("row", name="不是.pdf")).to_contain_text("內容卻不是 PDF")
    expect(page.get_by_role("row", name="再來.docx")).to_contain_text("與「舊期02.txt」內容相同")

    page.get_by_role("button", name="接受全部沒有疑問的（13個）").click()
    expect(page.locator(".messagelist")).to_contain_text("已接受13個檔案")
    assert site.python(COUNT) == "13 26 {'draft'}"

    # The one in doubt: seen in both places, corrected, accepted.
    page.get_by_role("link", name="核對「舊期01.txt」").click()
    page.get_by_role("link", name="看這裏").click()
    expect(page.locator("#source-doubt-1")).to_be_focused()
    expect(page.locator("#result-doubt-1")).to_be_in_viewport()
    page.get_by_text("修改這一篇").first.click()
    page.get_by_label("標題").first.fill("改正了的標題")
    page.get_by_role("button", name="接受，成為草稿").click()
    expect(page.locator(".messagelist")).to_contain_text("「舊期01.txt」已成為草稿")
    headline = "from briefings.models import Entry;print(Entry.objects.order_by('-pk')[1])"
    assert site.python(headline) == "改正了的標題"

    assert site.processes.children["worker"].process.poll() is None, site.logs()
    assert list((site.folder / "var" / "media" / "imports").iterdir()) == []
