"""One edition, all the way: real worker, beat, broker, SMTP server, web server and browser."""

import json
import re
import time
import urllib.request
from email import message_from_bytes, policy
from email.message import EmailMessage
from io import BytesIO

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as KeepMessages
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from cma_site.supervisor import BEAT, WORKER, serve_command
from conftest import Stage, find_free_port, wait_until_served

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, serialized_rollback=True)]

PASSWORD = "correct-horse-battery"
SET_UP = f"""
from django.contrib.auth import get_user_model
get_user_model().objects.create_superuser("editor", password="{PASSWORD}")

from datetime import date
from briefings.models import Edition, Entry
from briefings.publishing import approve_entries
from subscribers.models import Member
edition = Edition.objects.create(number=1, date=date(2026, 11, 20))
for position, name in enumerate(["新質生產力", "北部都會區"], start=1):
    entry = Entry.objects.create(
        edition=edition, position=position,
        headline=f"談{{name}}與廠商", lead=f"{{name}}近日再受注目。",
        body=f"<p>所謂「{{name}}」，與5G一樣，臺灣亦有論者提及。</p>",
    )
    entry.themes.set([name])
approve_entries(edition)
for name in ["chan", "lee", "wong"]:
    Member.objects.create(email=f"{{name}}@example.com", name=name).confirm()
print(edition.pk)
"""


class Inbox(KeepMessages):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[EmailMessage] = []

    def prepare_message(self, session, envelope):
        return message_from_bytes(envelope.original_content, policy=policy.default)

    def handle_message(self, message) -> None:
        self.messages.append(message)

    def wait_for(self, count: int, patience: float = 60) -> list[EmailMessage]:
        deadline = time.monotonic() + patience
        while len(self.messages) < count and time.monotonic() < deadline:
            time.sleep(0.1)
        return self.messages


@pytest.fixture
def inbox():
    handler = Inbox()
    server = Controller(handler, hostname="127.0.0.1", port=find_free_port())
    server.start()
    handler.port = server.port
    yield handler
    server.stop()


@pytest.fixture
def site(tmp_path, stage_env, inbox):
    port = find_free_port()
    env = {
        "SITE_URL": f"http://127.0.0.1:{port}",
        "EMAIL_URL": f"smtp://127.0.0.1:{inbox.port}",
    }
    stage = Stage(tmp_path, stage_env | env)
    stage.manage("migrate", "--verbosity", "0")
    with stage.processes:
        stage.processes.start("worker", WORKER)
        stage.processes.start("beat", BEAT)
        stage.processes.start("web", serve_command(port))
        stage.url = env["SITE_URL"]
        wait_until_served(stage)
        yield stage


def log_in(page: Page, site: Stage) -> None:
    page.goto(f"{site.url}/admin/")
    page.fill("[name=username]", "editor")
    page.fill("[name=password]", PASSWORD)
    page.click("[type=submit]")


def find_link(message: EmailMessage, pattern: str) -> str:
    text = message.get_body(("plain",)).get_content()
    return re.search(pattern, text)[0]


def download(url: str, patience: float = 60) -> bytes:
    """Asked for again while the answer is to wait, as the page that says so does by itself."""
    deadline = time.monotonic() + patience
    while True:
        with urllib.request.urlopen(url) as answer:
            if answer.status == 200:
                return answer.read()
            assert answer.status == 202
        assert time.monotonic() < deadline
        time.sleep(0.5)


def list_members(site: Stage) -> str:
    return site.python(
        "from subscribers.models import Member;print(*Member.objects.active().order_by('email'))"
    )


def test_an_edition_is_published_printed_mailed_read_and_found(site, inbox, page):
    edition_id = site.python(SET_UP)

    # A publisher publishes it, and has it sent to members.
    log_in(page, site)
    page.goto(f"{site.url}/admin/briefings/edition/{edition_id}/publish/")
    page.get_by_label("公開：任何人均可閱讀").check()
    page.get_by_label("寄給會員").check()
    page.locator(".submit-row [type=submit]").click()
    assert "已出版第1期" in page.inner_text(".messagelist")

    # Each member gets it once.
    messages = inbox.wait_for(3)
    assert sorted(m["To"].addresses[0].addr_spec for m in messages) == [
        "chan@example.com",
        "lee@example.com",
        "wong@example.com",
    ], site.logs()
    assert len({m["Message-ID"] for m in messages}) == 3

    # A member follows the mail to the web and to the PDF.
    page.goto(find_link(messages[0], rf"{site.url}/editions/[\w-]+/"))
    assert "談新質生產力與廠商" in page.inner_text("main")
    pdf = PdfReader(BytesIO(download(f"{site.url}/editions/2026-11-20.pdf")))
    assert "research@cma.org.hk" in pdf.pages[-1].extract_text()

    # A reader finds it in whatever script they type.
    for typed in ("新质生产力", "新質生產力", "５Ｇ", "台灣"):
        page.goto(f"{site.url}/")
        page.get_by_role("searchbox").first.fill(typed)
        page.keyboard.press("Enter")
        page.wait_for_url("**/search/**")  # the home page has that link too
        page.get_by_role("link", name="談新質生產力與廠商").first.wait_for()
        assert page.locator("mark").count() > 0, typed

    # A member's mail program unsubscribes them with one click.
    chan = next(m for m in messages if "chan@" in m["To"])
    one_click = chan["List-Unsubscribe"].strip("<>")
    answer = urllib.request.urlopen(one_click, data=b"List-Unsubscribe=One-Click")
    assert answer.status == 200
    assert list_members(site) == "lee wong"


def test_a_reader_joins_by_confirming_their_address(site, inbox, page):
    page.goto(f"{site.url}/subscribe/")
    page.fill("[name=email]", "new@example.com")
    page.check("[name=consent]")
    page.wait_for_timeout(2500)  # as long as a person takes
    page.get_by_role("button", name="訂閱").click()

    message = inbox.wait_for(1)[0]
    page.goto(find_link(message, rf"{site.url}/subscribe/confirm/\S+"))
    page.get_by_role("button", name="確認").click()

    assert list_members(site) == "new@example.com"


MAKE_MEMBER = """
from django.utils import timezone
from subscribers.links import Purpose, make_url
from subscribers.models import Member
member = Member.objects.create(email="chan@example.com")
member.confirm()
print(make_url(Purpose.PREFERENCES, member.pk))
"""


@pytest.mark.parametrize("width", [1200, 360])
def test_a_member_looks_after_their_subscription(site, inbox, page, width):
    """Pauses, moves to another address and takes it back, gets their data, and has it deleted."""
    preferences = site.python(MAKE_MEMBER)
    page.set_viewport_size({"width": width, "height": 800})

    def mail_to(address: str, place: int) -> EmailMessage:
        message = inbox.wait_for(place + 1)[place]
        assert address in message["To"]
        return message

    def follow(message: EmailMessage, purpose: str, button: str) -> None:
        page.goto(find_link(message, rf"{site.url}/{purpose}/\S+"))
        page.get_by_role("button", name=button).click()

    page.goto(preferences)
    page.get_by_label("暫停至某日").fill("2027-01-04")
    page.get_by_role("button", name="儲存").click()
    expect(page.get_by_role("status")).to_have_text("偏好已儲存。")
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")

    page.get_by_label("新的電郵地址").fill("new@example.com")
    page.get_by_role("button", name="更改", exact=True).click()
    expect(page.get_by_role("heading", name="請查看電郵")).to_be_visible()
    to_old, to_new = mail_to("chan@example.com", 0), mail_to("new@example.com", 1)
    follow(to_new, "move", "確認更改")
    expect(page.get_by_role("heading", name="電郵已更改")).to_be_visible()
    assert list_members(site) == "new@example.com"
    follow(to_old, "keep", "取消更改")
    assert list_members(site) == "chan@example.com"

    page.goto(preferences)
    page.get_by_role("button", name="索取我的資料").click()
    [attachment] = mail_to("chan@example.com", 2).iter_attachments()
    assert json.loads(attachment.get_content())["暫停至"] == "2027-01-04"

    page.goto(preferences)
    page.get_by_role("button", name="刪除我的資料").click()
    follow(mail_to("chan@example.com", 3), "erase", "刪除我的資料")
    expect(page.get_by_role("heading", name="資料已刪除")).to_be_visible()
    assert list_members(site) == ""
    page.goto(preferences)
    expect(page.get_by_text("現時沒有訂閱")).to_be_visible()


PUBLISH_TO_MEMBERS = """
from briefings.models import Audience, Edition
from briefings.publishing import publish_edition
from subscribers.opening import open_mailing
edition = Edition.objects.get()
publish_edition(edition, audience=Audience.MEMBERS)
open_mailing(edition, by=None)
print(edition.get_absolute_url())
"""


def test_a_member_reads_a_closed_edition_by_its_mail_and_then_by_a_login_link(site, inbox, page):
    site.python(SET_UP)
    address = f"{site.url}{site.python(PUBLISH_TO_MEMBERS)}"
    assert page.goto(address).status == 404

    # From the mail: the link shows a button, the button leads to the very entry.
    message = next(m for m in inbox.wait_for(3) if "chan@" in m["To"])
    page.goto(find_link(message, rf"{site.url}/enter/\S+\?to=entry-2"))
    page.get_by_role("button", name="閱讀第1期").click()
    assert page.url == f"{address}#entry-2"
    assert "談北部都會區與廠商" in page.inner_text("main")
    assert "只限會員" in page.inner_text("main")

    # Out again.
    page.get_by_role("link", name="會員登入").click()
    page.get_by_role("button", name="登出").click()
    assert page.goto(address).status == 404

    # From the page that isn't there to a link in the mailbox, and back to the page.
    page.get_by_role("link", name="登入", exact=True).click()
    page.get_by_label("電郵地址").fill("Chan@example.com")
    page.get_by_role("button", name="寄出登入連結").click()
    assert "請查看電郵" in page.inner_text("main")
    link = find_link(inbox.wait_for(4)[3], rf"{site.url}/login/\S+")
    page.goto(link)
    page.get_by_role("button", name="登入").click()
    assert page.url == address
    assert "談新質生產力與廠商" in page.inner_text("main")

    # The link is used up, in this browser or another.
    page.context.clear_cookies()
    assert page.goto(link).status == 410
    assert page.goto(address).status == 404
