"""Every path of a member, from the form to the page that says that nothing is known of them, as
their browser and their mail program see it: at a desk and on a telephone.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from urllib.request import urlopen

import pytest
from celery import current_app
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from playwright.sync_api import Page, expect

from briefings.models import Audience, Theme
from briefings.tests.makers import make_published
from cma_site.tests.axe import ANY, GRAVE, list_faults
from subscribers import forms
from subscribers.links import Purpose, make_url
from subscribers.models import Frequency, Member
from subscribers.opening import open_mailing
from subscribers.tests.makers import FaultyRelay, read_message, running_relay

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, serialized_rollback=True)]

EMAIL, NEW = "chan@example.com", "chan.tai.man@a-rather-long-name-of-a-company.example.com"
LONG = "新質生產力與北部都會區發展策略：廠商如何把握大灣區的新機遇"
IS_TOO_WIDE = "document.documentElement.scrollWidth > innerWidth"


@dataclass
class Walk:
    """A member's browser and mailbox, and what was wrong on the way."""

    page: Page
    relay: FaultyRelay
    faults: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    read: int = 0

    def look(self, *, impacts: tuple[str, ...] = ANY) -> None:
        """At the page they are on."""
        found = list_faults(self.page, impacts=impacts)
        if self.page.evaluate(IS_TOO_WIDE):
            found.append("scrolls sideways")
        self.faults += [f"{self.page.url}: {fault}" for fault in found]

    def note(self, message) -> None:
        """A page that they open may well answer with 404, nothing that it loads may."""
        if message.type == "error" and message.location["url"] not in self.opened:
            self.faults.append(f"{message.location['url']}: {message.text}")

    def press(self, button: str, heading: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).click()
        expect(self.page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        self.look()

    def open(self, address: str, heading: str = "") -> None:
        self.opened.append(address)
        self.page.goto(address)
        if heading:
            expect(self.page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        self.look()

    def read_mail(self, address: str) -> EmailMessage:
        """The next one."""
        to, source = self.relay.accepted[self.read]
        self.read += 1
        assert to == address
        return read_message(source)


@pytest.fixture
def walk(page, live_server, settings, tmp_path, monkeypatch) -> Iterator[Callable[[int], Walk]]:
    settings.MEDIA_ROOT = tmp_path
    settings.SITE_URL = live_server.url
    monkeypatch.setattr(forms, "FILLED_IN_AFTER", 0)  # a browser that types at once
    current_app.conf.task_always_eager = True
    cache.clear()

    def start(width: int) -> Walk:
        page.set_viewport_size({"width": width, "height": 844})
        walk = Walk(page, relay)
        page.on("console", walk.note)
        page.on("pageerror", lambda error: walk.faults.append(f"{page.url}: {error}"))
        return walk

    with running_relay() as relay:
        yield start
    current_app.conf.task_always_eager = False
    connection.close()


def find_link(message: EmailMessage, purpose: str) -> str:
    text = message.get_body(("plain",)).get_content()
    return re.search(rf"http://\S+/{purpose}/\S+", text)[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_who_reads_english_joins_chooses_and_leaves_in_english(walk, live_server, scheme):
    theme = Theme.objects.create(name="北部都會區")
    make_published({"headline": "甲", "themes": [theme]}, number=1)
    reader = walk(390)
    page = reader.page
    page.emulate_media(color_scheme=scheme)

    reader.open(f"{live_server.url}/subscribe/", "電郵訂閱")
    page.get_by_role("link", name="English", exact=True).click()
    expect(page.get_by_role("heading", name="Subscribe by email")).to_be_visible()
    reader.look()
    expect(page.get_by_label("English", exact=True).last).to_be_checked()
    page.get_by_role("button", name="Subscribe", exact=True).click()
    expect(page.get_by_text("Please tick the box to agree.")).to_be_visible()
    reader.look()
    page.get_by_label("Email address", exact=True).fill(EMAIL)
    page.get_by_label("I agree that").check()
    reader.press("Subscribe", "Check your email")
    confirm = find_link(reader.read_mail(EMAIL), "subscribe/confirm")
    assert confirm.startswith(f"{live_server.url}/en/")
    reader.open(confirm, "Confirm subscription")
    reader.press("Confirm subscription", "You are subscribed")
    page.get_by_role("link", name="Change preferences").click()
    page.get_by_label("Weekly digest").check()
    page.get_by_label(theme.name).check()
    reader.press("Save", "Your preferences")
    expect(page.get_by_role("status")).to_have_text("Your preferences are saved.")
    member = Member.objects.get()
    assert (member.notice_language, member.frequency) == ("en", Frequency.WEEKLY)
    reader.press("Request my data", "Check your email")
    reader.open(find_link(reader.read_mail(EMAIL), "preferences"), "Your preferences")
    reader.press("Unsubscribe", "Unsubscribed")

    page.get_by_role("link", name="简体中文").click()
    expect(page.get_by_role("heading", name="已取消订阅")).to_be_visible()
    assert not Member.objects.get().is_active
    assert reader.faults == []


def sign_up(walk: Walk, base: str) -> None:
    walk.open(f"{base}/subscribe/", "電郵訂閱")
    walk.page.get_by_label("電郵地址", exact=True).fill(EMAIL)
    walk.page.get_by_label("本人同意").check()
    walk.press("訂閱", "請查看電郵")
    walk.open(find_link(walk.read_mail(EMAIL), "subscribe/confirm"), "確認訂閱")
    walk.press("確認訂閱", "訂閱成功")


def change_preferences(walk: Walk, theme: Theme) -> None:
    until = timezone.localdate() + timedelta(days=9)
    page = walk.page
    page.get_by_role("link", name="更改偏好").click()
    page.get_by_label("每週摘要").check()
    page.get_by_label(theme.name).check()
    page.get_by_label("暫停至某日").fill(until.isoformat())
    walk.press("儲存", "訂閱偏好")
    expect(page.get_by_role("status")).to_have_text("偏好已儲存。")
    member = Member.objects.get()
    assert (member.frequency, member.paused_until) == (Frequency.WEEKLY, until)
    assert list(member.themes.all()) == [theme]

    page.get_by_label("暫停至某日").fill("")
    page.get_by_label("每期寄送").check()
    walk.press("儲存", "訂閱偏好")
    assert list(Member.objects.wants_every_edition()) == [member]


def move_and_come_back(walk: Walk) -> None:
    walk.page.get_by_label("新的電郵地址").fill(NEW)
    walk.press("更改", "請查看電郵")
    to_old, to_new = walk.read_mail(EMAIL), walk.read_mail(NEW)
    walk.open(find_link(to_new, "move"), "更改電郵")
    walk.press("確認更改", "電郵已更改")
    assert Member.objects.get().email == NEW
    walk.open(find_link(to_old, "keep"))
    walk.press("取消更改，沿用舊地址", "已取消更改")
    assert Member.objects.get().email == EMAIL


def read_an_edition(walk: Walk, base: str) -> EmailMessage:
    """In the browser, from the mail; and on the site, which has it for members only."""
    edition = make_published(
        {"headline": LONG, "themes": Theme.objects.all()},
        {"headline": f"再論{LONG}"},
        number=7,
        audience=Audience.MEMBERS,
    )
    open_mailing(edition, by=None)
    message = walk.read_mail(EMAIL)
    walk.page.goto(find_link(message, "mail"))
    expect(walk.page.get_by_text(LONG).last).to_be_visible()
    walk.look(impacts=GRAVE)

    walk.open(f"{base}/login/", "會員登入")
    walk.page.get_by_label("電郵地址", exact=True).fill(EMAIL)
    walk.press("寄出登入連結", "請查看電郵")
    walk.open(find_link(walk.read_mail(EMAIL), "login"))
    walk.page.get_by_role("button", name="登入", exact=True).click()
    walk.open(f"{base}{edition.get_absolute_url()}")
    expect(walk.page.get_by_text("只限會員").first).to_be_visible()
    return message


def leave_by_one_click(walk: Walk, message: EmailMessage) -> None:
    walk.open(find_link(message, "unsubscribe"), "取消訂閱")
    assert Member.objects.get().is_active
    address = message["List-Unsubscribe"].strip("<>")
    assert urlopen(address, data=b"List-Unsubscribe=One-Click").status == 200
    assert not Member.objects.get().is_active
    walk.open(address, "已取消訂閱")
    walk.open(find_link(message, "preferences"), "現時沒有訂閱")


def take_everything_along(walk: Walk, member: Member) -> None:
    preferences = make_url(Purpose.PREFERENCES, member.pk)
    walk.page.goto(preferences)
    walk.press("索取我的資料", "請查看電郵")
    [attachment] = walk.read_mail(EMAIL).iter_attachments()
    assert json.loads(attachment.get_content())["電郵"] == EMAIL
    walk.page.goto(preferences)
    walk.press("刪除我的資料", "請查看電郵")
    walk.open(find_link(walk.read_mail(EMAIL), "erase"))
    walk.press("刪除我的資料", "資料已刪除")
    assert not Member.objects.exists()


@pytest.mark.parametrize("width", [1280, 390])
def test_a_member_comes_reads_leaves_returns_and_is_forgotten(walk, live_server, width):
    theme = Theme.objects.create(name="北部都會區")
    make_published({"headline": "甲", "themes": [theme]}, number=1)
    member_walk = walk(width)

    sign_up(member_walk, live_server.url)
    change_preferences(member_walk, theme)
    move_and_come_back(member_walk)
    message = read_an_edition(member_walk, live_server.url)
    leave_by_one_click(member_walk, message)
    sign_up(member_walk, live_server.url)
    take_everything_along(member_walk, Member.objects.get())

    member_walk.open(find_link(message, "unsubscribe"), "現時沒有訂閱")
    assert urlopen(member_walk.page.url, data=b"List-Unsubscribe=One-Click").status == 200
    member_walk.page.goto(find_link(message, "mail"))
    expect(member_walk.page.get_by_text(LONG).last).to_be_visible()
    member_walk.open(f"{live_server.url}/unsubscribe/1.forged/", "連結無效")
    assert member_walk.faults == []
