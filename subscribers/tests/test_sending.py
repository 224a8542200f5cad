"""A chunk against a real SMTP server, which answers as each test tells it: with commands one by
one or many at a time, and through a mail backend of another kind.
"""

import asyncio
from datetime import timedelta

import pytest
import requests
from anymail.exceptions import AnymailRequestsAPIError
from django.core.mail.backends.smtp import EmailBackend
from django.db import connection
from django.utils import timezone

from briefings.models import Edition
from briefings.publishing import withdraw_edition
from subscribers import transport
from subscribers.copies import Copies
from subscribers.delivery import ATTEMPTS_AGAINST_POLICY, MOST_ATTEMPTS, send_chunk
from subscribers.models import (
    Delivery,
    DeliveryState,
    Mailing,
    MailingState,
    Member,
    SteeringRecord,
    mark_sent,
)
from subscribers.smtp.engine import LOOK_UP, MANY_KEPT_OUT
from subscribers.tests.makers import at_once, make_delivery, make_mailing, read_message, take

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["pipelining", "lock-step", "backend"])
def relay(request, relay, settings):
    relay.is_pipelining = request.param == "pipelining"
    if request.param == "backend":
        settings.EMAIL_BACKEND = f"{OtherBackend.__module__}.{OtherBackend.__qualname__}"
    return relay


class OtherBackend(EmailBackend):
    """Any but Django's own SMTP one."""


def send_all(mailing):
    ids = list(mailing.deliveries.values_list("pk", flat=True))
    send_chunk(mailing.pk, ids[0], ids[-1])


def states(mailing):
    return list(mailing.deliveries.values_list("state", flat=True))


def test_every_member_gets_the_mail_and_the_ledger_says_so(relay):
    mailing = make_mailing(members=3)

    send_all(mailing)

    assert [address for address, _ in relay.accepted] == list(
        mailing.deliveries.values_list("email", flat=True)
    )
    assert states(mailing) == [DeliveryState.SENT] * 3
    assert mailing.deliveries.filter(sent_at=None).count() == 0


def test_a_task_that_runs_again_sends_nothing(relay):
    mailing = make_mailing(members=2)

    send_all(mailing)
    send_all(mailing)

    assert len(relay.accepted) == 2


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_same_task_in_four_threads_sends_each_mail_once(relay, woken):
    mailing = make_mailing(members=12)

    at_once(4, lambda: send_all(mailing))

    assert len(relay.accepted) == 12
    assert len({address for address, _ in relay.accepted}) == 12
    assert states(mailing) == [DeliveryState.SENT] * 12


def test_a_mailing_is_done_when_nothing_is_left(relay):
    mailing = make_mailing()

    send_all(mailing)

    mailing.refresh_from_db()
    assert mailing.state == MailingState.DONE
    assert mailing.finished_at is not None


def test_only_one_of_two_can_claim_a_delivery():
    delivery = make_delivery()
    same = Delivery.objects.get(pk=delivery.pk)
    now = timezone.now()

    assert take(delivery, now) is True
    assert take(same, now) is False


def test_what_is_not_due_cannot_be_claimed():
    now = timezone.now()
    delivery = make_delivery(not_before=now + timedelta(minutes=1))

    assert take(delivery, now) is False


def test_what_is_no_longer_wanted_cannot_be_claimed():
    delivery = make_delivery()
    delivery.member.unsubscribe()

    assert take(delivery, timezone.now()) is False


def test_a_copy_of_a_withdrawn_edition_cannot_be_claimed():
    delivery = make_delivery()
    withdraw_edition(delivery.mailing.edition)

    assert take(delivery, timezone.now()) is False


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_relay_is_greeted_before_anything_is_claimed(relay, woken):
    delivery = make_delivery()
    seen = []

    def look():
        """From the server's own thread, hence by another connection to the database."""
        seen.append(Delivery.objects.values_list("state", "attempts").get())
        connection.close()

    relay.look_at_greeting = look

    send_all(delivery.mailing)

    assert seen == [(DeliveryState.QUEUED, 0)]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_claim_is_committed_before_the_mail_goes_out(relay, woken):
    delivery = make_delivery()
    seen = []

    def look(address):
        """From the server's own thread, hence by another connection to the database."""
        seen.append(Delivery.objects.values_list("state", "attempts").get())
        connection.close()

    relay.look = look

    send_all(delivery.mailing)

    assert seen == [(DeliveryState.SENDING, 1)]


def test_who_leaves_after_the_relay_put_the_mail_off_is_skipped_when_it_is_due(relay):
    relay.on_rcpt = lambda address: "450 4.2.0 later"
    mailing = make_mailing(members=2)
    send_all(mailing)
    relay.on_rcpt = lambda address: None
    for delivery in mailing.deliveries.all():
        delivery.member.unsubscribe()
    mailing.deliveries.update(not_before=timezone.now())

    send_all(mailing)

    assert states(mailing) == [DeliveryState.SKIPPED] * 2
    assert relay.accepted == []
    mailing.refresh_from_db()
    assert mailing.state == MailingState.DONE


def test_who_unsubscribed_since_the_opening_is_skipped(relay):
    mailing = make_mailing(members=2)
    gone = mailing.deliveries.first()
    gone.member.unsubscribe()

    send_all(mailing)

    gone.refresh_from_db()
    assert states(mailing) == [DeliveryState.SKIPPED, DeliveryState.SENT]
    assert gone.reply == "會員已不收取"
    assert gone.email not in [address for address, _ in relay.accepted]


def test_withdrawing_the_edition_stops_its_mailing(relay):
    mailing = make_mailing(members=3)
    sent, gone, _ = mailing.deliveries.all()
    take(sent, timezone.now())
    mark_sent([sent.pk], timezone.now())
    gone.member.unsubscribe()
    withdraw_edition(mailing.edition)

    send_all(mailing)

    assert relay.accepted == []
    assert list(mailing.deliveries.values_list("state", "reply")) == [
        (DeliveryState.SENT, ""),
        (DeliveryState.SKIPPED, "會員已不收取"),
        (DeliveryState.SKIPPED, "這一期已撤回"),
    ]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_an_edition_withdrawn_while_it_is_being_mailed_goes_to_nobody_else(relay, woken):
    mailing = make_mailing(members=2)

    def withdraw(address):
        if not relay.accepted:
            withdraw_edition(Edition.objects.get())
        connection.close()

    relay.look = withdraw
    relay.take_time = lambda: asyncio.sleep(LOOK_UP * 1.2)

    send_all(mailing)

    assert states(mailing) == [DeliveryState.SENT, DeliveryState.SKIPPED]


def test_who_was_deleted_since_the_opening_is_skipped(relay):
    mailing = make_mailing()
    Member.objects.all().delete()

    send_all(mailing)

    assert states(mailing) == [DeliveryState.SKIPPED]
    assert relay.accepted == []


@pytest.mark.parametrize("stage", ["on_rcpt", "on_data"])
def test_a_permanent_refusal_fails_with_the_relays_words_and_the_rest_goes_on(relay, stage):
    mailing = make_mailing(members=2)
    bad = mailing.deliveries.first()
    setattr(
        relay, stage, lambda address: "550 5.1.1 no such user" if address == bad.email else None
    )

    send_all(mailing)

    bad.refresh_from_db()
    assert (bad.state, bad.reply) == (DeliveryState.FAILED, "550 5.1.1 no such user")
    assert states(mailing) == [DeliveryState.FAILED, DeliveryState.SENT]


@pytest.mark.parametrize("stage", ["on_rcpt", "on_data"])
def test_a_passing_refusal_is_put_off_for_five_minutes(relay, stage):
    delivery = make_delivery()
    setattr(relay, stage, lambda address: "450 4.2.0 greylisted")

    send_all(delivery.mailing)

    delivery.refresh_from_db()
    wait = (delivery.not_before - timezone.now()).total_seconds()
    assert (delivery.state, delivery.attempts) == (DeliveryState.QUEUED, 1)
    assert 290 < wait <= 300
    assert delivery.reply == "450 4.2.0 greylisted"


def test_each_wait_is_twice_the_last(relay):
    delivery = make_delivery(attempts=3)
    relay.on_rcpt = lambda address: "450 4.2.0 greylisted"

    send_all(delivery.mailing)

    delivery.refresh_from_db()
    assert 2390 < (delivery.not_before - timezone.now()).total_seconds() <= 2400


def test_the_last_attempt_put_off_has_failed(relay):
    delivery = make_delivery(attempts=MOST_ATTEMPTS - 1)
    relay.on_rcpt = lambda address: "450 4.2.0 greylisted"

    send_all(delivery.mailing)

    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.FAILED


def test_a_relay_that_is_not_there_costs_no_attempt(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    mailing = make_mailing(members=2)

    send_all(mailing)

    assert states(mailing) == [DeliveryState.QUEUED] * 2
    assert set(mailing.deliveries.values_list("attempts", "claimed_at")) == {(0, None)}


def test_a_relay_that_closes_stops_the_chunk(relay):
    mailing = make_mailing(members=6)
    relay.on_rcpt = lambda address: "421 4.3.2 closing" if relay.accepted else None

    send_all(mailing)

    assert states(mailing) == [DeliveryState.SENT, *[DeliveryState.QUEUED] * 5]
    assert list(mailing.deliveries.values_list("attempts", flat=True))[-2:] == [0, 0]


@pytest.mark.parametrize("relay", ["pipelining", "lock-step"], indirect=True)
@pytest.mark.parametrize("answer", ["421 4.3.2 closing", "452 mailbox full"])
def test_a_single_copy_that_meets_the_same_each_time_does_not_stay_for_ever(relay, answer):
    delivery = make_delivery()
    relay.on_rcpt = lambda address: answer

    send_all(delivery.mailing)

    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (DeliveryState.QUEUED, 1)
    assert delivery.not_before > timezone.now()


@pytest.mark.parametrize("relay", ["pipelining", "lock-step"], indirect=True)
@pytest.mark.parametrize("number", [0, 1, 3])
def test_one_for_whom_the_relay_closes_each_time_is_put_off_and_the_rest_goes_on(relay, number):
    mailing = make_mailing(members=4)
    bad = mailing.deliveries.all()[number].email
    relay.on_rcpt = lambda address: "421 4.3.2 closing" if address == bad else None

    send_all(mailing)

    assert [address for address, _ in relay.accepted] == [
        email for email in mailing.deliveries.values_list("email", flat=True) if email != bad
    ]
    assert mailing.deliveries.get(email=bad).state == DeliveryState.QUEUED
    assert mailing.count_deliveries()["sent"] == 3


def test_a_connection_lost_in_mid_send_is_resent_with_the_same_bytes(relay, settings):
    settings.UNKNOWN_DELIVERIES = "resend"
    delivery = make_delivery()
    relay.on_data = lambda address: "hang up"
    send_all(delivery.mailing)
    relay.on_data = lambda address: None
    assert Delivery.objects.filter(state=DeliveryState.QUEUED).update(not_before=timezone.now())

    send_all(delivery.mailing)

    (_, first), (_, second) = relay.accepted
    assert first == second
    assert states(delivery.mailing) == [DeliveryState.SENT]


def test_a_connection_lost_in_mid_send_is_held_if_so_set(relay, settings):
    settings.UNKNOWN_DELIVERIES = "hold"
    mailing = make_mailing(members=2)
    first = mailing.deliveries.first().email
    relay.on_data = lambda address: "hang up" if address == first else None

    send_all(mailing)

    assert states(mailing) == [DeliveryState.UNKNOWN, DeliveryState.SENT]
    assert len(relay.accepted) == 2


def test_a_message_that_breaks_every_connection_is_held_in_the_end(relay, settings):
    settings.UNKNOWN_DELIVERIES = "resend"
    delivery = make_delivery(attempts=MOST_ATTEMPTS - 1)
    relay.on_data = lambda address: "hang up"

    send_all(delivery.mailing)

    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.UNKNOWN


def test_a_name_in_chinese_reaches_the_relay_readable(relay):
    delivery = make_delivery(name="陳大文")

    send_all(delivery.mailing)

    ((address, source),) = relay.accepted
    assert address == delivery.email
    assert read_message(source)["To"] == f"陳大文 <{delivery.email}>"


def test_sending_costs_as_many_queries_however_many_members_there_are(
    relay, django_assert_max_num_queries
):
    mailing = make_mailing(members=30)

    with django_assert_max_num_queries(16):
        send_all(mailing)

    assert states(mailing) == [DeliveryState.SENT] * 30


def test_an_address_no_header_can_carry_fails_and_the_rest_goes_on(relay):
    mailing = make_mailing(members=2)
    mailing.deliveries.filter(pk=mailing.deliveries.first().pk).update(email="陳@example.com")

    send_all(mailing)

    assert states(mailing) == [DeliveryState.FAILED, DeliveryState.SENT]


@pytest.mark.parametrize(
    "email", ['""@example.com', "a@．.hk", "a@\u200d.hk", f"a@{'é' * 60}.hk", "a@b＠example.hk"]
)
def test_an_address_that_cannot_be_written_fails_alone(relay, email):
    mailing = make_mailing(members=3)
    first, poison, last = mailing.deliveries.all()
    Delivery.objects.filter(pk=poison.pk).update(email=email)

    send_all(mailing)

    poison.refresh_from_db()
    assert states(mailing) == [DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.SENT]
    assert "不能寄信到這個地址" in poison.reply
    assert [address for address, _ in relay.accepted] == [first.email, last.email]


@pytest.mark.parametrize("relay", ["pipelining", "lock-step"], indirect=True)
def test_a_policy_that_keeps_everybody_out_pauses_the_mailing_and_fails_nobody(relay):
    mailing = make_mailing(members=MANY_KEPT_OUT + 2)
    relay.on_rcpt = lambda address: "550 5.7.26 not authenticated"

    send_all(mailing)

    mailing.refresh_from_db()
    assert mailing.state == MailingState.PAUSED
    assert set(mailing.deliveries.values_list("state", "attempts")) == {(DeliveryState.QUEUED, 0)}
    assert "5.7.26" in SteeringRecord.objects.get().note


@pytest.mark.parametrize("relay", ["pipelining", "lock-step"], indirect=True)
def test_a_policy_that_begins_in_mid_mailing_fails_nobody_either(relay):
    mailing = make_mailing(members=MANY_KEPT_OUT + 4)
    relay.on_data = lambda address: (
        "550 5.7.26 not authenticated" if len(relay.accepted) >= 3 else None
    )

    send_all(mailing)

    mailing.refresh_from_db()
    assert mailing.state == MailingState.PAUSED
    assert mailing.count_deliveries()["failed"] == 0


@pytest.mark.parametrize("relay", ["pipelining", "lock-step"], indirect=True)
@pytest.mark.parametrize("let_in", [0, 2])
def test_a_few_whom_a_policy_keeps_out_are_tried_again(relay, let_in):
    """Too few to tell whether it is about them or about us."""
    mailing = make_mailing(members=7)
    relay.on_data = lambda address: (
        "550 5.7.26 not authenticated" if len(relay.accepted) >= let_in else None
    )
    send_all(mailing)
    assert mailing.count_deliveries()["failed"] == 0
    kept_out = mailing.deliveries.filter(state=DeliveryState.QUEUED)
    assert set(kept_out.values_list("attempts", flat=True)) == {1}

    relay.on_data = lambda address: None
    kept_out.update(not_before=timezone.now())
    send_all(mailing)

    assert states(mailing) == [DeliveryState.SENT] * 7


@pytest.mark.parametrize("relay", ["pipelining", "lock-step"], indirect=True)
def test_whom_a_policy_keeps_out_each_time_has_failed(relay):
    mailing = make_mailing(members=2)
    blocked = mailing.deliveries.first()
    relay.on_data = lambda address: "550 5.7.1 blocked" if address == blocked.email else None

    for _ in range(ATTEMPTS_AGAINST_POLICY):
        mailing.deliveries.update(not_before=timezone.now())
        send_all(mailing)

    assert states(mailing) == [DeliveryState.FAILED, DeliveryState.SENT]


@pytest.mark.parametrize("relay", ["pipelining", "lock-step"], indirect=True)
def test_who_was_put_off_before_is_no_worse_off(relay):
    mailing = make_mailing()
    answers = iter([*["450 4.2.0 greylisted"] * 3, "550 5.7.26 not authenticated", None])
    relay.on_data = lambda address: next(answers)

    for _ in range(5):
        mailing.deliveries.update(not_before=timezone.now())
        send_all(mailing)

    assert states(mailing) == [DeliveryState.SENT]


@pytest.mark.parametrize("relay", ["pipelining", "lock-step"], indirect=True)
def test_a_full_relay_is_left_alone(relay):
    mailing = make_mailing(members=10)
    relay.on_data = lambda address: "452 4.3.1 no room"

    send_all(mailing)

    assert states(mailing) == [DeliveryState.QUEUED] * 10
    assert mailing.deliveries.filter(attempts=0).count() >= 5
    assert relay.accepted == []


@pytest.mark.parametrize("relay", ["pipelining"], indirect=True)
def test_a_sender_whose_address_cannot_be_written_fails_nobody_for_ever(relay):
    mailing = make_mailing(members=2)
    Mailing.objects.update(sender_email="研究@例子.hk")

    send_all(mailing)

    assert states(mailing) == [DeliveryState.FAILED] * 2


@pytest.mark.parametrize("relay", ["pipelining"], indirect=True)
def test_a_relay_that_allows_fewer_connections_is_not_asked_again_and_again(
    relay, monkeypatch, settings
):
    settings.SMTP_CONNECTIONS = 4
    mailing = make_mailing(members=60)
    dialled = []
    dial = transport._dial

    def dial_twice():
        dialled.append(1)
        if len(dialled) > 2:
            raise ConnectionRefusedError("too many connections")
        return dial()

    monkeypatch.setattr(transport, "_dial", dial_twice)
    send_all(mailing)

    assert len(relay.accepted) == 60
    assert len(dialled) == 3


@pytest.mark.parametrize("relay", ["pipelining", "lock-step"], indirect=True)
def test_a_relay_may_look_into_a_message_before_it_takes_it(relay, settings):
    settings.EMAIL_TIMEOUT = 1
    mailing = make_mailing(members=1)
    relay.take_time = lambda: asyncio.sleep(2)

    send_all(mailing)

    assert states(mailing) == [DeliveryState.SENT]
    assert len(relay.accepted) == 1


@pytest.fixture
def answer_as_service(monkeypatch):
    """A mail service's answer to whatever is sent; without a status, none came."""

    def answer(status):
        response = requests.Response() if status else None
        if response is not None:
            response.status_code, response.reason = status, "no"

        def refuse(self, messages):
            raise AnymailRequestsAPIError("no", response=response)

        monkeypatch.setattr(OtherBackend, "send_messages", refuse)

    return answer


@pytest.mark.parametrize("relay", ["backend"], indirect=True)
@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (401, (DeliveryState.QUEUED, 0)),
        (503, (DeliveryState.QUEUED, 0)),
        (400, (DeliveryState.FAILED, 1)),
        (None, (DeliveryState.UNKNOWN, 1)),
    ],
)
def test_what_a_mail_service_says_is_judged_by_its_status(
    relay, answer_as_service, settings, status, outcome
):
    settings.UNKNOWN_DELIVERIES = "hold"
    delivery = make_delivery()
    answer_as_service(status)

    send_all(delivery.mailing)

    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == outcome


@pytest.mark.parametrize("error", [KeyError("nothing"), UnicodeError("label empty or too long")])
def test_a_message_that_cannot_be_made_fails_alone(relay, monkeypatch, error):
    mailing = make_mailing(members=2)
    first = mailing.deliveries.first()

    for name in ("write", "build"):
        make = getattr(Copies, name)

        def fail(copies, place, make=make):
            if place == 0:
                raise error
            return make(copies, place)

        monkeypatch.setattr(Copies, name, fail)
    send_all(mailing)

    first.refresh_from_db()
    assert states(mailing) == [DeliveryState.FAILED, DeliveryState.SENT]
    assert "未能製成郵件" in first.reply


@pytest.mark.parametrize("relay", ["backend"], indirect=True)
def test_a_send_that_breaks_off_for_no_known_reason_is_not_called_failed(
    relay, monkeypatch, settings
):
    settings.UNKNOWN_DELIVERIES = "hold"
    mailing = make_mailing(members=2)
    first = mailing.deliveries.first()
    send = EmailBackend.send_messages

    def break_off(self, messages):
        send(self, messages)
        if messages[0].to == [first.email]:
            raise RuntimeError("after it was accepted")

    monkeypatch.setattr(EmailBackend, "send_messages", break_off)
    send_all(mailing)

    assert states(mailing) == [DeliveryState.UNKNOWN, DeliveryState.SENT]
