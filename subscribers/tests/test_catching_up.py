"""Sending an edition to those who missed it, and to nobody else."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from briefings.models import Audience, Edition, Theme
from briefings.publishing import publish_edition, withdraw_edition
from briefings.tests.makers import make_published
from subscribers.catching_up import CATCH_UP_WITHIN, catch_up, count_missed, find_hindrance
from subscribers.delivery import send_chunk
from subscribers.models import (
    AttachedPDF,
    Delivery,
    DeliveryState,
    Mailing,
    MailingKind,
    MailingState,
    MailReport,
    Member,
    SteeringAct,
    Suppression,
)
from subscribers.opening import MailingRefused, open_mailing
from subscribers.steering import cancel, pause
from subscribers.tests.makers import (
    at_once,
    make_mail_publisher,
    make_mailing,
    make_member,
    read_message,
)

pytestmark = pytest.mark.django_db

QUEUED, SENT, FAILED = DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.FAILED
SKIPPED, UNKNOWN = DeliveryState.SKIPPED, DeliveryState.UNKNOWN
DAY = timedelta(days=1)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def wong():
    return make_mail_publisher()


def make_done(*states: DeliveryState, **fields) -> Mailing:
    """A mailing that is over, with a copy in each of these states."""
    mailing = make_mailing(members=len(states))
    for delivery, state in zip(mailing.deliveries.all(), states, strict=True):
        Delivery.objects.filter(pk=delivery.pk).update(
            state=state, claimed_at=timezone.now(), **fields
        )
    Mailing.objects.update(state=MailingState.DONE, finished_at=timezone.now())
    mailing.refresh_from_db()
    return mailing


def queued(mailing) -> list[str]:
    return list(mailing.deliveries.filter(state=QUEUED).values_list("email", flat=True))


def suppress(delivery: Delivery, at) -> Suppression:
    report = MailReport.objects.create(
        delivery=delivery, kind="hard", way="imap", message_id="<r@example.com>", received_at=at
    )
    return Suppression.objects.create(
        address=delivery.email, reason="hard", report=report, since=at
    )


# ------------------------------------------------------------------------------ who gets it
def test_who_joined_since_gets_it(relay, wong, now):
    mailing = make_done(SENT)
    new = make_member(name="陳大文")

    assert count_missed(mailing, now) == (0, 1)
    assert catch_up(mailing, wong, now) == 1
    keys = mailing.deliveries.order_by("pk").values_list("pk", flat=True)
    send_chunk(mailing.pk, keys[0], keys[1])

    ((address, source),) = relay.accepted
    assert address == new.email
    assert read_message(source)["Subject"] == mailing.subject
    mailing.refresh_from_db()
    assert mailing.state == MailingState.DONE


def test_what_was_skipped_goes_out_if_the_member_has_come_back(wong, now):
    mailing = make_done(SKIPPED, SENT)

    assert count_missed(mailing, now) == (1, 0)
    assert catch_up(mailing, wong, now) == 1
    assert len(queued(mailing)) == 1
    assert mailing.deliveries.count() == 2


def test_who_still_has_paused_gets_nothing(wong, now):
    mailing = make_done(SKIPPED)
    Member.objects.update(paused_until=(now + 9 * DAY).date())

    with pytest.raises(MailingRefused):
        catch_up(mailing, wong, now)
    mailing.refresh_from_db()
    assert mailing.state == MailingState.DONE


def test_what_failed_goes_to_the_new_address(wong, now):
    mailing = make_done(FAILED)
    Member.objects.update(email="new@example.com", name="李四")

    assert catch_up(mailing, wong, now) == 1
    assert list(mailing.deliveries.values_list("email", "name", "attempts", "reply")) == [
        ("new@example.com", "李四", 0, "")
    ]


def test_what_failed_goes_to_the_same_address_only_when_that_was_mended(wong, now):
    mailing = make_done(FAILED)
    assert count_missed(mailing, now) == (0, 0)

    suppression = suppress(mailing.deliveries.get(), now)
    assert count_missed(mailing, now) == (0, 0)

    Suppression.objects.filter(pk=suppression.pk).update(lifted_at=timezone.now())
    assert count_missed(mailing, now) == (1, 0)


@pytest.mark.parametrize("state", [SENT, UNKNOWN, DeliveryState.SENDING, QUEUED])
def test_who_has_or_may_have_it_gets_no_other(wong, now, state):
    mailing = make_done(state)

    with pytest.raises(MailingRefused):
        catch_up(mailing, wong, now)


def test_what_was_skipped_in_doubt_may_have_come(wong, now):
    assert count_missed(make_done(SKIPPED, in_doubt=True), now) == (0, 0)


def test_who_had_it_all_in_a_digest_gets_no_other(wong, now):
    mailing = make_done(SKIPPED)
    skipped = mailing.deliveries.get()
    other = Mailing.objects.create(
        kind=MailingKind.WEEKLY, sender_email=mailing.sender_email, opened_at=now
    )
    digest = other.digests.create(key="k")
    digest.items.create(entry=skipped.digest.items.get().entry, position=1)
    Delivery.objects.create(
        mailing=other, digest=digest, member=skipped.member, state=SENT, not_before=now
    )

    assert count_missed(mailing, now) == (0, 0)


def test_who_wants_other_themes_gets_nothing(wong, now):
    mailing = make_done(SENT)
    make_member(themes=[Theme.objects.create(name="別的")])

    assert count_missed(mailing, now) == (0, 0)


# ------------------------------------------------------------------------------ what they get
def test_they_get_what_the_others_got(wong, now):
    mailing = make_done(SENT, SKIPPED)
    make_member()
    mailing.digests.update(text="如當時所寄")

    catch_up(mailing, wong, now)

    assert set(mailing.deliveries.values_list("digest__text", flat=True)) == {"如當時所寄"}


def test_in_a_variant_that_nobody_had_it_is_made_anew(wong, now):
    mailing = make_done(SENT)
    make_member(script="hans", wants_pdf=True)

    catch_up(mailing, wong, now)

    assert mailing.digests.count() == 2
    assert AttachedPDF.objects.get().mailing == mailing


def test_what_was_emptied_since_is_filled_again(wong, now):
    mailing = make_done(SENT)
    make_member()
    mailing.digests.update(text="", html="")

    catch_up(mailing, wong, now)

    assert mailing.digests.get().html != ""


# ------------------------------------------------------------------------------ when it can be
def test_a_week_later_it_can_be_but_not_when_it_is_no_news(wong, now):
    mailing = make_done(SENT)

    assert find_hindrance(mailing, now + 7 * DAY) == ""
    assert "14日" in find_hindrance(mailing, now + CATCH_UP_WITHIN + DAY)


@pytest.mark.parametrize("halt", [cancel, lambda mailing, by, now: pause(mailing, by, "", now)])
def test_what_is_under_way_or_cancelled_is_not_caught_up_with(wong, now, halt):
    mailing = make_mailing()
    assert "寄送中" in find_hindrance(mailing, now)

    halt(mailing, wong, now)
    make_member()

    with pytest.raises(MailingRefused):
        catch_up(mailing, wong, now)


def test_a_withdrawn_edition_goes_to_nobody_until_it_is_back(wong, now):
    mailing = make_done(SKIPPED)
    withdraw_edition(mailing.edition)
    with pytest.raises(MailingRefused):
        catch_up(mailing, wong, now)

    publish_edition(Edition.objects.get(), audience=Audience.PUBLIC)

    assert catch_up(mailing, wong, now) == 1


def test_who_caught_up_is_on_record(wong, now):
    mailing = make_done(SKIPPED)

    catch_up(mailing, wong, now)

    assert list(mailing.steering_records.values_list("act", "by", "note")) == [
        (SteeringAct.CAUGHT_UP, wong.pk, "1 份")
    ]


def test_they_are_woken_at_once(woken, wong, now, django_capture_on_commit_callbacks):
    mailing = make_done(SENT)
    make_member()

    with django_capture_on_commit_callbacks(execute=True):
        catch_up(mailing, wong, now)

    last = mailing.deliveries.last()
    assert woken[-1] == (mailing.pk, last.pk, last.pk)


# ------------------------------------------------------------------------------ never twice
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_four_who_press_at_once_send_it_once(relay, woken, wong):
    mailing = make_done(SENT, SKIPPED, SKIPPED)
    make_member()
    make_member()

    def press():
        try:
            return catch_up(Mailing.objects.get(), wong, timezone.now())
        except MailingRefused:
            return 0

    assert sorted(at_once(4, press)) == [0, 0, 0, 4]
    keys = list(mailing.deliveries.values_list("pk", flat=True))
    at_once(4, lambda: send_chunk(mailing.pk, keys[0], keys[-1]))

    addresses = [address for address, _ in relay.accepted]
    assert len(addresses) == len(set(addresses)) == 4


def test_a_second_time_goes_to_nobody(wong, now):
    mailing = make_done(SKIPPED)
    make_member()
    catch_up(mailing, wong, now)
    mailing.deliveries.update(state=SENT)
    Mailing.objects.update(state=MailingState.DONE)

    with pytest.raises(MailingRefused):
        catch_up(mailing, wong, now)


# ------------------------------------------------------------------------------ the page
def test_the_page_says_how_many_and_whom_it_leaves_out(client, wong):
    client.force_login(wong)
    mailing = make_done(SKIPPED, SENT)
    make_member()

    page = client.get(reverse("admin:mailing_catch_up", args=[mailing.pk])).text

    assert "<strong>2</strong> 位會員應收到這一期" in page
    assert "1 位當時略過或失敗" in page
    assert "1 位在發送開始後" in page


def test_by_its_button_it_goes_out(client, wong, woken):
    client.force_login(wong)
    mailing = make_done(SKIPPED)
    change = reverse("admin:subscribers_mailing_change", args=[mailing.pk])
    assert "補寄給錯過的會員" in client.get(change).text

    page = client.post(reverse("admin:mailing_catch_up", args=[mailing.pk]), follow=True).text

    assert "開始補寄給 1 位會員" in page
    assert len(queued(mailing)) == 1


def test_the_page_says_why_it_cannot_be(client, wong):
    client.force_login(wong)
    mailing = make_mailing()

    page = client.get(reverse("admin:mailing_catch_up", args=[mailing.pk])).text

    assert "寄送中，完成後才可補寄" in page
    assert 'type="submit"' not in page.split("content-main")[1]


def test_asking_costs_no_more_for_more_members(wong, now, django_assert_max_num_queries):
    make_member()
    mailing = open_mailing(make_published(number=9), by=None)
    Mailing.objects.update(state=MailingState.DONE)
    for _ in range(20):
        make_member()

    with django_assert_max_num_queries(24):
        assert count_missed(mailing, now) == (0, 20)
