"""What became of a mailing, by what mail systems and members tell."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone

from subscribers.messages import build_message
from subscribers.models import Delivery, DeliveryState, Mailing, MailReport, RecordedKind
from subscribers.results import (
    DAYS,
    Standing,
    collect_events,
    describe_results,
    draw_results,
    follow,
)
from subscribers.tests.makers import make_mailing

pytestmark = pytest.mark.django_db


def make_sent(members: int) -> Mailing:
    """Opened ten days ago, and all of it sent in the first hour."""
    mailing = make_mailing(members=members)
    Mailing.objects.update(opened_at=timezone.now() - timedelta(days=10))
    mailing.refresh_from_db()
    sent_at = mailing.opened_at + timedelta(hours=1)
    mailing.deliveries.update(state=DeliveryState.SENT, sent_at=sent_at, claimed_at=sent_at)
    return mailing


def report(delivery: Delivery, kind: RecordedKind, *, days: float = 0.5) -> None:
    MailReport.objects.create(
        delivery=delivery,
        member=delivery.member,
        kind=kind,
        way="imap",
        message_id=f"<{MailReport.objects.count()}@example.com>",
        received_at=delivery.mailing.opened_at + timedelta(days=days),
    )


def counts(mailing: Mailing) -> dict[str, int]:
    return {name: count for name, count, *_ in describe_results(collect_events(mailing))}


def test_what_nobody_complains_of_is_delivered():
    assert counts(make_sent(3)) == {
        "送達": 3,
        "地址無效": 0,
        "暫時退信": 0,
        "對方拒收本刊": 0,
        "投訴": 0,
        "取消訂閱": 0,
    }


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (RecordedKind.HARD, "地址無效"),
        (RecordedKind.SOFT, "暫時退信"),
        (RecordedKind.POLICY, "對方拒收本刊"),
    ],
)
def test_what_came_back_is_not_delivered(kind, name):
    mailing = make_sent(3)

    report(mailing.deliveries.first(), kind)

    assert (counts(mailing)["送達"], counts(mailing)[name]) == (2, 1)


def test_what_is_complained_of_was_delivered():
    mailing = make_sent(3)

    report(mailing.deliveries.first(), RecordedKind.COMPLAINT)

    assert (counts(mailing)["送達"], counts(mailing)["投訴"]) == (3, 1)


def test_two_reports_on_one_copy_are_one_return():
    mailing = make_sent(3)

    report(mailing.deliveries.first(), RecordedKind.SOFT)
    report(mailing.deliveries.first(), RecordedKind.SOFT)

    assert (counts(mailing)["送達"], counts(mailing)["暫時退信"]) == (2, 1)


@pytest.mark.parametrize(("days", "count"), [(-1, 0), (1, 1), (6, 1), (8, 0)])
def test_who_leaves_within_a_week_is_counted(days, count):
    mailing = make_sent(2)

    mailing.deliveries.first().member.unsubscribe(mailing.opened_at + timedelta(days=days))

    assert counts(mailing)["取消訂閱"] == count


def test_a_share_is_of_what_was_sent():
    mailing = make_sent(4)
    report(mailing.deliveries.first(), RecordedKind.HARD)

    shares = {name: share for name, _, share, _ in describe_results(collect_events(mailing))}

    assert (shares["送達"], shares["地址無效"]) == ("75.0%", "25.0%")


def test_of_a_mailing_that_has_sent_nothing_there_is_no_share():
    mailing = make_mailing()

    assert {share for _, _, share, _ in describe_results(collect_events(mailing))} == {"—"}


def test_each_day_counts_what_has_happened_until_its_end():
    mailing = make_sent(3)
    one, other, _ = mailing.deliveries.all()
    report(one, RecordedKind.HARD, days=0.5)
    report(other, RecordedKind.SOFT, days=4.5)

    standings = follow(collect_events(mailing), mailing.opened_at, timezone.now())

    assert [(s.delivered, s.returned) for s in standings[:6]] == [(2, 1)] * 4 + [(1, 2)] * 2


def test_days_that_are_to_come_are_not_drawn():
    mailing = make_sent(1)
    events = collect_events(mailing)

    def last_day(age: timedelta) -> int:
        return follow(events, mailing.opened_at, mailing.opened_at + age)[-1].day

    assert last_day(timedelta()) == 1
    assert last_day(timedelta(days=2, hours=1)) == 3
    assert last_day(timedelta(days=99)) == DAYS


def test_collecting_costs_three_queries(django_assert_num_queries):
    mailing = make_sent(3)

    with django_assert_num_queries(3):
        collect_events(mailing)


def test_the_plot_names_its_lines_and_loads_nothing():
    mailing = make_sent(3)

    drawn = draw_results(
        follow(collect_events(mailing), mailing.opened_at, timezone.now())
    ).decode()

    assert all(name in drawn for name in ("送達", "退回", "投訴", "取消訂閱"))
    assert "kozea" not in drawn


def test_both_scales_of_the_plot_say_whole_numbers_that_are_so():
    drawn = draw_results([Standing(1, delivered=14, returned=9, complained=0, left=0)]).decode()

    numbers = re.findall(r"<text[^>]*>(\d+)</text>", drawn)

    assert numbers == ["0", "3", "6", "9", "12", "0", "4", "8", "12", "16"]


@pytest.fixture
def publisher(client) -> User:
    """Who sees how many, and never who."""
    user = User.objects.create_user("lee", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_mailing"))
    client.force_login(user)
    return user


def test_the_page_tells_how_many_and_nobodys_address(client, publisher):
    mailing = make_sent(3)
    report(mailing.deliveries.first(), RecordedKind.HARD)

    page = client.get(reverse("admin:mailing_results", args=[mailing.pk])).text

    assert "地址無效" in page
    assert "33.3%" in page
    assert mailing.deliveries.first().email not in page


@pytest.mark.parametrize("name", ["mailing_results", "mailing_results_plot"])
def test_whoever_may_not_see_mailings_sees_no_results(client, publisher, name):
    publisher.user_permissions.clear()
    mailing = make_sent(1)

    assert client.get(reverse(f"admin:{name}", args=[mailing.pk])).status_code == 403


def test_the_privacy_page_says_that_nobody_is_watched(client):
    page = client.get("/privacy/").text

    assert "郵件不含追蹤像素，我們不記錄個別讀者開啟或點擊了甚麼。" in page


def test_no_picture_in_mail_is_one_members_own():
    mailing = make_mailing(members=2)

    pictures = []
    for delivery in mailing.deliveries.all():
        html = build_message(delivery, delivery.digest, mailing).alternatives[0].content
        pictures.append(re.findall(r"<img[^>]*>|url\([^)]*\)|<link[^>]*>", html))

    assert pictures[0] == pictures[1]
