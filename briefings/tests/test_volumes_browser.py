"""A volume made at the desk, with its bar going along, by a browser and a press that is played."""

import pytest
from celery import current_app
from django.utils import timezone
from playwright.sync_api import expect

from briefings import printing
from briefings.models import Printout, PrintoutState, Theme, Volume
from briefings.printing import build, make_order
from briefings.tests.makers import make_published

pytestmark = [
    pytest.mark.slow,
    # The defaults that migrations made must outlive the flush after each test.
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]


@pytest.fixture
def slow_worker(desk, monkeypatch):
    """One that has not come yet: the test says how far it is."""
    current_app.conf.task_always_eager = False
    monkeypatch.setattr(printing, "wake_worker", lambda of: None)


def report(**standing) -> None:
    Printout.objects.filter(volume__isnull=False).update(heard_at=timezone.now(), **standing)


def test_a_volume_is_made_and_its_progress_shown(desk, slow_worker, live_server):
    theme = Theme.objects.create(name="北部都會區")
    make_published({"themes": [theme], "body": "<p>新質生產力。</p>"}, number=1)

    desk.goto(f"{live_server.url}/admin/briefings/volume/add/")
    desk.get_by_label("書名").fill("北都文集")
    desk.get_by_label("由：").fill("2024")
    desk.get_by_label("至：").fill("2026")
    desk.locator(".field-theme .select2-selection").click()
    desk.keyboard.type("都會")
    desk.get_by_role("option", name="北部都會區").click()
    desk.get_by_label("索引字詞").fill("新質生產力")
    desk.get_by_role("button", name="儲存並繼續編輯").click()
    expect(desk.locator(".volume-pdf")).to_contain_text("收錄1期，共1篇短評")
    desk.get_by_role("button", name="製作 PDF").click()
    bar = desk.get_by_role("progressbar", name="製作進度")
    expect(desk.get_by_role("status")).to_have_text("正在輪候，很快便會開始。")
    report(state=PrintoutState.BUILDING, pages=12, expected_pages=40)
    expect(desk.get_by_role("status")).to_have_text("已排12頁，預計約40頁。")
    expect(bar).to_have_js_property("value", 12)
    expect(bar).to_have_js_property("max", 40)
    report(state=PrintoutState.WAITING)
    volume = Volume.objects.get()
    build(make_order(volume))
    expect(desk.get_by_role("status")).to_contain_text("PDF 已製成")
    address = desk.get_by_role("link", name="下載").get_attribute("href")
    answer = desk.request.get(f"{live_server.url}{address}")

    assert volume.slug == "北部都會區-2024-2026"
    assert answer.body().startswith(b"%PDF-")


def test_a_refusal_is_shown_while_one_waits_and_can_be_tried_again(desk, slow_worker, live_server):
    make_published({}, number=1)
    volume = Volume.objects.create(title="書", slug="b", first_year=2026, last_year=2026)

    desk.goto(f"{live_server.url}/admin/briefings/volume/{volume.pk}/change/")
    desk.get_by_role("button", name="製作 PDF").click()
    expect(desk.get_by_role("progressbar")).to_be_visible()
    report(state=PrintoutState.REFUSED, reason="字型沒有以下字元。")
    expect(desk.get_by_role("status")).to_have_text("未能製成：字型沒有以下字元。")
    desk.get_by_role("button", name="再試").click()

    expect(desk.get_by_role("status")).to_have_text("正在輪候，很快便會開始。")
