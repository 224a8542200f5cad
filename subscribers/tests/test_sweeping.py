from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.utils import timezone

from subscribers.delivery import MOST_ATTEMPTS, Sending
from subscribers.models import Delivery, DeliveryState, Mailing, MailingState, mark_sent
from subscribers.smtp.journal import Mark, open_journal
from subscribers.sweeping import sweep
from subscribers.tests.makers import at_once, claim_all, make_delivery, make_mailing, take

pytestmark = pytest.mark.django_db


@pytest.fixture
def later(settings):
    """A time by which the lease of whatever is claimed now is over."""
    return timezone.now() + timedelta(seconds=settings.DELIVERY_LEASE + 1)


def test_what_a_dead_worker_claimed_is_queued_again(woken, settings, later):
    settings.UNKNOWN_DELIVERIES = "resend"
    delivery = make_delivery()
    take(delivery, timezone.now())

    sweep(later)

    delivery.refresh_from_db()
    assert (delivery.state, delivery.claim) == (DeliveryState.QUEUED, None)
    assert woken == [(delivery.mailing_id, delivery.pk, delivery.pk)]


def test_what_a_dead_worker_claimed_is_held_if_so_set(woken, settings, later):
    settings.UNKNOWN_DELIVERIES = "hold"
    delivery = make_delivery()
    take(delivery, timezone.now())

    sweep(later)

    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.UNKNOWN
    assert delivery.mailing.state == MailingState.DONE


def test_what_kills_every_worker_is_held_in_the_end(woken, settings, later):
    settings.UNKNOWN_DELIVERIES = "resend"
    delivery = make_delivery(attempts=MOST_ATTEMPTS - 1)
    take(delivery, timezone.now())

    sweep(later)

    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.UNKNOWN


def test_a_claim_within_its_lease_is_left_alone(woken):
    delivery = make_delivery()
    take(delivery, timezone.now())

    sweep(timezone.now())

    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.SENDING


@pytest.mark.parametrize("is_held", [True, False])
def test_only_a_claim_that_is_still_held_is_renewed(settings, monkeypatch, is_held):
    mailing = make_mailing(members=2)
    clock = [0.0]
    monkeypatch.setattr("subscribers.delivery.time.monotonic", lambda: clock[0])
    sending = Sending(claim_all(mailing, timezone.now()), lambda place: None)
    if not is_held:
        mailing.deliveries.update(state=DeliveryState.QUEUED, claim=None)

    clock[0] = settings.DELIVERY_LEASE / 2
    assert sending.goes_on()
    clock[0] = settings.DELIVERY_LEASE
    assert sending.must_end() is not is_held


def test_what_a_sender_left_on_this_machine_is_settled_before_its_lease_is_over(
    woken, settings, tmp_path
):
    settings.UNKNOWN_DELIVERIES, settings.JOURNAL_DIR = "hold", tmp_path
    mailing = make_mailing(members=3)
    claim = claim_all(mailing, timezone.now())
    keys = [delivery.pk for delivery in claim.deliveries]
    with open_journal(tmp_path, claim.key, keys) as journal:
        journal.mark(0, Mark.ACCEPTED)
        journal.mark(1, Mark.UNDER_WAY)

    sweep(timezone.now())

    assert list(mailing.deliveries.values_list("state", "attempts")) == [
        (DeliveryState.SENT, 1),
        (DeliveryState.UNKNOWN, 1),
        (DeliveryState.QUEUED, 0),
    ]
    assert list(tmp_path.iterdir()) == []


def test_what_was_accepted_counts_even_if_it_was_queued_again_meanwhile(
    woken, settings, tmp_path, later
):
    settings.UNKNOWN_DELIVERIES, settings.JOURNAL_DIR = "resend", tmp_path / "elsewhere"
    delivery = make_delivery()
    claim = claim_all(delivery.mailing, timezone.now())
    with open_journal(tmp_path, claim.key, [delivery.pk]) as journal:
        journal.mark(0, Mark.ACCEPTED)
    sweep(later)  # by another machine
    settings.JOURNAL_DIR = tmp_path

    sweep(later)

    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.SENT


def test_a_journal_of_another_database_marks_nothing(woken, settings, tmp_path):
    settings.JOURNAL_DIR = tmp_path
    delivery = make_delivery()
    with open_journal(tmp_path, uuid4(), [delivery.pk]) as journal:
        journal.mark(0, Mark.ACCEPTED)

    sweep(timezone.now())

    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.QUEUED


def test_to_have_sent_wins_over_a_claim_taken_away(later, woken):
    delivery = make_delivery()
    slow = Delivery.objects.get(pk=delivery.pk)
    take(slow, timezone.now())
    sweep(later)

    mark_sent([slow.pk], timezone.now())

    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.SENT


def test_who_lost_the_claim_cannot_say_how_it_ended(later, woken):
    delivery = make_delivery()
    slow = Delivery.objects.get(pk=delivery.pk)
    take(slow, timezone.now())
    sweep(later)
    take(Delivery.objects.get(pk=delivery.pk), later)

    assert slow.mark_failed("550 no") is False
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.SENDING


def test_what_was_sent_stays_sent():
    delivery = make_delivery(state=DeliveryState.SENT, claim=uuid4())

    assert delivery.mark_failed("550 no") is False
    assert delivery.requeue(not_before=timezone.now(), reply="") is False
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.SENT


def test_a_mailing_whose_wake_ups_were_lost_is_woken(woken, later):
    mailing = make_mailing(members=2)

    sweep(later)

    assert len(woken) == 1
    mailing.refresh_from_db()
    assert mailing.woken_at == later


def test_a_mailing_is_not_woken_twice_in_a_short_while(woken, later):
    make_mailing()

    sweep(later)
    sweep(later + timedelta(seconds=30))

    assert len(woken) == 1


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_two_sweeps_at_once_one_wakes(woken, later):
    make_mailing()
    woken.clear()

    at_once(4, lambda: sweep(later))

    assert len(woken) == 1


def test_a_mailing_that_somebody_works_on_is_left_alone(woken, later):
    mailing = make_mailing(members=2)
    mailing.deliveries.filter(pk=mailing.deliveries.first().pk).update(
        state=DeliveryState.SENT, claimed_at=later
    )

    sweep(later)

    assert woken == []


def test_what_was_put_off_is_woken_when_due_although_others_are_being_sent(woken, later):
    mailing = make_mailing(members=3)
    sent, put_off, _ = mailing.deliveries.all()
    Delivery.objects.filter(pk=sent.pk).update(state=DeliveryState.SENT, claimed_at=later)
    Delivery.objects.filter(pk=put_off.pk).update(attempts=1, not_before=later)

    sweep(later)

    assert woken == [(mailing.pk, put_off.pk, put_off.pk)]


def test_what_is_not_due_wakes_nobody(woken, later):
    make_delivery(not_before=later + timedelta(seconds=1))

    sweep(later)

    assert woken == []


def test_a_mailing_with_everything_settled_is_done(woken, later):
    delivery = make_delivery(state=DeliveryState.FAILED)

    sweep(later)
    sweep(later + timedelta(minutes=5))

    mailing = Mailing.objects.get(pk=delivery.mailing_id)
    assert (mailing.state, mailing.finished_at) == (MailingState.DONE, later)


def test_a_mailing_done_too_early_goes_on(woken, later):
    delivery = make_delivery()
    Mailing.objects.update(state=MailingState.DONE, finished_at=later)

    sweep(later)

    mailing = Mailing.objects.get()
    assert (mailing.state, mailing.finished_at) == (MailingState.SENDING, None)
    assert woken == [(mailing.pk, delivery.pk, delivery.pk)]


def test_an_idle_sweep_is_cheap(woken, later, django_assert_num_queries):
    make_delivery(state=DeliveryState.SENT)
    sweep(later)

    with django_assert_num_queries(3):
        sweep(later)


def test_the_command_says_how_much_is_left(woken, capsys):
    make_mailing(members=2)

    call_command("send_due")

    assert "1 次發送，尚有 2 份未寄出" in capsys.readouterr().out
