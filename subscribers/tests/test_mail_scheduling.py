"""A scheduled mail when its time comes: opened once, or told why not."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from briefings.publishing import (
    TransitionRefused,
    publish_edition,
    publish_if_due,
    unschedule_edition,
    withdraw_edition,
)
from briefings.tests.makers import make_published, make_publisher, make_scheduled
from subscribers import mail_scheduling
from subscribers.desk import describe_sending, send_to_members
from subscribers.mail_scheduling import MOST_LATE, open_due_mails
from subscribers.mail_steps import cancel_schedule, schedule_mail, write_words
from subscribers.models import Delivery, Digest, MailDraft, Mailing, Member
from subscribers.opening import open_mailing
from subscribers.tasks import send_due
from subscribers.tests.makers import at_once, make_mail_publisher, make_member

pytestmark = pytest.mark.django_db

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
IN_EARNEST = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def due(now):
    return now + HOUR


@pytest.fixture
def wong():
    return make_mail_publisher()


@pytest.fixture
def edition(wong, now, due):
    """Published, and its mail due in an hour."""
    make_member()
    edition = make_published({"headline": "甲"}, number=1)
    schedule_mail(edition, at=due, by=wong, now=now)
    return edition


def read(edition):
    return MailDraft.objects.get(edition=edition)


def test_it_is_opened_when_its_time_has_come_and_not_before(edition, wong, due):
    open_due_mails(due - MINUTE)
    assert not Mailing.objects.exists()

    open_due_mails(due)

    mailing = Mailing.objects.get()
    assert (mailing.edition, mailing.opened_by, mailing.opened_at) == (edition, wong, due)
    assert Delivery.objects.count() == 1


def test_the_sweep_does_it(wong, now):
    make_member()
    edition = make_published()
    schedule_mail(edition, at=now + MINUTE, by=wong, now=now)
    MailDraft.objects.update(scheduled_for=now)

    send_due()

    assert Mailing.objects.get().edition == edition


def test_a_sweep_that_comes_again_opens_no_second(edition, due):
    open_due_mails(due)
    open_due_mails(due + MINUTE)

    assert Mailing.objects.count() == Delivery.objects.count() == 1


def test_what_was_cancelled_is_not_opened(edition, wong, now, due):
    cancel_schedule(edition, by=wong, now=now)

    open_due_mails(due)

    assert not Mailing.objects.exists()


def test_what_was_mailed_otherwise_is_not_opened_again(edition, due):
    open_mailing(edition, by=None)

    open_due_mails(due)

    assert Mailing.objects.count() == 1
    assert not MailDraft.objects.pending().exists()


def test_publishing_says_with_what_words_it_would_be_mailed(wong, now):
    edition = make_scheduled()
    write_words(edition, subject="關稅", preheader="", by=wong, now=now)

    assert describe_sending(edition).startswith("主旨「關稅」，預覽文字列出各篇標題。將寄給")


def test_publishing_says_that_the_mail_has_its_own_time_and_may_send_before(wong, now):
    make_member()
    edition = make_scheduled(at=now + HOUR)
    schedule_mail(edition, at=now + 2 * HOUR, by=wong, now=now)
    unschedule_edition(edition)

    assert describe_sending(edition).startswith("郵件另有排程，剔選即不待排程")
    publish_edition(edition, audience="public")
    send_to_members(edition, wong)
    open_due_mails(now + 2 * HOUR)

    assert Mailing.objects.count() == 1


# ------------------------------------------------------------------------- what came in the way
def lose_permission(edition, wong):
    wong.user_permissions.remove(Permission.objects.get(codename="add_mailing"))


def leave(edition, wong):
    type(wong).objects.update(is_active=False)


def be_deleted(edition, wong):
    wong.delete()


def withdraw(edition, wong):
    withdraw_edition(edition)


def lose_readers(edition, wong):
    Member.objects.get().unsubscribe()


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (lose_permission, "排程的wong已沒有寄給會員的權限"),
        (leave, "排程的wong已沒有寄給會員的權限"),
        (be_deleted, "排程的用戶已沒有寄給會員的權限"),
        (withdraw, "已撤回"),
        (lose_readers, "沒有會員會收到這一期"),
    ],
)
def test_what_came_in_the_way_is_told_and_not_tried_again(edition, wong, due, happens, reason):
    happens(edition, wong)

    open_due_mails(due)

    draft = read(edition)
    assert not Mailing.objects.exists()
    assert (draft.state, draft.scheduled_for, draft.moved_by) == ("refused", None, None)
    assert reason in draft.note
    assert edition.mail_records.last().note == draft.note
    before = edition.mail_records.count()
    open_due_mails(due + MINUTE)
    assert edition.mail_records.count() == before


def test_one_that_was_refused_is_scheduled_anew_and_opened(edition, wong, due):
    withdraw_edition(edition)
    open_due_mails(due)
    publish_edition(edition, audience="public")

    schedule_mail(edition, at=due + HOUR, by=wong, now=due)
    open_due_mails(due + HOUR)

    assert Mailing.objects.count() == 1
    assert read(edition).note == ""


def test_an_edition_taken_from_its_schedule_is_not_mailed(wong, now, due):
    make_member()
    edition = make_scheduled(at=due)
    schedule_mail(edition, at=due, by=wong, now=now)
    unschedule_edition(edition)

    open_due_mails(due)

    assert "尚未出版" in read(edition).note


# ------------------------------------------------------------------- with its edition's schedule
@pytest.fixture
def both(wong, now, due):
    """To be published and mailed at the same time."""
    make_member()
    edition = make_scheduled(at=due, by=make_publisher("lee"))
    schedule_mail(edition, at=due, by=wong, now=now)
    return edition


def test_it_waits_for_its_edition_which_the_clock_publishes_by_the_minute(both, due):
    open_due_mails(due)
    assert read(both).is_scheduled
    publish_if_due(both, due + MINUTE / 2)

    open_due_mails(due + MINUTE)

    assert Mailing.objects.get().edition == both


def test_it_does_not_wait_for_ever(both, due):
    open_due_mails(due + MOST_LATE + MINUTE)

    assert "到時仍未出版" in read(both).note


# --------------------------------------------------------------------------------------- too late
def test_what_is_a_little_late_is_opened(edition, due):
    open_due_mails(due + MOST_LATE)

    assert Mailing.objects.exists()


def test_what_a_night_passed_over_is_for_a_person_to_decide(edition, due):
    open_due_mails(due + MOST_LATE + MINUTE)

    assert not Mailing.objects.exists()
    assert "未能在2小時內寄出" in read(edition).note


# ------------------------------------------------------------------------------ killed, and at once
@pytest.mark.parametrize("place", ["_write_deliveries", "write_deliveries", "wake_after_commit"])
def test_a_worker_killed_half_way_leaves_nothing_and_the_next_sweep_does_it(
    edition, due, monkeypatch, place
):
    with monkeypatch.context() as patch:
        patch.setattr(f"subscribers.opening.{place}", lambda *args: 1 / 0)
        open_due_mails(due)
    assert not Mailing.objects.exists()
    assert not Digest.objects.exists()
    assert read(edition).is_scheduled

    open_due_mails(due + MINUTE)

    assert Delivery.objects.count() == 1


def test_one_killed_while_it_tells_why_not_leaves_it_scheduled(edition, due, monkeypatch):
    withdraw_edition(edition)
    with monkeypatch.context() as patch:
        patch.setattr("subscribers.mail_steps._record", lambda *args, **told: 1 / 0)
        open_due_mails(due)
    assert read(edition).is_scheduled

    open_due_mails(due + MINUTE)

    assert read(edition).state == "refused"


def test_one_that_fails_each_time_is_given_up(edition, due, monkeypatch):
    monkeypatch.setattr(mail_scheduling, "open_mailing", lambda *args, **told: 1 / 0)

    open_due_mails(due)
    open_due_mails(due + MINUTE)
    assert read(edition).is_scheduled
    open_due_mails(due + MOST_LATE + MINUTE)

    assert read(edition).state == "refused"


def test_one_that_fails_does_not_stop_the_others(edition, wong, now, due, monkeypatch):
    other = make_published(number=2)
    schedule_mail(other, at=due, by=wong, now=now)

    def fail_for_the_first(opened, **told):
        if opened == edition:
            raise ZeroDivisionError
        return open_mailing(opened, **told)

    monkeypatch.setattr(mail_scheduling, "open_mailing", fail_for_the_first)
    open_due_mails(due)

    assert Mailing.objects.get().edition == other


@IN_EARNEST
def test_four_sweeps_at_once_open_one(edition, due, woken):
    at_once(4, lambda: open_due_mails(due))
    open_due_mails(due)  # each may have left it to another

    assert Mailing.objects.count() == Delivery.objects.count() == 1
    assert len(woken) == 1


@IN_EARNEST
def test_of_a_sweep_and_a_person_who_cancels_one_comes_first(edition, wong, due, woken):
    acts = iter([open_due_mails, lambda now: cancel_schedule(edition, by=wong, now=now)])

    def act():
        try:
            next(acts)(due)
        except TransitionRefused:
            return "too late"
        return "done"

    told = at_once(2, act)

    is_cancelled = read(edition).state == "draft"
    assert Mailing.objects.exists() != is_cancelled
    assert ("too late" in told) != is_cancelled
