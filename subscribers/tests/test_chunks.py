"""What is asked and told of a chunk, in statements that were put together once."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from subscribers.models import Chunk, Delivery, DeliveryState, Mailing, MailingState, is_unfinished
from subscribers.models.compiled import Argument, Statement
from subscribers.tests.makers import make_mailing

pytestmark = pytest.mark.django_db


@pytest.fixture
def interleaved():
    """The keys of two mailings' deliveries, by turns: a's, b's, a's, b's, …"""
    a, b = make_mailing(members=4), make_mailing(members=0)
    pairs = zip(a.deliveries.order_by("pk"), b.deliveries.order_by("pk"), strict=True)
    rows = [row for pair in pairs for row in pair]
    Delivery.objects.update(id=F("id") + 1000)
    keys = [row.pk + 1000 for row in rows]
    for new, old in enumerate(keys, start=1):
        Delivery.objects.filter(pk=old).update(id=new)
    return a, b


def test_a_claim_takes_what_is_the_mailings_and_within_the_chunk(interleaved):
    a, b = interleaved
    now = timezone.now()

    claimed = [one.pk for one in Chunk(a.pk, 3, 6).claim(now).deliveries]

    assert claimed == [3, 5]
    assert set(b.deliveries.values_list("state", flat=True)) == {DeliveryState.QUEUED}
    assert list(a.deliveries.filter(state=DeliveryState.QUEUED).values_list("pk", flat=True)) == [
        1,
        7,
    ]


def test_a_chunk_waits_as_long_as_one_of_it_may_go_now(interleaved):
    a, b = interleaved
    now = timezone.now()
    Delivery.objects.filter(pk=3).update(not_before=now + timedelta(minutes=1))

    assert Chunk(a.pk, 3, 6).find_standing(now).has_waiting
    Delivery.objects.filter(pk=5).update(state=DeliveryState.SENT)
    assert not Chunk(a.pk, 3, 6).find_standing(now).has_waiting
    assert Chunk(a.pk, 3, 6).find_standing(now + timedelta(minutes=2)).has_waiting
    assert Chunk(b.pk, 3, 6).find_standing(now).has_waiting


def test_a_standing_tells_the_state_and_one_waking_from_another():
    mailing = make_mailing()
    chunk, now = Chunk(mailing.pk, 0, 0), timezone.now()
    before = chunk.find_standing(now)
    Mailing.objects.update(state=MailingState.PAUSED, woken_at=now + timedelta(seconds=1))

    after = chunk.find_standing(now)

    assert (before.state, after.state) == (MailingState.SENDING, MailingState.PAUSED)
    assert after.woken_at != before.woken_at
    assert after == chunk.find_standing(now)


def test_there_is_no_standing_of_what_is_gone():
    with pytest.raises(Mailing.DoesNotExist):
        Chunk(4711, 1, 2).find_standing(timezone.now())


def test_what_nobody_wants_is_skipped_within_the_chunk_only(interleaved):
    a, b = interleaved
    for mailing in (a, b):
        mailing.deliveries.update(member=None)  # they were deleted

    Chunk(a.pk, 3, 6).skip_unwanted(timezone.now())

    skipped = Delivery.objects.filter(state=DeliveryState.SKIPPED)
    assert list(skipped.values_list("pk", flat=True)) == [3, 5]


def test_a_mailing_is_unfinished_until_all_of_it_is_settled(interleaved):
    a, b = interleaved
    a.deliveries.filter(pk__lt=7).update(state=DeliveryState.SENT)

    assert is_unfinished(a.pk)
    a.deliveries.update(state=DeliveryState.FAILED)
    assert not is_unfinished(a.pk)
    assert is_unfinished(b.pk)


def test_a_statement_is_told_its_arguments_each_time():
    mailing = make_mailing(members=2)
    first, second = mailing.deliveries.order_by("pk")
    key = Argument("key", Delivery._meta.get_field("id"))
    statement = Statement(Delivery.objects.filter(pk=key).values_list("email").query)

    assert [statement.execute(key=one.pk)[0][0] for one in (first, second, first)] == [
        first.email,
        second.email,
        first.email,
    ]
    with pytest.raises(KeyError):
        statement.execute()


def test_a_query_that_can_match_nothing_is_no_statement():
    with pytest.raises(ValueError, match="nothing"):
        Statement(Delivery.objects.filter(pk__in=[]).query)
