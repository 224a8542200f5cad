"""An edition's mail on its way to approval: the rules, whoever asks for what."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, transaction
from django.utils import timezone

from briefings.corrections import correcting
from briefings.models import Entry
from briefings.publishing import TransitionRefused, unschedule_edition, withdraw_edition
from briefings.tests.makers import make_draft, make_published, make_scheduled
from subscribers.mail_steps import (
    cancel_schedule,
    find_obstacle,
    list_corrections,
    return_mail,
    schedule_mail,
    send_mail,
    submit_mail,
    take_mail_back,
    write_words,
)
from subscribers.models import MailDraft, MailDraftState, Mailing
from subscribers.opening import MailingRefused, open_mailing
from subscribers.tests.makers import (
    at_once,
    make_mail_editor,
    make_mail_publisher,
    make_member,
)

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def chan():
    return make_mail_editor()


@pytest.fixture
def wong():
    return make_mail_publisher()


@pytest.fixture
def edition():
    make_member()
    return make_published({"headline": "甲"}, number=1)


def read(edition):
    return MailDraft.objects.get(edition=edition)


def tell(edition):
    return [(record.act, record.by and record.by.username) for record in edition.mail_records.all()]


def test_an_editor_asks_and_a_publisher_approves_for_a_time(edition, chan, wong, now):
    write_words(edition, subject="主旨", preheader="", by=chan, now=now)
    submit_mail(edition, by=chan, now=now)
    asked = read(edition)
    assert (asked.state, asked.moved_by, asked.moved_at) == ("in_review", chan, now)

    schedule_mail(edition, at=now + HOUR, by=wong, now=now + HOUR / 2)

    approved = read(edition)
    assert (approved.state, approved.scheduled_for) == ("scheduled", now + HOUR)
    assert (approved.moved_by, approved.moved_at) == (wong, now + HOUR / 2)
    assert tell(edition) == [("submitted", "chan"), ("scheduled", "wong")]
    assert not Mailing.objects.exists()


def test_each_step_is_in_the_record_of_work(edition, chan, now):
    submit_mail(edition, by=chan, now=now)

    log = LogEntry.objects.get()
    assert (log.user, log.get_edited_object()) == (chan, edition)
    assert "郵件送審" in log.change_message


def test_what_is_returned_says_why(edition, chan, wong, now):
    submit_mail(edition, by=chan, now=now)
    with pytest.raises(TransitionRefused, match="為何退回"):
        return_mail(edition, note=" ", by=wong, now=now)

    return_mail(edition, note="主旨太長。", by=wong, now=now)

    draft = read(edition)
    assert (draft.state, draft.note, draft.moved_by) == ("draft", "主旨太長。", wong)
    assert edition.mail_records.last().note == "主旨太長。"


def test_who_asked_takes_it_back_to_change_it(edition, chan, now):
    submit_mail(edition, by=chan, now=now)
    with pytest.raises(TransitionRefused, match="收回"):
        write_words(edition, subject="改了", preheader="", by=chan, now=now)

    take_mail_back(edition, by=chan, now=now)
    write_words(edition, subject="改了", preheader="", by=chan, now=now)

    assert (read(edition).state, read(edition).subject) == ("draft", "改了")


def test_a_publisher_needs_nobody_to_ask(edition, wong, now):
    schedule_mail(edition, at=now + HOUR, by=wong, now=now)

    assert read(edition).is_scheduled


def test_a_cancelled_schedule_is_a_draft_again_and_can_be_set_anew(edition, wong, now):
    schedule_mail(edition, at=now + HOUR, by=wong, now=now)

    cancel_schedule(edition, by=wong, now=now)
    assert (read(edition).state, read(edition).scheduled_for) == ("draft", None)
    schedule_mail(edition, at=now + 2 * HOUR, by=wong, now=now)

    assert read(edition).scheduled_for == now + 2 * HOUR
    assert [act for act, _ in tell(edition)] == ["scheduled", "cancelled", "scheduled"]


# ------------------------------------------------------------------------------------- the time
@pytest.mark.parametrize("ago", [timedelta(0), HOUR])
def test_the_time_must_lie_ahead(edition, wong, now, ago):
    with pytest.raises(TransitionRefused, match="時間已過"):
        schedule_mail(edition, at=now - ago, by=wong, now=now)

    assert not MailDraft.objects.exists()


def test_an_edition_that_will_be_published_by_then_is_scheduled_before(wong, now):
    edition = make_scheduled(at=now + HOUR)

    with pytest.raises(TransitionRefused, match="不可早於出版"):
        schedule_mail(edition, at=now + HOUR / 2, by=wong, now=now)
    schedule_mail(edition, at=now + HOUR, by=wong, now=now)

    assert read(edition).is_scheduled


def test_one_that_nobody_means_to_publish_is_not(wong, now):
    with pytest.raises(TransitionRefused, match="尚未出版，亦未排程"):
        schedule_mail(make_draft(), at=now + HOUR, by=wong, now=now)


def test_nor_is_one_that_was_withdrawn(edition, wong, now):
    withdraw_edition(edition)

    with pytest.raises(TransitionRefused, match="已撤回"):
        schedule_mail(edition, at=now + HOUR, by=wong, now=now)


def test_it_goes_by_the_row_and_not_by_what_was_read_before(wong, now):
    edition = make_scheduled(at=now + HOUR)
    unschedule_edition(type(edition).objects.get(pk=edition.pk))

    with pytest.raises(TransitionRefused, match="尚未出版"):
        schedule_mail(edition, at=now + 2 * HOUR, by=wong, now=now)


def test_an_edition_taken_from_its_schedule_is_an_obstacle_that_can_be_seen(wong, now):
    edition = make_scheduled(at=now + HOUR)
    schedule_mail(edition, at=now + HOUR, by=wong, now=now)

    unschedule_edition(edition)

    assert "尚未出版" in find_obstacle(edition, read(edition).scheduled_for)


# ------------------------------------------------------------------------------- what was approved
def test_words_changed_by_who_may_not_approve_take_the_approval_back(edition, chan, wong, now):
    schedule_mail(edition, at=now + HOUR, by=wong, now=now)

    write_words(edition, subject="偷偷改", preheader="", by=chan, now=now)

    draft = read(edition)
    assert (draft.state, draft.scheduled_for, draft.moved_by) == ("in_review", None, chan)
    assert tell(edition)[-1] == ("reworded", "chan")
    assert "審批和排程作廢" in edition.mail_records.last().note


def test_words_changed_by_who_may_approve_are_approved(edition, wong, now):
    lee = make_mail_publisher("lee")
    schedule_mail(edition, at=now + HOUR, by=wong, now=now)

    write_words(edition, subject="改好", preheader="", by=lee, now=now)

    draft = read(edition)
    assert (draft.state, draft.subject, draft.moved_by) == ("scheduled", "改好", wong)
    assert tell(edition)[-1] == ("reworded", "lee")


def test_the_same_words_saved_again_change_nothing(edition, chan, wong, now):
    write_words(edition, subject="主旨", preheader="", by=chan, now=now)
    schedule_mail(edition, at=now + HOUR, by=wong, now=now)

    write_words(edition, subject="主旨", preheader="", by=chan, now=now)

    assert read(edition).is_scheduled


def test_a_correction_leaves_the_approval_and_is_told(edition, wong, now):
    entry = edition.entries.get()
    schedule_mail(edition, at=now + HOUR, by=wong, now=now)

    with correcting(entry, note="數字有誤。", by=wong):
        Entry.objects.filter(pk=entry.pk).update(headline="乙")

    draft = read(edition)
    assert draft.is_scheduled
    assert [correction.note for correction in list_corrections(draft)] == ["數字有誤。"]
    assert "乙" in open_mailing(edition, by=wong).subject


def test_words_of_a_mail_that_goes_out_on_publication_are_the_publishers(chan, wong, now):
    edition = make_scheduled(at=now + HOUR, by=wong, options=["send_to_members"])

    with pytest.raises(TransitionRefused, match="出版時即寄給會員"):
        write_words(edition, subject="偷偷改", preheader="", by=chan, now=now)
    write_words(edition, subject="改好", preheader="", by=wong, now=now)

    assert read(edition).subject == "改好"


def test_a_mail_that_goes_out_on_publication_is_given_no_other_time(wong, now):
    edition = make_scheduled(at=now + HOUR, by=wong, options=["send_to_members"])

    with pytest.raises(TransitionRefused, match="出版時即寄給會員"):
        schedule_mail(edition, at=now + 6 * HOUR, by=wong, now=now)


# ------------------------------------------------------------------------------------ sending now
def test_sending_at_once_is_an_approval(edition, chan, wong, now):
    submit_mail(edition, by=chan, now=now)

    send_mail(edition, by=wong, now=now)

    assert Mailing.objects.get().opened_by == wong
    assert LogEntry.objects.filter(user=wong, change_message="寄給會員").exists()


def test_what_is_scheduled_is_not_sent_at_once(edition, wong, now):
    schedule_mail(edition, at=now + HOUR, by=wong, now=now)

    with pytest.raises(TransitionRefused, match="已排程"):
        send_mail(edition, by=wong, now=now)

    assert not Mailing.objects.exists()


def test_what_cannot_be_mailed_leaves_the_draft_where_it_was(chan, wong, now):
    edition = make_draft()
    submit_mail(edition, by=chan, now=now)

    with pytest.raises(MailingRefused):
        send_mail(edition, by=wong, now=now)

    assert read(edition).state == "in_review"
    assert not LogEntry.objects.filter(user=wong).exists()


STEPS = {
    "submit": lambda edition, by, now: submit_mail(edition, by=by, now=now),
    "take_back": lambda edition, by, now: take_mail_back(edition, by=by, now=now),
    "return": lambda edition, by, now: return_mail(edition, note="太長。", by=by, now=now),
    "schedule": lambda edition, by, now: schedule_mail(edition, at=now + HOUR, by=by, now=now),
    "cancel": lambda edition, by, now: cancel_schedule(edition, by=by, now=now),
    "send": lambda edition, by, now: send_mail(edition, by=by, now=now),
}
ALLOWED = {
    "draft": {"submit", "schedule", "send"},
    "in_review": {"take_back", "return", "schedule", "send"},
    "scheduled": {"cancel"},
    "refused": {"submit", "schedule", "send"},
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("state", MailDraftState.values)
def test_a_step_is_taken_from_its_states_only(edition, wong, now, state, step):
    time = now + HOUR if state == "scheduled" else None
    MailDraft.objects.create(edition=edition, state=state, scheduled_for=time)

    if step in ALLOWED[state]:
        STEPS[step](edition, wong, now)
        assert Mailing.objects.exists() == (step == "send")
    else:
        with pytest.raises(TransitionRefused, match="不能"):
            STEPS[step](edition, wong, now)
        assert read(edition).state == state


@pytest.mark.parametrize("step", STEPS)
def test_once_the_mail_went_out_no_step_is_taken(edition, wong, now, step):
    open_mailing(edition, by=None)

    with pytest.raises(TransitionRefused, match="已寄過"):
        STEPS[step](edition, wong, now)

    assert not MailDraft.objects.exists()
    assert Mailing.objects.count() == 1


@pytest.mark.parametrize(("state", "time"), [("scheduled", None), ("draft", 1)])
def test_a_time_without_a_schedule_cannot_be_stored(edition, now, state, time):
    with pytest.raises(IntegrityError), transaction.atomic():
        MailDraft.objects.create(edition=edition, state=state, scheduled_for=time and now)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_two_who_decide_at_once_one_does(edition, wong, now):
    submit_mail(edition, by=wong, now=now)

    def decide():
        try:
            schedule_mail(edition, at=now + HOUR, by=wong, now=now)
        except TransitionRefused:
            return "refused"
        return "scheduled"

    assert sorted(at_once(2, decide)) == ["refused", "scheduled"]
    assert [act for act, _ in tell(edition)] == ["submitted", "scheduled"]
