"""The desk's page of digests."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from briefings.models import Theme
from briefings.tests.makers import make_published, make_staff
from subscribers.digest_days import find_coming_day
from subscribers.models import Delivery, DigestDay, DigestDayState, DigestKind
from subscribers.tests.makers import make_member

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
PAGE = "/admin/subscribers/mailing/digests/"


@pytest.fixture
def edition():
    now = timezone.now()
    make_member(frequency="weekly", confirmed_at=now - 30 * DAY)
    return make_published({"headline": "甲"}, number=1, date=timezone.localdate(now))


def ask(kind=DigestKind.WEEKLY, **fields):
    due_on = find_coming_day(kind, timezone.now())
    return {"kind": kind.value, "due_on": due_on.isoformat()} | fields


def test_it_says_when_the_next_goes_out_and_who_would_get_what(admin_client, edition):
    page = admin_client.get(PAGE).content.decode()

    due_on = find_coming_day(DigestKind.WEEKLY, timezone.now())
    assert f"{due_on.year}年{due_on.month}月{due_on.day}日" in page
    assert "提早寄給 1 位會員" in page
    assert "甲" in page


def test_a_publisher_sends_it_early(admin_client, edition):
    page = admin_client.post(PAGE, ask(send="1"), follow=True).content.decode()

    assert "每週摘要已開始寄給 1 位會員。" in page
    assert Delivery.objects.count() == 1


def test_pressed_again_it_does_not_send_the_one_after(admin_client, edition):
    pressed = ask(send="1")
    admin_client.post(PAGE, pressed)
    make_published({"headline": "乙"}, number=2, date=timezone.localdate())

    page = admin_client.post(PAGE, pressed, follow=True).content.decode()

    assert "沒有再做" in page
    assert Delivery.objects.count() == 1


def test_a_publisher_skips_it(admin_client, edition):
    page = admin_client.post(PAGE, ask(skip="1"), follow=True).content.decode()

    assert "已略過這次每週摘要" in page
    assert DigestDay.objects.get().state == DigestDayState.SKIPPED
    assert not Delivery.objects.exists()


def test_with_nothing_new_it_is_not_sent(admin_client):
    page = admin_client.post(PAGE, ask(send="1"), follow=True).content.decode()

    assert "現時沒有會員有新的短評可收。" in page
    assert not DigestDay.objects.exists()


def test_it_is_previewed_as_each_kind_of_reader_gets_it(admin_client, edition):
    theme = Theme.objects.create(name="稅務")
    edition.entries.get().themes.add(theme)
    preview = reverse("admin:digest_preview", args=["weekly"])

    page = admin_client.get(preview).content.decode()
    frame = admin_client.get(f"{preview}?choice=1&frame").content.decode()

    assert "政策短評 每週摘要：甲" in page
    assert "稅務" in frame


@pytest.mark.parametrize("address", ["weekly/?choice=2", "weekly/?choice=²", "daily/"])
def test_there_is_no_preview_of_what_nobody_would_get(admin_client, edition, address):
    assert admin_client.get(f"{PAGE}{address}").status_code == 404


def test_who_may_not_send_sees_no_button(client, edition):
    client.force_login(make_staff("view_edition"))

    assert client.get(PAGE).status_code == 403
