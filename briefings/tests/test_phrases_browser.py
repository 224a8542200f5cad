"""The plot of a phrase as a reader meets it, by a real browser, by day, by night and on a phone."""

from datetime import date

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connection
from playwright.sync_api import expect

from briefings.models import PinnedPhrase
from briefings.tests.makers import make_published

pytestmark = [
    pytest.mark.slow,
    # The defaults that migrations made must outlive the flush after each test.
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
DESK, PHONE = {"width": 1200, "height": 900}, {"width": 360, "height": 740}
SCREENS = [(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")]
COMPARED = "/phrases/?q=關稅&q=配額&q=新質生產力&q=沒有的"
SPILT = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture
def archive(page):
    for year in range(2021, 2027):
        make_published(
            {"headline": f"{year}年的關稅", "lead": "政府再談關稅，並論关税與配額的影響。"},
            {"lead": "新質生產力。" if year > 2023 else "導言。"},
            number=year,
            date=date(year, 11, 20),
        )
    PinnedPhrase.objects.create(text="新質生產力", note="2023年提出。")
    PinnedPhrase.objects.create(text="關稅")
    yield page
    connection.close()  # a connection of Playwright's loop, which nobody else would close


@pytest.mark.parametrize("address", ["/phrases/", COMPARED, "/phrases/?q=沒有的&q=。。"])
@pytest.mark.parametrize(("size", "scheme"), SCREENS)
def test_axe_finds_no_fault(address, size, scheme, archive, live_server):
    archive.set_viewport_size(size)
    archive.emulate_media(color_scheme=scheme)
    archive.goto(live_server.url + address)
    for table in archive.locator("details").all():
        table.locator("summary").click()

    found = Axe().run(archive).response["violations"]

    assert [(fault["id"], fault["nodes"][0]["html"][:160]) for fault in found] == []
    assert not archive.evaluate(SPILT)


def test_a_reader_compares_phrases_reads_the_numbers_and_follows_one_to_its_entry(
    archive, live_server
):
    archive.goto(f"{live_server.url}/phrases/")
    archive.get_by_role("link", name="關稅").click()
    archive.get_by_label("比較1").fill("新质生产力")
    archive.get_by_role("button", name="查閱").click()

    plot = archive.get_by_role("img", name="短評篇數，按季")
    expect(plot.locator(".strip-name")).to_have_text(["關稅", "新质生产力"])
    archive.get_by_role("link", name="按年").click()
    archive.get_by_role("link", name="出現次數").click()
    plot = archive.get_by_role("img", name="出現次數，按年")
    expect(plot.locator(".bar-number")).to_have_text(["3"] * 6 + ["1"] * 3)
    archive.get_by_text("圖中數字的列表").click()
    expect(archive.get_by_role("row", name="2024年 2 1 3 50% 1 1 50%")).to_be_visible()
    archive.get_by_role("link", name="新质生产力（3）").click()
    expect(archive.locator(".kwic mark")).to_have_text(["新質生產力"] * 3)
    archive.get_by_role("link", name="關稅（18）").click()
    archive.locator(".kwic li").first.get_by_role("link").click()
    expect(archive.get_by_role("heading", level=1)).to_have_text("2021年的關稅")


def test_without_scripts_the_same_page_works(archive, live_server):
    context = archive.context.browser.new_context(java_script_enabled=False, locale="zh-HK")
    page = context.new_page()

    page.goto(f"{live_server.url}/phrases/?q=關稅")
    page.get_by_label("比較1").fill("配額")
    page.get_by_role("button", name="查閱").click()

    expect(page.locator(".strip-name")).to_have_text(["關稅", "配額"])


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_the_plot_fits_its_screen_and_no_two_of_its_words_touch(size, archive, live_server):
    archive.set_viewport_size(size)
    archive.goto(f"{live_server.url}{COMPARED}&by=quarter&show=share")

    boxes = [word.bounding_box() for word in archive.locator(".plot text:visible").all()]

    assert all(box["x"] >= 0 and box["x"] + box["width"] <= size["width"] for box in boxes)
    assert not [
        (one, other)
        for i, one in enumerate(boxes)
        for other in boxes[i + 1 :]
        if one["x"] < other["x"] + other["width"]
        and other["x"] < one["x"] + one["width"]
        and one["y"] < other["y"] + other["height"]
        and other["y"] < one["y"] + one["height"]
    ]
    assert archive.locator(".plot .bar").count() == 15


def test_matches_stand_in_one_column_on_a_desk(archive, live_server):
    archive.set_viewport_size(DESK)
    archive.goto(f"{live_server.url}/phrases/?q=關稅")

    marks = archive.locator(".kwic mark").all()

    assert len({mark.bounding_box()["x"] for mark in marks}) == 1
