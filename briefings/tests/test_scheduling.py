"""An edition that publishes itself: once, whatever breaks off, with what was ticked."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.utils import timezone

from briefings import scheduling
from briefings.hooks import PublishOption, publish_options
from briefings.models import Audience, Edition, Entry, State
from briefings.publishing import (
    TransitionRefused,
    publish_edition,
    return_entry,
    schedule_edition,
    unschedule_edition,
    withdraw_edition,
)
from briefings.scheduling import publish_due_editions
from briefings.tasks import build_edition_pdf, publish_due
from briefings.tests.makers import (
    make_draft,
    make_entry,
    make_published,
    make_publisher,
    make_scheduled,
    make_staff,
)

pytestmark = pytest.mark.django_db

BEFORE = timedelta(hours=1)


@pytest.fixture(autouse=True)
def no_pdf(monkeypatch):
    monkeypatch.setattr(build_edition_pdf, "apply_async", lambda *args, **options: None)


@pytest.fixture
def bell():
    """An option that counts how often it was carried out, and fails as often as it is told to."""
    rung = []
    rung_by = []
    faults = []

    def ring(edition, user):
        if faults:
            raise faults.pop()
        rung.append(edition.number)
        rung_by.append(user)
        return "敲了鐘。"

    option = PublishOption("bell", "敲鐘", lambda edition: "敲鐘。", ring, "briefings.view_theme")
    publish_options.append(option)
    ring.rung, ring.rung_by, ring.faults = rung, rung_by, faults
    yield ring
    publish_options.remove(option)


def make_ringer():
    return make_staff("view_edition", "publish_edition", "view_theme")


def due(edition: Edition):
    return edition.scheduled_for + timedelta(seconds=1)


def read(edition: Edition) -> Edition:
    return Edition.objects.get(pk=edition.pk)


def states(edition: Edition) -> set[str]:
    return set(edition.entries.values_list("state", flat=True))


# ------------------------------------------------------------------------------------ scheduling
def test_scheduling_moves_the_edition_and_its_entries_together():
    edition, by = make_draft({}, {}), make_publisher()
    at = timezone.now() + BEFORE

    schedule_edition(edition, at=at, audience=Audience.MEMBERS, options=["bell"], by=by)

    row = read(edition)
    assert (row.state, row.scheduled_for, row.scheduled_by) == (State.SCHEDULED, at, by)
    assert (row.audience, row.scheduled_options) == (Audience.MEMBERS, ["bell"])
    assert states(edition) == {State.SCHEDULED}


@pytest.mark.parametrize(
    ("fields", "entry", "reason"),
    [
        ({"date": None}, {}, "未填日期"),
        ({}, {"lead": ""}, "未有導言"),
        ({}, {"state": State.IN_REVIEW}, "未經審批"),
    ],
)
def test_what_is_in_the_way_of_publishing_is_in_the_way_of_scheduling(fields, entry, reason):
    edition = make_draft(entry, **fields)

    with pytest.raises(TransitionRefused, match=reason):
        make_schedule(edition)

    assert read(edition).state == State.DRAFT


def make_schedule(edition, at=None, public_from=None):
    schedule_edition(
        edition,
        at=at or timezone.now() + BEFORE,
        audience=Audience.MEMBERS,
        public_from=public_from,
        by=make_publisher(),
    )


def test_the_time_must_lie_ahead():
    with pytest.raises(TransitionRefused, match="時間已過"):
        make_schedule(make_draft(), at=timezone.now() - BEFORE)


def test_an_edition_does_not_open_before_it_is_published():
    at = timezone.now() + BEFORE

    with pytest.raises(TransitionRefused, match="公開時間須在出版之後"):
        make_schedule(make_draft(), at=at, public_from=at)


@pytest.mark.parametrize("make", [make_published, make_scheduled])
def test_only_a_draft_is_scheduled(make):
    with pytest.raises(TransitionRefused, match="不能排程"):
        make_schedule(make())


def test_a_withdrawn_edition_is_not_scheduled():
    withdraw_edition(edition := make_published())

    with pytest.raises(TransitionRefused, match="已撤回"):
        make_schedule(edition)


def test_a_scheduled_edition_is_not_published_by_hand():
    edition = make_scheduled()

    with pytest.raises(TransitionRefused, match="先取消排程"):
        publish_edition(edition, audience=Audience.PUBLIC)


def test_an_entry_of_a_scheduled_edition_is_not_returned():
    entry = make_scheduled().entries.get()

    with pytest.raises(TransitionRefused, match="已排程"):
        return_entry(entry, note="等等。", by=None)


def test_cancelling_leaves_a_draft_with_approved_entries():
    edition = make_scheduled(options=["bell"])

    unschedule_edition(edition)

    row = read(edition)
    assert (row.state, row.scheduled_for, row.scheduled_by) == (State.DRAFT, None, None)
    assert (row.audience, row.scheduled_options) == ("", [])
    assert states(edition) == {State.APPROVED}


def test_what_is_not_scheduled_is_not_cancelled():
    with pytest.raises(TransitionRefused, match="並未排程"):
        unschedule_edition(make_draft())


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_scheduled_and_published_at_once_it_goes_one_way():
    edition, by, start = make_draft(), make_publisher(), Barrier(2, timeout=10)
    at = timezone.now() + BEFORE
    ways = [
        lambda row: schedule_edition(row, at=at, audience=Audience.PUBLIC, by=by),
        lambda row: publish_edition(row, audience=Audience.PUBLIC),
    ]

    def go(way):
        older = Edition.objects.get(pk=edition.pk)
        start.wait()
        try:
            way(older)
        except TransitionRefused:
            return None
        finally:
            connection.close()
        return older.state

    with ThreadPoolExecutor(2) as people:
        winners = list(filter(None, people.map(go, ways)))

    assert winners == [read(edition).state]
    assert states(edition) == set(winners)


# --------------------------------------------------------------------------------- when it is due
def test_what_is_due_is_published_as_it_was_scheduled():
    opening = timezone.now() + timedelta(days=9)
    edition = make_draft(number=7)
    make_schedule(edition, public_from=opening)

    publish_due_editions(due(edition))

    row = read(edition)
    assert (row.state, row.audience, row.public_from) == (State.PUBLISHED, "members", opening)
    assert row.published_at == due(edition)
    assert row.schedule_note == "已按排程出版。"
    assert row.frozen_imprint
    assert states(edition) == {State.PUBLISHED}


def test_what_is_not_due_waits():
    edition = make_scheduled()

    publish_due_editions(edition.scheduled_for - timedelta(seconds=1))

    assert read(edition).state == State.SCHEDULED


def test_the_clock_calls_it():
    edition = make_scheduled()
    Edition.objects.update(scheduled_for=timezone.now() - BEFORE)

    publish_due()

    assert read(edition).is_published


def test_publishing_what_is_due_twice_publishes_and_rings_once(bell):
    edition = make_scheduled(number=7, options=["bell"], by=make_ringer())

    publish_due_editions(due(edition))
    first = read(edition)
    publish_due_editions(due(edition) + timedelta(minutes=1))

    assert bell.rung == [7]
    assert read(edition).published_at == first.published_at
    assert LogEntry.objects.filter(change_message="已按排程出版。").count() == 1


def test_the_history_names_who_set_the_schedule(bell):
    by = make_ringer()
    edition = make_scheduled(options=["bell"], by=by)

    publish_due_editions(due(edition))

    told = LogEntry.objects.filter(user=by).order_by("pk").values_list("change_message", flat=True)
    assert list(told)[1:] == ["已按排程出版。", "敲了鐘。"]
    assert bell.rung_by == [by]


def test_killed_after_publishing_the_rest_is_done_by_the_next_run(bell, monkeypatch):
    edition = make_scheduled(number=7, options=["bell"], by=make_ringer())
    with monkeypatch.context() as broken:
        broken.setattr(scheduling, "_carry_out_once", die)
        with pytest.raises(KeyboardInterrupt):
            publish_due_editions(due(edition))
    assert (read(edition).state, bell.rung) == (State.PUBLISHED, [])

    publish_due_editions(due(edition))

    assert bell.rung == [7]
    assert read(edition).scheduled_options == []


def die(*args):
    raise KeyboardInterrupt


def test_killed_while_carrying_out_nothing_of_it_stays(bell):
    """What the option wrote is rolled back with its being crossed off, and both done again."""
    edition = make_scheduled(number=7, options=["bell"], by=make_ringer())
    bell.faults.append(KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt):
        publish_due_editions(due(edition))
    assert read(edition).scheduled_options == ["bell"]
    publish_due_editions(due(edition))

    assert bell.rung == [7]


def test_an_option_that_fails_is_said_and_tried_again(bell):
    edition = make_scheduled(number=7, options=["bell"], by=make_ringer())
    bell.faults.append(RuntimeError("no rope"))

    publish_due_editions(due(edition))
    after_fault = read(edition)
    publish_due_editions(due(edition))

    assert "「敲鐘」：未能完成，系統會再試。" in after_fault.schedule_note
    assert read(edition).schedule_note == "已按排程出版。\n「敲鐘」：敲了鐘。"
    assert bell.rung == [7]


def test_one_that_fails_does_not_stop_the_others(monkeypatch):
    first, second = make_scheduled(), make_scheduled()
    publish = scheduling.publish_if_due

    def fail_for_first(edition, now):
        if edition == first:
            raise RuntimeError("disk full")
        return publish(edition, now)

    monkeypatch.setattr(scheduling, "publish_if_due", fail_for_first)
    publish_due_editions(due(second))
    assert [read(first).state, read(second).state] == [State.SCHEDULED, State.PUBLISHED]

    monkeypatch.undo()
    publish_due_editions(due(second))
    assert read(first).is_published


def test_what_came_in_the_way_sends_it_back_with_the_reason():
    edition = make_scheduled({"headline": "被清空的"})
    Entry.objects.update(lead="")

    publish_due_editions(due(edition))

    row = read(edition)
    assert row.state == State.DRAFT
    assert row.schedule_note == "未能按排程出版，已改回草稿。\n「被清空的」未有導言。"
    assert states(edition) == {State.APPROVED}


def lose_permission(user):
    user.user_permissions.clear()


def leave(user):
    user.is_active = False
    user.save()


def disappear(user):
    user.delete()


@pytest.mark.parametrize("change", [lose_permission, leave, disappear])
def test_who_may_no_longer_publish_has_nothing_published(change, bell):
    by = make_ringer()
    edition = make_scheduled(by=by, options=["bell"])
    change(by)

    publish_due_editions(due(edition))

    row = read(edition)
    assert row.state == State.DRAFT
    assert "已沒有出版的權限" in row.schedule_note
    assert bell.rung == []


def test_an_option_that_is_no_longer_allowed_is_left_out_and_said(bell):
    by = make_ringer()
    edition = make_scheduled(by=by, options=["bell"])
    by.user_permissions.remove(Permission.objects.get(codename="view_theme"))

    publish_due_editions(due(edition))

    row = read(edition)
    assert (row.state, row.scheduled_options, bell.rung) == (State.PUBLISHED, [], [])
    assert "「敲鐘」：未有進行：" in row.schedule_note


def test_an_option_that_is_no_more_is_said():
    edition = make_scheduled(options=["gone"])

    publish_due_editions(due(edition))

    assert "「gone」：未有進行：已沒有這個選項。" in read(edition).schedule_note


def test_nothing_is_carried_out_for_an_edition_withdrawn_meanwhile(bell, monkeypatch):
    edition = make_scheduled(options=["bell"], by=make_ringer())
    with monkeypatch.context() as broken:
        broken.setattr(scheduling, "_carry_out_once", lambda *args: None)
        publish_due_editions(due(edition))
    withdraw_edition(edition)

    publish_due_editions(due(edition))
    publish_edition(edition, audience=Audience.PUBLIC)
    publish_due_editions(edition.published_at)

    assert bell.rung == []


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_workers_at_once_publish_and_ring_once(bell):
    edition = make_scheduled(number=7, options=["bell"], by=make_ringer())
    now, start = due(edition), Barrier(2, timeout=10)

    def work(_):
        start.wait()
        try:
            publish_due_editions(now)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as workers:
        list(workers.map(work, range(2)))

    assert read(edition).is_published
    assert bell.rung == [7]


# ---------------------------------------------------------------------------------- at the desk
def desk(edition: Edition, page: str = "change") -> str:
    return f"/admin/briefings/edition/{edition.pk}/{page}/"


def local(moment) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%dT%H:%M}"


def messages_of(response) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def test_a_person_schedules_an_edition(bell, admin_client, admin_user):
    edition = make_draft(number=7)
    at = (timezone.now() + BEFORE).replace(second=0, microsecond=0)

    admin_client.post(
        desk(edition, "schedule"), {"at": local(at), "readers": "public", "bell": "on"}
    )

    row = read(edition)
    assert (row.state, row.scheduled_for, row.audience) == (State.SCHEDULED, at, "public")
    assert (row.scheduled_by, row.scheduled_options) == (admin_user, ["bell"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": ""},
        {"at": "2001-01-01T09:00"},
        {"readers": ""},
        {"readers": "members_first", "public_from": "2098-01-01T09:00"},
    ],
)
def test_an_unclear_choice_schedules_nothing(wrong, admin_client):
    edition = make_draft()

    response = admin_client.post(
        desk(edition, "schedule"), {"at": "2099-01-01T09:00", "readers": "public"} | wrong
    )

    assert response.context["form"].errors
    assert read(edition).state == State.DRAFT


def test_a_scheduled_edition_says_when_and_how_to_stop_it(admin_client):
    edition = make_scheduled(number=7)

    page = admin_client.get(desk(edition)).content.decode()

    assert "自動出版（公開）" in page
    assert desk(edition, "unschedule") in page
    assert desk(edition, "publish") not in page


def test_a_person_cancels_the_schedule(admin_client):
    edition = make_scheduled()

    admin_client.post(desk(edition, "unschedule"))

    assert read(edition).state == State.DRAFT


def test_looking_at_the_page_cancels_nothing(admin_client):
    edition = make_scheduled()

    admin_client.get(desk(edition, "unschedule"))

    assert read(edition).state == State.SCHEDULED


def test_what_failed_is_shown_where_editors_look(admin_client):
    edition = make_scheduled({"headline": "被清空的"})
    Entry.objects.update(lead="")
    publish_due_editions(due(edition))

    page = admin_client.get(desk(edition)).content.decode()

    assert "未能按排程出版" in page
    assert "「被清空的」未有導言。" in page


def test_a_clock_that_stands_still_is_noticed(admin_client):
    edition = make_scheduled()
    Edition.objects.update(scheduled_for=timezone.now() - BEFORE)

    page = admin_client.get(desk(edition)).content.decode()

    assert "時間已過而仍未出版" in page


@pytest.mark.parametrize("page", ["schedule", "unschedule"])
def test_scheduling_needs_the_permission_to_publish(page, client):
    edition = make_scheduled() if page == "unschedule" else make_draft()
    before = edition.state
    client.force_login(make_staff("view_edition", "change_edition"))

    response = client.post(desk(edition, page), {"at": "2099-01-01T09:00", "readers": "public"})

    assert response.status_code == 403
    assert read(edition).state == before


def test_a_scheduled_edition_is_locked(admin_client):
    edition = make_scheduled(number=7)

    change = admin_client.post(desk(edition), {"number": 8, "date": "2026-11-20"})
    delete = admin_client.post(desk(edition, "delete"), {"post": "yes"})

    assert (change.status_code, delete.status_code) == (403, 403)
    assert read(edition).number == 7


def test_entries_are_not_offered_a_scheduled_edition(admin_client):
    make_scheduled(number=7)
    make_entry()
    ask = {"app_label": "briefings", "model_name": "entry", "field_name": "edition"}

    answer = admin_client.get("/admin/autocomplete/", ask).json()

    assert answer["results"] == []
