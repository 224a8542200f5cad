"""The desk as a publisher goes through it, from the code on the telephone to an edition that
publishes itself: a real server, a real worker, the clock's own process, a real browser.
"""

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from django_otp.util import random_hex
from playwright.sync_api import Page, expect

from cma_site.supervisor import BEAT, WORKER, serve_command
from cma_site.tests.makers import PASSWORD, calculate_code
from conftest import Stage, find_free_port, wait_until_served

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, serialized_rollback=True)]

SET_UP = """
from django.contrib.auth.models import Group, User
from django_otp.plugins.otp_totp.models import TOTPDevice
from briefings.models import Theme
from subscribers.models import Member
publisher = User.objects.create_user("lee", password="{password}", is_staff=True)
publisher.groups.add(Group.objects.get(name="出版人"))
TOTPDevice.objects.create(user=publisher, name="電話", key="{secret}")
Theme.objects.create(name="北部都會區", description="北部的土地與產業")
Member.objects.create(email="chan@example.com", name="chan").confirm()
"""
SENT = """
from subscribers.models import Delivery
print(Delivery.objects.filter(state="sent").count())
"""
PATIENCE = 150  # seconds: until the next full minute, then the clock, the worker and the mail


@pytest.fixture
def site(tmp_path, stage_env) -> Stage:
    port = find_free_port()
    env = {"SITE_URL": f"http://127.0.0.1:{port}", "REQUIRE_TOTP": "1"}
    stage = Stage(tmp_path, stage_env | env)
    stage.manage("migrate", "--verbosity", "0")
    with stage.processes:
        stage.processes.start("worker", WORKER)
        stage.processes.start("beat", BEAT)
        stage.processes.start("web", serve_command(port))
        stage.url = env["SITE_URL"]
        wait_until_served(stage)
        yield stage
    connection.close()  # a connection of Playwright's loop, which nobody else would close


def log_in(page: Page, site: Stage, secret: str) -> None:
    page.goto(f"{site.url}/admin/")
    page.get_by_label("用戶名稱").fill("lee")
    page.get_by_label("密碼").fill(PASSWORD)
    page.get_by_role("button", name="登入").click()
    page.get_by_label("驗證碼").fill(calculate_code(bytes.fromhex(secret)))
    page.get_by_role("button", name="繼續").click()
    expect(page.get_by_role("heading", name="工作台")).to_be_visible()


def write_entry(page: Page) -> None:
    page.get_by_role("link", name="新增短評").first.click()
    page.get_by_label("標題：").fill("園區公司要有實權")
    page.locator(".field-themes .select2-selection").click()
    page.keyboard.type("都會")
    page.get_by_role("option", name="北部都會區").click()
    page.get_by_label("導言：").fill("政府公布北部都會區園區公司的架構。")
    page.locator(".ProseMirror").click()
    page.keyboard.type("權責相稱，方能成事。")
    page.get_by_role("button", name="儲存並審批").click()
    expect(page.locator(".messagelist")).to_contain_text("已審批")


def schedule_edition(page: Page) -> None:
    """For the next full minute that is far enough off to fill the form in before it."""
    page.get_by_role("link", name="各期", exact=True).first.click()
    page.get_by_role("link", name="新增一期", exact=True).click()
    page.get_by_label("園區公司要有實權", exact=True).check()
    page.get_by_role("button", name="儲存並繼續編輯").click()
    page.get_by_role("link", name="排程", exact=True).click()
    at = timezone.localtime() + timedelta(seconds=75)
    page.get_by_label("出版時間").fill(f"{at:%Y-%m-%dT%H:%M}")
    page.get_by_label("公開：任何人均可閱讀").check()
    page.get_by_label("寄給會員").check()
    page.get_by_role("button", name="排程第1期").click()
    expect(page.locator(".state-scheduled").first).to_be_visible()


def wait_for_sent(site: Stage) -> str:
    deadline = time.monotonic() + PATIENCE
    while (sent := site.python(SENT)) == "0" and time.monotonic() < deadline:
        time.sleep(2)
    return sent


def test_an_edition_scheduled_by_hand_publishes_and_mails_itself(site, page):
    secret = random_hex()
    site.python(SET_UP.format(password=PASSWORD, secret=secret))

    log_in(page, site, secret)
    write_entry(page)
    schedule_edition(page)
    page.goto(f"{site.url}/")
    expect(page.locator("main")).not_to_contain_text("園區公司要有實權")

    assert wait_for_sent(site) == "1", site.logs()
    page.goto(f"{site.url}/")
    expect(page.locator("main")).to_contain_text("園區公司要有實權")
    page.goto(f"{site.url}/admin/briefings/edition/")
    expect(page.locator("#result_list")).to_contain_text("已出版")
