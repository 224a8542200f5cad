"""A member whose mail came back is told so where they look after it, and has it sent again."""

import pytest
from django.utils import timezone

from subscribers.bounces.intake import record_report
from subscribers.bounces.reading import read_report
from subscribers.links import Purpose, make_token
from subscribers.models import Member, ReportWay, Suppression
from subscribers.tests.makers import make_delivery, make_member
from subscribers.tests.reports import HARD, make_report

pytestmark = pytest.mark.django_db


@pytest.fixture
def stopped(settings) -> Member:
    settings.BOUNCE_ADDRESS = "bounces@news.example.org"
    delivery = make_delivery(claimed_at=timezone.now())
    source = make_report(HARD, delivery)
    record_report(read_report(source), way=ReportWay.IMAP, now=timezone.now())
    return delivery.member


def page_of(member: Member) -> str:
    return f"/preferences/{make_token(Purpose.PREFERENCES, member.pk)}/"


def test_who_gets_nothing_is_told_why(client, stopped):
    page = client.get(page_of(stopped)).text

    assert "現時沒有寄信給你" in page
    assert "你的郵件系統說這個地址不能收信" in page
    assert "恢復寄送</button>" in page


def test_who_gets_their_mail_is_not_troubled(client, stopped):
    assert "恢復寄送</button>" not in client.get(page_of(make_member())).text


def test_pressing_the_button_starts_it_again(client, stopped):
    page = client.post(f"{page_of(stopped)}resume/").text

    assert "已恢復寄送" in page
    assert "現時沒有寄信給你" not in page
    assert list(Member.objects.receiving()) == [stopped]


def test_the_desk_is_told_who_started_it_again(client, admin_client, stopped):
    client.post(f"{page_of(stopped)}resume/")

    page = admin_client.get(f"/admin/subscribers/member/{stopped.pk}/change/").text

    assert "由會員自己恢復" in page


def test_opening_the_address_starts_nothing(client, stopped):
    assert client.get(f"{page_of(stopped)}resume/").status_code == 405
    assert Suppression.objects.standing().exists()


def test_who_has_left_meanwhile_starts_nothing(client, stopped):
    stopped.unsubscribe()

    page = client.post(f"{page_of(stopped)}resume/").text

    assert "現時沒有訂閱" in page
    assert Suppression.objects.standing().exists()
