"""A mailing that is paused, resumed or cancelled while it is under way."""

import asyncio
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from subscribers.delivery import send_again, send_chunk
from subscribers.mailing_page import tell_mail
from subscribers.models import (
    Delivery,
    DeliveryState,
    Mailing,
    MailingState,
    SteeringAct,
    mark_sent,
)
from subscribers.smtp.engine import LOOK_UP
from subscribers.steering import cancel, pause, resume
from subscribers.sweeping import sweep
from subscribers.tests.makers import at_once, make_mail_publisher, make_mailing, take

pytestmark = pytest.mark.django_db

QUEUED, SENT, SKIPPED = DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.SKIPPED
UNKNOWN = DeliveryState.UNKNOWN


@pytest.fixture
def wong():
    return make_mail_publisher()


@pytest.fixture
def later(settings):
    """A time by which the lease of whatever is claimed now is over."""
    return timezone.now() + timedelta(seconds=settings.DELIVERY_LEASE + 1)


def states(mailing):
    return list(mailing.deliveries.values_list("state", flat=True))


def send_all(mailing):
    ids = list(mailing.deliveries.values_list("pk", flat=True))
    send_chunk(mailing.pk, ids[0], ids[-1])


def acts(mailing):
    return list(mailing.steering_records.values_list("act", "by__username", "note"))


# -------------------------------------------------------------------------------------- pause
def test_of_a_paused_mailing_nothing_is_sent(relay, wong):
    mailing = make_mailing(members=2)

    assert pause(mailing, wong, "主旨有錯字", timezone.now()) is True
    send_all(mailing)

    assert relay.accepted == []
    assert states(mailing) == [QUEUED] * 2
    assert acts(mailing) == [(SteeringAct.PAUSED, "wong", "主旨有錯字")]


def test_the_machine_pauses_too_and_says_why(relay):
    mailing = make_mailing()

    pause(mailing, None, "550 5.7.1 blocked", timezone.now())

    assert acts(mailing) == [(SteeringAct.PAUSED, None, "550 5.7.1 blocked")]


def test_what_the_relay_said_names_no_member():
    mailing = make_mailing()

    pause(mailing, None, "550 5.7.1 <陳.tai-man@例.example.com>: blocked, x@y.hk:", timezone.now())

    assert acts(mailing)[0][2] == "550 5.7.1 <（地址）>: blocked, （地址）:"


def test_the_workbench_says_who_paused_the_last_mailing_and_why(client, wong):
    mailing = make_mailing()
    pause(mailing, wong, "主旨有錯字", timezone.now())
    client.force_login(wong)

    page = client.get("/admin/").text

    assert "由wong暫停，主旨有錯字" in page


def test_the_workbench_forgets_none_that_stands_still_behind_a_later_one(client, wong):
    paused, _, last = make_mailing(), make_mailing(), make_mailing()
    pause(paused, wong, "", timezone.now())
    client.force_login(wong)

    page = client.get("/admin/").text

    standing = page.partition("仍在暫停的發送")[2].partition("</ul>")[0]
    assert re.findall(r"/mailing/(\d+)/change/", standing) == [str(paused.pk)]
    pause(last, wong, "", timezone.now())
    Mailing.objects.filter(pk=paused.pk).update(state=MailingState.DONE)
    assert "仍在暫停的發送" not in client.get("/admin/").text  # the last says it itself


def test_what_is_being_sent_when_it_is_paused_ends_as_it_ends(wong):
    mailing = make_mailing(members=3)
    first, second, _ = mailing.deliveries.all()
    assert take(first, timezone.now())
    pause(mailing, wong, "", timezone.now())
    mark_sent([first.pk], timezone.now())

    assert take(second, timezone.now()) is False
    assert states(mailing) == [SENT, QUEUED, QUEUED]


def test_a_paused_mailing_is_neither_woken_nor_finished(woken, later, wong):
    mailing = make_mailing(members=2)
    woken.clear()
    pause(mailing, wong, "", timezone.now())

    sweep(later)
    mailing.deliveries.update(state=SENT)
    sweep(later)

    mailing.refresh_from_db()
    assert woken == []
    assert (mailing.state, mailing.finished_at) == (MailingState.PAUSED, None)


def test_what_a_dead_worker_left_of_a_paused_mailing_is_settled(woken, later, wong, settings):
    settings.UNKNOWN_DELIVERIES = "hold"
    mailing = make_mailing()
    take(mailing.deliveries.get(), timezone.now())
    pause(mailing, wong, "", timezone.now())

    sweep(later)

    assert states(mailing) == [UNKNOWN]


def test_what_failed_of_a_paused_mailing_waits_with_the_rest(woken, wong, later):
    mailing = make_mailing()
    mailing.deliveries.update(state=DeliveryState.FAILED)
    pause(mailing, wong, "", timezone.now())
    woken.clear()

    assert send_again(Delivery.objects.all(), timezone.now()) == 1
    sweep(later)

    mailing.refresh_from_db()
    assert (mailing.state, woken) == (MailingState.PAUSED, [])


def test_what_is_over_is_not_paused(wong):
    mailing = make_mailing()
    Mailing.objects.update(state=MailingState.DONE)

    assert pause(mailing, wong, "", timezone.now()) is False
    assert acts(mailing) == []


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_four_who_pause_at_once_one_does(woken):
    mailing = make_mailing()

    did = at_once(4, lambda: pause(Mailing.objects.get(), None, "", timezone.now()))

    assert sorted(did) == [False, False, False, True]
    assert mailing.steering_records.count() == 1


# ------------------------------------------------------------------------------------- resume
def test_a_resumed_mailing_is_woken_at_once(
    woken, wong, django_capture_on_commit_callbacks, settings
):
    mailing = make_mailing(members=2)
    pause(mailing, wong, "", timezone.now())
    woken.clear()

    with django_capture_on_commit_callbacks(execute=True):
        assert resume(mailing, wong, timezone.now()) is True

    first, last = mailing.deliveries.all()
    assert woken == [(mailing.pk, first.pk, last.pk)]
    assert acts(mailing)[1:] == [(SteeringAct.RESUMED, "wong", "")]


def test_only_what_is_paused_is_resumed(wong):
    mailing = make_mailing()

    assert resume(mailing, wong, timezone.now()) is False
    cancel(mailing, wong, timezone.now())
    assert resume(mailing, wong, timezone.now()) is False


# ------------------------------------------------------------------------------------- cancel
def test_what_is_queued_of_a_cancelled_mailing_is_skipped(wong):
    mailing = make_mailing(members=3)
    sent, *_ = mailing.deliveries.all()
    take(sent, timezone.now())
    mark_sent([sent.pk], timezone.now())
    now = timezone.now()

    assert cancel(mailing, wong, now) is True

    mailing.refresh_from_db()
    assert (mailing.state, mailing.finished_at) == (MailingState.CANCELLED, now)
    assert list(mailing.deliveries.values_list("state", "reply")) == [
        (SENT, ""),
        (SKIPPED, "發送已取消"),
        (SKIPPED, "發送已取消"),
    ]
    assert acts(mailing) == [(SteeringAct.CANCELLED, "wong", "")]


def test_what_is_being_sent_when_it_is_cancelled_ends_as_it_ends(wong):
    mailing = make_mailing()
    delivery = mailing.deliveries.get()
    take(delivery, timezone.now())

    cancel(mailing, wong, timezone.now())
    mark_sent([delivery.pk], timezone.now())

    assert states(mailing) == [SENT]


def test_what_the_relay_puts_off_after_the_cancelling_is_skipped_by_the_sweep(woken, later, wong):
    mailing = make_mailing()
    delivery = mailing.deliveries.get()
    take(delivery, timezone.now())
    cancel(mailing, wong, timezone.now())
    delivery.requeue(not_before=later, reply="450 4.2.0 greylisted")

    sweep(later)

    mailing.refresh_from_db()
    assert (states(mailing), mailing.state) == ([SKIPPED], MailingState.CANCELLED)


def test_what_a_dead_worker_left_of_a_cancelled_mailing_is_held(woken, later, wong, settings):
    """The member may have it, so no digest is to bring it again."""
    settings.UNKNOWN_DELIVERIES = "resend"
    mailing = make_mailing()
    take(mailing.deliveries.get(), timezone.now())
    cancel(mailing, wong, timezone.now())

    sweep(later)

    assert states(mailing) == [UNKNOWN]


def test_what_was_to_be_sent_again_in_doubt_is_held_when_it_is_cancelled(wong):
    mailing = make_mailing()
    delivery = mailing.deliveries.get()
    take(delivery, timezone.now())
    delivery.requeue_in_doubt(not_before=timezone.now(), reply="connection lost")

    cancel(mailing, wong, timezone.now())

    assert states(mailing) == [UNKNOWN]


def test_nothing_of_a_cancelled_mailing_is_sent_again(wong, woken):
    mailing = make_mailing(members=2)
    failed, unknown = mailing.deliveries.all()
    Delivery.objects.filter(pk=failed.pk).update(state=DeliveryState.FAILED)
    Delivery.objects.filter(pk=unknown.pk).update(state=UNKNOWN)
    cancel(mailing, wong, timezone.now())

    assert send_again(Delivery.objects.all(), timezone.now()) == 0
    mailing.refresh_from_db()
    assert mailing.state == MailingState.CANCELLED


def test_a_paused_mailing_can_be_cancelled_and_a_finished_one_not(wong):
    paused, finished = make_mailing(), make_mailing()
    pause(paused, wong, "", timezone.now())
    Mailing.objects.filter(pk=finished.pk).update(state=MailingState.DONE)

    assert cancel(paused, wong, timezone.now()) is True
    assert cancel(finished, wong, timezone.now()) is False


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_mailing_cancelled_while_four_workers_send_it_goes_to_nobody_after(relay, woken):
    mailing = make_mailing(members=12)
    seen = []

    def cancel_it(address):
        """From the server's own thread, hence by another connection to the database."""
        if len(relay.accepted) >= 3 and cancel(Mailing.objects.get(), None, timezone.now()):
            seen.append(Delivery.objects.filter(state=DeliveryState.SENDING).count())
        connection.close()

    relay.look = cancel_it
    relay.take_time = lambda: asyncio.sleep(LOOK_UP / 3)
    at_once(4, lambda: send_all(mailing))
    sweep(timezone.now())

    sent = mailing.deliveries.filter(state=SENT).count()
    assert sent == len(relay.accepted) <= 3 + seen[0]
    assert sent < 12  # of what was claimed, too, what was not on its way is given back
    assert sent + mailing.deliveries.filter(state=SKIPPED).count() == 12


# ------------------------------------------------------------------------------------- telling
def test_an_editions_history_tells_how_its_mailing_was_steered(wong):
    mailing = make_mailing()
    pause(mailing, wong, "主旨有錯字", timezone.now())
    pause(mailing, wong, "再按一次", timezone.now())
    resume(mailing, None, timezone.now())

    told = [(event.made_by, event.why) for event in tell_mail(mailing.edition)]

    assert told[1:] == [("wong", "暫停發送：主旨有錯字"), ("", "恢復發送")]
