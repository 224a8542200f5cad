"""Opening digests on the database, and sending them to a real SMTP server."""

from datetime import date, datetime, timedelta

import pytest
from django.utils import timezone

from briefings.models import Audience, Theme
from briefings.publishing import withdraw_entry
from briefings.tests.makers import make_published
from subscribers.delivery import send_again, send_chunk
from subscribers.digest_days import (
    find_coming_day,
    find_readers,
    group_readers,
    list_offers,
    open_digest,
    open_due_digests,
    skip_digest,
)
from subscribers.models import (
    Delivery,
    DeliveryState,
    Digest,
    DigestDay,
    DigestDayState,
    DigestKind,
    DigestSchedule,
    Mailing,
    Member,
)
from subscribers.opening import MailingRefused, open_mailing
from subscribers.sending_days import HONG_KONG
from subscribers.tests.makers import at_once, make_member, read_message

pytestmark = pytest.mark.django_db

WEEKLY, MONTHLY = DigestKind.WEEKLY, DigestKind.MONTHLY
FRIDAY = datetime(2026, 11, 27, 9, tzinfo=HONG_KONG)
DAY = timedelta(days=1)


@pytest.fixture
def scheduled():
    """Digests are sent since the summer."""
    for kind in DigestKind:
        DigestSchedule.objects.create(kind=kind, since=FRIDAY - 100 * DAY)


def make_reader(**fields):
    """A weekly one, who joined the month before."""
    return make_member(**{"frequency": WEEKLY, "confirmed_at": FRIDAY - 30 * DAY} | fields)


def publish(*entries, ago=DAY, **fields):
    """A while before Friday."""
    edition = make_published(*entries, date=(FRIDAY - ago).date(), **fields)
    type(edition).objects.filter(pk=edition.pk).update(published_at=FRIDAY - ago)
    edition.refresh_from_db()
    return edition


def list_headlines(delivery):
    return [item.entry.headline for item in delivery.digest.items.select_related("entry")]


def test_a_digest_gathers_editions_the_newest_first_and_their_entries_in_order(scheduled):
    make_reader()
    publish({"headline": "甲"}, {"headline": "乙"}, number=1, ago=5 * DAY)
    publish({"headline": "丙"}, number=2)

    open_due_digests(FRIDAY)

    assert list_headlines(Delivery.objects.get()) == ["丙", "甲", "乙"]


def test_a_sweep_that_comes_again_opens_no_second(scheduled):
    make_reader()
    publish()

    open_due_digests(FRIDAY)
    open_due_digests(FRIDAY + timedelta(minutes=1))

    assert Mailing.objects.get().kind == WEEKLY
    assert Delivery.objects.count() == 1


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_four_workers_at_once_open_one(scheduled, woken):
    make_reader()
    publish()

    at_once(4, lambda: open_due_digests(FRIDAY))

    assert Mailing.objects.count() == DigestDay.objects.filter(kind=WEEKLY).count() == 1
    assert Delivery.objects.count() == 1
    assert len(woken) == 1


def test_a_worker_killed_half_way_leaves_nothing_and_the_next_sweep_does_it(scheduled, monkeypatch):
    make_reader()
    publish()
    with monkeypatch.context() as patch:
        patch.setattr("subscribers.digest_days.write_deliveries", lambda *args: 1 / 0)
        open_due_digests(FRIDAY)
        assert not Mailing.objects.exists()
        assert not DigestDay.objects.filter(kind=WEEKLY).exists()

    open_due_digests(FRIDAY + timedelta(minutes=1))

    assert Delivery.objects.count() == 1


def test_nothing_is_sent_when_there_is_nothing(scheduled):
    make_reader()

    open_due_digests(FRIDAY)

    assert not Mailing.objects.exists()
    assert DigestDay.objects.get(kind=WEEKLY).state == DigestDayState.NOTHING


def test_weeks_that_were_missed_are_made_up_for_once(scheduled):
    make_reader()
    publish()

    open_due_digests(FRIDAY + 15 * DAY)  # a Saturday, three Fridays late

    assert Mailing.objects.filter(kind=WEEKLY).count() == 1
    assert DigestDay.objects.get(kind=WEEKLY).due_on == date(2026, 12, 11)


def test_what_is_late_is_not_sent_on_a_sunday(scheduled):
    make_reader()
    publish()

    open_due_digests(FRIDAY + 2 * DAY)
    assert not Mailing.objects.exists()
    open_due_digests(FRIDAY + 3 * DAY)

    assert Mailing.objects.count() == 1


def test_what_was_due_before_digests_were_sent_at_all_was_not_missed():
    make_reader()
    publish()

    open_due_digests(FRIDAY + timedelta(minutes=1))

    assert not DigestDay.objects.exists()
    assert find_coming_day(WEEKLY, FRIDAY + timedelta(minutes=2)) == date(2026, 12, 4)


def test_one_digest_for_each_choice_that_occurs_however_many_members(scheduled):
    tax, trade = Theme.objects.create(name="稅務"), Theme.objects.create(name="貿易")
    publish({"headline": "甲", "themes": [tax]}, number=1, ago=2 * DAY)
    publish({"headline": "乙", "themes": [trade]}, number=2)
    for themes in ([], [], [tax, trade], [tax], [tax]):
        make_reader(themes=themes)

    open_due_digests(FRIDAY)

    assert Digest.objects.count() == 2
    assert Delivery.objects.count() == 5


def test_ten_members_cost_the_queries_of_one(scheduled, django_assert_max_num_queries):
    publish({}, {}, number=1)
    for _ in range(10):
        make_reader(themes=[Theme.objects.create(name="稅務")] if _ == 0 else [])

    with django_assert_max_num_queries(42):
        open_digest(WEEKLY, FRIDAY.date(), FRIDAY)


def test_what_came_with_an_edition_is_not_in_a_digest(scheduled):
    member = make_reader(frequency="every")
    edition = publish({"headline": "甲"}, number=1)
    open_mailing(edition, by=None, now=FRIDAY - DAY / 2)
    member.change_frequency(WEEKLY, FRIDAY - DAY / 3)
    publish({"headline": "乙"}, number=2, ago=DAY / 4)

    open_due_digests(FRIDAY)

    assert list_headlines(Delivery.objects.latest("pk")) == ["乙"]


def test_what_came_in_a_digest_does_not_come_with_its_edition(scheduled):
    member = make_reader()
    edition = publish()
    open_due_digests(FRIDAY)
    member.change_frequency("every", FRIDAY + DAY)

    with pytest.raises(MailingRefused, match="沒有會員"):
        open_mailing(edition, by=None, now=FRIDAY + 2 * DAY)


def test_what_failed_comes_again_with_the_next(scheduled):
    make_reader()
    publish({"headline": "甲"}, number=1)
    open_due_digests(FRIDAY)
    Delivery.objects.update(state=DeliveryState.FAILED)

    open_due_digests(FRIDAY + 7 * DAY)

    assert list_headlines(Delivery.objects.latest("pk")) == ["甲"]


def test_what_came_again_is_not_sent_again_by_hand(scheduled):
    make_reader()
    publish()
    open_due_digests(FRIDAY)
    Delivery.objects.update(state=DeliveryState.FAILED)
    open_due_digests(FRIDAY + 7 * DAY)

    assert Delivery.objects.all().requeue_unsettled(timezone.now()) == 0


def test_of_two_copies_that_failed_with_the_same_in_them_the_newer_is_sent_again(scheduled):
    make_reader()
    publish(number=1)
    open_due_digests(FRIDAY)
    Delivery.objects.update(state=DeliveryState.FAILED)
    open_due_digests(FRIDAY + 7 * DAY)
    Delivery.objects.update(state=DeliveryState.FAILED)

    assert send_again(Delivery.objects.all(), timezone.now()) == 1

    older, newer = Delivery.objects.order_by("mailing__opened_at")
    assert (older.state, newer.state) == (DeliveryState.FAILED, DeliveryState.QUEUED)


def test_who_pauses_while_a_digest_is_opened_gets_it_later(scheduled, monkeypatch):
    member = make_reader()
    publish()

    def group_while_they_pause(*args):
        Member.objects.update(paused_until=(FRIDAY + 3 * DAY).date())
        return group_readers(*args)

    monkeypatch.setattr("subscribers.digest_days.group_readers", group_while_they_pause)
    open_due_digests(FRIDAY)
    monkeypatch.undo()
    assert not Delivery.objects.exists()

    open_due_digests(FRIDAY + 7 * DAY)

    assert Delivery.objects.get().member == member


def test_a_theme_that_is_chosen_brings_no_back_catalogue(scheduled):
    tax, trade = Theme.objects.create(name="稅務"), Theme.objects.create(name="貿易")
    member = make_reader(themes=[tax])
    publish({"headline": "舊", "themes": [trade]}, number=1)
    open_due_digests(FRIDAY)
    member.themes.add(trade)
    publish({"headline": "新", "themes": [trade]}, number=2, ago=-DAY)

    open_due_digests(FRIDAY + 7 * DAY)

    assert list_headlines(Delivery.objects.get()) == ["新"]


def test_a_members_first_edition_counts_from_its_publication(scheduled):
    make_reader()
    edition = make_published(
        audience=Audience.MEMBERS, public_from=FRIDAY + 5 * DAY, date=FRIDAY.date()
    )
    type(edition).objects.update(published_at=FRIDAY - DAY)

    open_due_digests(FRIDAY)

    assert Delivery.objects.count() == 1


def test_what_is_withdrawn_before_it_is_sent_goes_to_nobody(scheduled, relay):
    make_reader()
    edition = publish({"headline": "甲"}, {"headline": "乙"}, number=1)
    open_due_digests(FRIDAY)
    withdraw_entry(edition.entries.get(headline="乙"), note="有誤")
    delivery = Delivery.objects.get()

    send_chunk(delivery.mailing_id, delivery.pk, delivery.pk)

    delivery.refresh_from_db()
    assert (delivery.state, delivery.reply) == (DeliveryState.SKIPPED, "其中有短評已撤回")
    assert relay.accepted == []


def test_the_rest_of_it_comes_with_the_next(scheduled):
    make_reader()
    edition = publish({"headline": "甲"}, {"headline": "乙"}, number=1)
    open_due_digests(FRIDAY)
    withdraw_entry(edition.entries.get(headline="乙"), note="有誤")
    Delivery.objects.all().skip_unwanted(timezone.now())

    open_due_digests(FRIDAY + 7 * DAY)

    assert list_headlines(Delivery.objects.latest("pk")) == ["甲"]


def test_a_digest_arrives_with_the_headers_of_every_mailing(scheduled, relay):
    member = make_reader(name="陳大文")
    publish({"headline": "甲"}, number=1)
    open_due_digests(FRIDAY)
    delivery = Delivery.objects.get()

    send_chunk(delivery.mailing_id, delivery.pk, delivery.pk)

    ((address, source),) = relay.accepted
    message = read_message(source)
    assert address == member.email
    assert message["Subject"] == "政策短評 每週摘要：甲"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "/unsubscribe/" in message["List-Unsubscribe"]
    assert "陳大文，您好：" in message.get_body(("plain",)).get_content()


def test_who_unsubscribes_after_the_opening_gets_nothing(scheduled, relay):
    member = make_reader()
    publish()
    open_due_digests(FRIDAY)
    member.unsubscribe()
    delivery = Delivery.objects.get()

    send_chunk(delivery.mailing_id, delivery.pk, delivery.pk)

    assert relay.accepted == []
    assert Delivery.objects.get().state == DeliveryState.SKIPPED


def test_a_digest_sent_early_takes_the_place_of_its_day(scheduled, admin_user):
    make_reader()
    publish()
    early = FRIDAY - DAY / 2
    DigestSchedule.objects.update(since=FRIDAY - 2 * DAY)
    due_on = find_coming_day(WEEKLY, early)

    day = open_digest(WEEKLY, due_on, early, by=admin_user)
    open_due_digests(FRIDAY)

    assert (day.due_on, day.settled_by) == (FRIDAY.date(), admin_user)
    assert Delivery.objects.count() == 1


def test_nothing_is_no_reason_to_send_early(scheduled, admin_user):
    make_reader()

    with pytest.raises(MailingRefused, match="沒有會員"):
        open_digest(WEEKLY, FRIDAY.date(), FRIDAY - DAY, by=admin_user)

    assert not DigestDay.objects.exists()


def test_what_was_skipped_comes_with_the_next(scheduled, admin_user):
    make_reader()
    publish({"headline": "甲"}, number=1)
    skip_digest(WEEKLY, FRIDAY.date(), FRIDAY - DAY, by=admin_user)

    open_due_digests(FRIDAY)
    assert not Mailing.objects.filter(kind=WEEKLY).exists()
    open_due_digests(FRIDAY + 7 * DAY)

    assert list_headlines(Delivery.objects.get()) == ["甲"]


def test_a_monthly_digest_goes_out_on_the_first_sending_day(scheduled):
    make_reader(frequency=MONTHLY, confirmed_at=FRIDAY - DAY)
    publish(ago=DAY / 2)
    DigestSchedule.objects.filter(kind=MONTHLY).update(since=FRIDAY)

    open_due_digests(datetime(2026, 12, 1, 9, tzinfo=HONG_KONG))

    assert DigestDay.objects.get(kind=MONTHLY).due_on == date(2026, 12, 1)
    assert Delivery.objects.count() == 1


def test_readers_and_offers_cost_the_same_however_many(scheduled, django_assert_num_queries):
    for number in (1, 2, 3):
        publish({}, {}, number=number)
        make_reader()

    with django_assert_num_queries(7):
        group_readers(WEEKLY, list_offers(FRIDAY), find_readers(WEEKLY, FRIDAY), FRIDAY)
