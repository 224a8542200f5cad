import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.db import connection, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from briefings import scheduling
from briefings.models import Audience, Theme
from briefings.publishing import withdraw_edition
from briefings.tests.makers import make_draft, make_entry, make_published
from subscribers import opening
from subscribers.models import Delivery, DeliveryState, Digest, DigestSchedule, Mailing, Member
from subscribers.opening import MailingRefused, open_mailing
from subscribers.tasks import send_chunk
from subscribers.tests.makers import at_once, make_member
from subscribers.waking import CHUNK

pytestmark = pytest.mark.django_db


@pytest.fixture
def edition():
    return make_published({"headline": "甲"}, number=1)


def test_every_member_who_wants_it_has_one_delivery(edition):
    members = [make_member(name="陳大文"), make_member()]

    mailing = open_mailing(edition, by=None)

    deliveries = mailing.deliveries.order_by("pk")
    assert [delivery.member for delivery in deliveries] == members
    assert [delivery.email for delivery in deliveries] == [member.email for member in members]
    assert deliveries[0].name == "陳大文"
    assert {delivery.state for delivery in deliveries} == {DeliveryState.QUEUED}


def test_opening_twice_gives_the_same_mailing_and_no_new_delivery(edition):
    make_member()
    mailing = open_mailing(edition, by=None)
    make_member()

    assert open_mailing(edition, by=None) == mailing
    assert Delivery.objects.count() == 1


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_opening_twice_at_once_opens_one(edition, woken):
    make_member()

    mailings = at_once(4, lambda: open_mailing(edition, by=None))

    assert len({mailing.pk for mailing in mailings}) == 1
    assert Delivery.objects.count() == 1
    assert len(woken) == 1


def test_it_keeps_who_opened_it(edition, admin_user):
    make_member()

    assert open_mailing(edition, by=admin_user).opened_by == admin_user


def test_a_draft_cannot_be_mailed():
    make_member()

    with pytest.raises(MailingRefused, match="尚未出版"):
        open_mailing(make_draft(), by=None)

    assert not Mailing.objects.exists()


def test_a_withdrawn_edition_cannot_be_mailed(edition):
    make_member()
    withdraw_edition(edition)

    with pytest.raises(MailingRefused):
        open_mailing(edition, by=None)


def test_a_mailing_to_nobody_is_refused(edition):
    make_member().unsubscribe()

    with pytest.raises(MailingRefused, match="沒有會員"):
        open_mailing(edition, by=None)

    assert not Mailing.objects.exists()


def test_who_asked_for_other_themes_gets_nothing():
    tax, trade = Theme.objects.create(name="稅務"), Theme.objects.create(name="貿易")
    edition = make_published({"themes": [tax]})
    reader = make_member(themes=[tax, trade])
    make_member(themes=[trade])

    mailing = open_mailing(edition, by=None)

    assert [delivery.member for delivery in mailing.deliveries.all()] == [reader]


def test_one_digest_for_each_choice_of_entries_however_many_members():
    tax, trade = Theme.objects.create(name="稅務"), Theme.objects.create(name="貿易")
    edition = make_published({"themes": [tax]}, {"themes": [trade]})
    for themes in ([], [], [tax, trade], [tax], [tax], [trade]):
        make_member(themes=themes)

    open_mailing(edition, by=None)

    assert Digest.objects.count() == 3
    assert Delivery.objects.count() == 6


def test_opening_costs_the_same_for_ten_members_as_for_one(edition, django_assert_max_num_queries):
    for _ in range(10):
        make_member()

    with django_assert_max_num_queries(35):
        open_mailing(edition, by=None)


def test_workers_are_woken_after_commit_one_task_for_each_chunk(
    edition, woken, django_capture_on_commit_callbacks
):
    Member.objects.bulk_create(
        Member(email=f"m{n}@example.com", state="active", confirmed_at=edition.published_at)
        for n in range(CHUNK + 1)
    )

    with django_capture_on_commit_callbacks(execute=True):
        mailing = open_mailing(edition, by=None)
        assert woken == []

    ids = list(mailing.deliveries.values_list("pk", flat=True))
    assert woken == [(mailing.pk, ids[0], ids[-2]), (mailing.pk, ids[-1], ids[-1])]


def test_an_edition_for_members_only_can_be_mailed():
    make_member()

    mailing = open_mailing(make_published(audience=Audience.MEMBERS), by=None)

    assert mailing.deliveries.count() == 1


def test_without_a_broker_the_mailing_is_open_all_the_same(
    edition, monkeypatch, django_capture_on_commit_callbacks
):
    def fail(*args, **options):
        raise OperationalError("no broker")

    monkeypatch.setattr(send_chunk, "apply_async", fail)
    make_member()

    with django_capture_on_commit_callbacks(execute=True):
        open_mailing(edition, by=None)

    assert Delivery.objects.get().state == DeliveryState.QUEUED


def test_an_entry_still_unpublished_is_in_nobodys_mail():
    tax, trade = Theme.objects.create(name="稅務"), Theme.objects.create(name="貿易")
    edition = make_published({"headline": "甲", "themes": [tax]})
    make_entry(edition, position=2, headline="乙", themes=[trade])
    make_member()
    make_member(themes=[trade])

    open_mailing(edition, by=None)

    assert Delivery.objects.count() == 1
    assert "乙" not in Digest.objects.get().text


def test_who_leaves_while_the_mailing_is_being_opened_has_no_delivery(edition, monkeypatch):
    reader, gone = make_member(), make_member()
    group = opening.group_members

    def group_then_unsubscribe(*args):
        groups = group(*args)
        gone.unsubscribe()
        return groups

    monkeypatch.setattr(opening, "group_members", group_then_unsubscribe)

    open_mailing(edition, by=None)

    assert Delivery.objects.get().member == reader


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_schedule_of_editions_and_a_mailing_do_not_lock_each_other_out():
    """The one holds an edition and opens its mailing, the other is about to."""
    edition = make_published()
    make_member()
    is_locked, is_held = Event(), Event()

    def publish() -> None:
        with transaction.atomic():
            scheduling._lock(edition)
            is_locked.set()
            is_held.wait(2)  # SQLite lets nobody in by then
            open_mailing(edition, by=None)

    def mail() -> None:
        is_locked.wait(20)
        with transaction.atomic():
            DigestSchedule.hold(timezone.now())
            is_held.set()
            time.sleep(0.3)  # for the other to ask for what is held
            open_mailing(edition, by=None)

    def run(act) -> None:
        try:
            act()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(run, publish), pool.submit(run, mail)]:
            done.result(30)

    assert Mailing.objects.count() == 1
