"""The mail that says how a mailing ended."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.utils import timezone

from subscribers.closing_reports import MOST_NAMED, build_report, send_reports
from subscribers.delivery import send_chunk
from subscribers.models import (
    ClosingReport,
    Delivery,
    DeliveryState,
    Mailing,
    MailingState,
    MailReport,
    RecordedKind,
    mark_sent,
)
from subscribers.models.steering import REPORT_LEASE, REPORTED_WITHIN
from subscribers.steering import cancel
from subscribers.tasks import send_due
from subscribers.tests.makers import at_once, make_mail_publisher, make_mailing, read_message, take

pytestmark = pytest.mark.django_db

SENT, FAILED = DeliveryState.SENT, DeliveryState.FAILED
SKIPPED, UNKNOWN = DeliveryState.SKIPPED, DeliveryState.UNKNOWN


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def wong():
    """Who opens mailings, and never sees whose copies they are."""
    user = make_mail_publisher()
    user.email, user.last_name, user.first_name = "wong@example.com", "黃", "小明"
    user.save()
    return user


@pytest.fixture
def ho(wong):
    """Who sees that too."""
    wong.user_permissions.add(Permission.objects.get(codename="view_delivery"))
    return wong


def make_done(by, *states: DeliveryState, **fields) -> Mailing:
    mailing = make_mailing(members=len(states))
    for delivery, state in zip(mailing.deliveries.all(), states, strict=True):
        Delivery.objects.filter(pk=delivery.pk).update(state=state, **fields)
    Mailing.objects.filter(pk=mailing.pk).update(
        state=MailingState.DONE, finished_at=timezone.now(), opened_by=by
    )
    mailing.refresh_from_db()
    return mailing


def read(mailing: Mailing, email: str = "wong@example.com") -> tuple[str, str]:
    """Text and HTML."""
    report = ClosingReport.objects.create(mailing=mailing, email=email)
    message = build_report(report)
    return message.body, message.alternatives[0].content


# ------------------------------------------------------------------------------ to whom, and when
def test_who_opened_it_is_told_when_it_is_done(wong, now):
    mailing = make_done(wong, SENT, FAILED)

    send_reports(now)

    (message,) = mail.outbox
    assert message.subject == f"發送完成：{mailing.subject}"
    assert message.to == ["wong@example.com"]
    assert "黃小明，您好：" in message.body
    assert "已寄出：1 份" in message.body


def test_a_sweep_sends_it_after_the_last_copy(relay, wong):
    mailing = make_mailing(members=2)
    Mailing.objects.update(opened_by=wong)
    send_due()
    assert relay.accepted == []
    keys = mailing.deliveries.values_list("pk", flat=True)
    send_chunk(mailing.pk, keys[0], keys[1])

    send_due()
    send_due()

    addresses = [address for address, _ in relay.accepted]
    assert addresses.count("wong@example.com") == 1
    assert len(addresses) == 3


def test_whom_the_setting_names_is_told_too(wong, now, settings):
    settings.MAILING_REPORTS_TO = ["research@example.com", "Wong@example.com"]
    make_done(wong, SENT)

    send_reports(now)

    assert sorted(message.to[0] for message in mail.outbox) == [
        "research@example.com",
        "wong@example.com",
    ]


def test_of_a_digest_that_the_clock_opened_only_the_setting_tells_anybody(now, settings):
    make_done(None, SENT)
    send_reports(now)
    assert mail.outbox == []

    settings.MAILING_REPORTS_TO = ["research@example.com"]
    send_reports(now)

    assert [message.to for message in mail.outbox] == [["research@example.com"]]


def test_who_has_left_the_house_is_told_nothing(wong, now):
    wong.is_active = False
    wong.save()
    make_done(wong, SENT)

    send_reports(now)

    assert mail.outbox == []


@pytest.mark.parametrize("state", [MailingState.SENDING, MailingState.PAUSED])
def test_what_is_not_over_is_not_told_of(wong, now, state):
    make_done(wong, SENT)
    Mailing.objects.update(state=state, finished_at=None)

    send_reports(now)

    assert mail.outbox == []


def test_a_cancelled_one_is_told_of_once_its_last_copy_has_ended(wong, now):
    mailing = make_mailing(members=2)
    Mailing.objects.update(opened_by=wong)
    sending = mailing.deliveries.first()
    assert take(sending, timezone.now())
    cancel(mailing, wong, now)
    send_reports(now)
    assert mail.outbox == []

    mark_sent([sending.pk], now)
    send_reports(now)

    assert mail.outbox[0].subject.startswith("發送已取消：")
    assert "- 發送已取消：1 份" in mail.outbox[0].body


def test_what_ended_before_there_were_reports_is_not_told_of(wong, now):
    make_done(wong, SENT)

    send_reports(now + REPORTED_WITHIN + timedelta(minutes=1))

    assert mail.outbox == []


# ------------------------------------------------------------------------------ once
def test_a_second_sweep_tells_nobody_again(wong, now):
    make_done(wong, SENT)

    send_reports(now)
    send_reports(now + REPORT_LEASE)

    assert len(mail.outbox) == 1


def test_a_mailing_that_ends_a_second_time_tells_nobody_again(wong, now):
    mailing = make_done(wong, FAILED)
    send_reports(now)

    mailing.deliveries.update(state=SENT)
    Mailing.objects.update(finished_at=now + timedelta(hours=1))
    send_reports(now + timedelta(hours=1))

    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_four_sweeps_at_once_send_it_once(relay, wong, woken):
    make_done(wong, SENT)

    at_once(4, lambda: send_reports(timezone.now()))

    assert [address for address, _ in relay.accepted] == ["wong@example.com"]


def test_who_was_killed_over_it_is_replaced_with_the_same_message(relay, wong, now, monkeypatch):
    make_done(wong, SENT)
    with monkeypatch.context() as killing:
        killing.setattr(ClosingReport, "settle", lambda *args: None)  # never came so far
        send_reports(now)
    send_reports(now + REPORT_LEASE / 2)
    assert len(relay.accepted) == 1

    send_reports(now + REPORT_LEASE)

    first, second = (read_message(source) for _, source in relay.accepted)
    assert first["Message-ID"] == second["Message-ID"]
    assert ClosingReport.objects.get().sent_at is not None


def test_what_the_relay_puts_off_is_tried_again(relay, wong, now):
    make_done(wong, SENT)
    relay.on_rcpt = lambda address: "450 4.2.0 greylisted"
    send_reports(now)
    relay.on_rcpt = lambda address: None

    send_reports(now + REPORT_LEASE)

    assert len(relay.accepted) == 1


def test_what_the_relay_refuses_is_given_up(relay, wong, now):
    make_done(wong, SENT)
    relay.on_rcpt = lambda address: "550 5.1.1 no such user"
    send_reports(now)
    relay.on_rcpt = lambda address: None

    send_reports(now + REPORT_LEASE)

    assert relay.accepted == []


def test_one_that_cannot_be_made_stops_no_other(wong, now, settings, monkeypatch):
    settings.MAILING_REPORTS_TO = ["research@example.com"]
    make_done(wong, SENT)

    def build(report):
        return {}["nothing"] if report.email == "wong@example.com" else build_report(report)

    monkeypatch.setattr("subscribers.closing_reports.build_report", build)
    send_reports(now)

    assert [message.to for message in mail.outbox] == [["research@example.com"]]


def test_an_idle_sweep_costs_two_queries(wong, now, django_assert_num_queries):
    make_done(wong, SENT)
    send_reports(now)

    with django_assert_num_queries(2):
        send_reports(now)


# ------------------------------------------------------------------------------ what it says
def test_it_names_who_did_not_get_it_and_why_to_who_may_know(ho):
    mailing = make_done(ho, FAILED, UNKNOWN, SENT, SENT, reply="550 5.1.1 no such user")
    failed, held, returned, got = mailing.deliveries.all()
    MailReport.objects.create(
        delivery=returned,
        kind=RecordedKind.SOFT,
        text="mailbox full",
        way="imap",
        message_id="<r@example.com>",
        received_at=timezone.now(),
    )

    for said in read(mailing):
        assert all(one.email in said for one in (failed, held, returned))
        assert got.email not in said
        assert "550 5.1.1 no such user" in said
        assert "暫時退信 mailbox full" in said
        assert f"/admin/subscribers/mailing/{mailing.pk}/change/" in said


def test_to_who_may_not_know_it_says_how_many(wong):
    mailing = make_done(wong, FAILED, UNKNOWN)

    for said in read(mailing):
        assert "失敗：1 份" in said
        assert "結果不明：1 份" in said
        assert "@example.com" not in said.replace("wong@example.com", "")


def test_an_address_that_has_no_account_is_told_no_names(ho):
    mailing = make_done(ho, FAILED)
    email = mailing.deliveries.get().email

    assert all(email not in said for said in read(mailing, "research@example.com"))


def test_what_was_skipped_is_told_by_reason(ho):
    mailing = make_done(ho, SKIPPED, SKIPPED, reply="會員已不收取")

    assert all("會員已不收取：2 份" in said for said in read(mailing))


def test_it_offers_for_the_undecided_what_the_desk_does(ho):
    mailing = make_done(ho, UNKNOWN)
    for said in read(mailing):
        assert "當作已寄出，還是再寄一次" in said

    Mailing.objects.filter(pk=mailing.pk).update(state=MailingState.CANCELLED)
    mailing.refresh_from_db()
    for said in read(mailing, "ho@example.com"):
        assert "當作已寄出，還是當作未寄出" in said


def test_a_long_list_is_cut_and_the_rest_counted(ho):
    mailing = make_done(ho, *[FAILED] * (MOST_NAMED + 3))

    for said in read(mailing):
        assert said.count("member") == MOST_NAMED
        assert "另有 3 份，請到編輯台查看" in said


def test_when_all_got_it_nobody_is_listed(ho):
    text, _ = read(make_done(ho, SENT))

    assert "未寄出：0 份" in text
    assert "【" not in text


def test_building_costs_no_more_for_more_members(ho, django_assert_max_num_queries):
    mailing = make_done(ho, *[FAILED] * 10, *[SKIPPED] * 10, *[UNKNOWN] * 10)
    report = ClosingReport.objects.create(mailing=mailing, email=ho.email)

    with django_assert_max_num_queries(16):
        build_report(report)
