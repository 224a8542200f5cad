"""An edition's mail from an editor to a publisher to the clock, as they see it in a browser."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from briefings.models import Theme
from briefings.publishing import publish_if_due
from briefings.tests.makers import make_scheduled
from cma_site.tests.axe import ANY, list_faults
from subscribers.mail_scheduling import open_due_mails
from subscribers.models import Delivery
from subscribers.tests.makers import make_mail_editor, make_mail_publisher, make_member

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]

SIZES = [(1280, 900), (390, 844)]


@pytest.fixture
def tab(page, live_server, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    yield page
    connection.close()


def become(tab: Page, user: User, server: str) -> None:
    client = Client()
    client.force_login(user)
    cookie = client.cookies["sessionid"]
    tab.context.clear_cookies()
    tab.context.add_cookies([{"name": "sessionid", "value": cookie.value, "url": server}])


def look(tab: Page) -> list[str]:
    """At the page, at a desk and on a telephone."""
    faults = []
    for width, height in SIZES:
        tab.set_viewport_size({"width": width, "height": height})
        faults += list_faults(tab, impacts=ANY)
        if tab.evaluate("document.documentElement.scrollWidth > innerWidth"):
            faults.append(f"scrolls sideways at {width}")
    tab.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})
    return faults


def test_an_editor_asks_a_publisher_schedules_cancels_and_schedules_again(tab, live_server):
    chan, wong = make_mail_editor(), make_mail_publisher()
    make_member()
    theme = Theme.objects.create(name="貿易")
    tomorrow = (timezone.localtime() + timedelta(days=1)).replace(second=0, microsecond=0)
    edition = make_scheduled(
        {"headline": "關稅", "themes": [theme]}, at=tomorrow, number=9, by=wong
    )
    address = f"{live_server.url}/admin/briefings/edition/{edition.pk}/mailing/"
    messages, standing = tab.locator(".messagelist"), tab.locator(".standing")
    faults = []

    become(tab, chan, live_server.url)
    tab.goto(f"{live_server.url}/admin/briefings/edition/{edition.pk}/change/")
    tab.get_by_role("link", name="寄給會員").click()
    tab.get_by_label("主旨").fill("關稅之後怎麼辦")
    tab.get_by_role("button", name="儲存並送審").click()
    expect(messages).to_contain_text("已送審，等候出版人審批。")
    expect(tab.get_by_label("主旨")).not_to_be_editable()
    faults += look(tab)

    become(tab, wong, live_server.url)
    tab.goto(f"{live_server.url}/admin/")
    tab.locator(".card-pending-mails").get_by_role("link", name="第9期").click()
    expect(standing).to_contain_text("chan於")
    faults += look(tab)
    early = (tomorrow - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    tab.get_by_label("寄出時間").fill(early)
    tab.get_by_role("button", name="排程寄出").click()
    expect(messages).to_contain_text("寄出時間不可早於出版")
    expect(tab.get_by_label("寄出時間")).to_have_value(early)
    tab.get_by_label("寄出時間").fill(tomorrow.strftime("%Y-%m-%dT%H:%M"))
    tab.get_by_role("button", name="排程寄出").click()
    expect(messages).to_contain_text("已審批，將於")
    faults += look(tab)

    tab.get_by_role("button", name="取消排程").click()
    expect(messages).to_contain_text("已取消排程")
    assert not Delivery.objects.exists()
    tab.get_by_role("button", name="排程寄出").click()
    expect(standing).to_contain_text("自動寄出")

    publish_if_due(edition, tomorrow)
    open_due_mails(tomorrow)
    tab.goto(address)
    expect(tab.locator("#content-main")).to_contain_text(re.compile("主旨：\\s*關稅之後怎麼辦"))
    expect(tab.locator(".mail-events")).to_contain_text("chan")
    faults += look(tab)
    assert Delivery.objects.count() == 1
    assert faults == []


def test_a_publisher_returns_what_an_editor_asked_for(tab, live_server):
    chan, wong = make_mail_editor(), make_mail_publisher()
    make_member()
    edition = make_scheduled(number=9, by=wong)
    address = f"{live_server.url}/admin/briefings/edition/{edition.pk}/mailing/"
    become(tab, chan, live_server.url)
    tab.goto(address)
    tab.get_by_role("button", name="儲存並送審").click()
    expect(tab.locator(".messagelist")).to_contain_text("已送審")

    become(tab, wong, live_server.url)
    tab.goto(address)
    tab.get_by_text("退回修改…").click()
    tab.get_by_label("為何退回？").fill("請寫主旨。")
    faults = look(tab)
    tab.get_by_role("button", name="退回修改", exact=True).click()
    expect(tab.locator(".messagelist")).to_contain_text("已退回修改。")
    become(tab, chan, live_server.url)
    tab.goto(f"{live_server.url}/admin/")
    expect(tab.locator(".card-pending-mails")).to_contain_text("請寫主旨。")
    tab.goto(address)
    expect(tab.locator(".obstacles")).to_contain_text("退回：請寫主旨。")

    assert faults + look(tab) == []
