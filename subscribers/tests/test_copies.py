"""What is kept from one claim to the next, and what a claim goes by."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from subscribers.addresses import BadAddress
from subscribers.copies import Copies, DigestsCut
from subscribers.models import Delivery, DeliveryState, Digest, Mailing, Member, mark_sent
from subscribers.tests.makers import claim_all, make_mailing

pytestmark = pytest.mark.django_db


def write_first(mailing_id):
    """As a sender does that comes to it anew."""
    mailing = Mailing.objects.get(pk=mailing_id)
    mailing.deliveries.update(state=DeliveryState.QUEUED, claim=None)
    return Copies(mailing.pk, mailing.woken_at, claim_all(mailing, timezone.now())).write(0).content


def test_what_is_kept_saves_the_next_claim_its_queries(django_assert_num_queries):
    mailing = make_mailing(members=2)
    first = write_first(mailing.pk)
    mailing.deliveries.update(state=DeliveryState.QUEUED)
    claim = claim_all(mailing, timezone.now())

    with django_assert_num_queries(0):
        assert Copies(mailing.pk, mailing.woken_at, claim).write(0).content == first


def test_another_thread_may_cut_the_same_digest_meanwhile(monkeypatch):
    mailing = make_mailing()
    claim = claim_all(mailing, timezone.now())
    find = DigestsCut.find

    def find_before_the_other_adds(cut, digest_id):
        found = find(cut, digest_id)
        if found is None:
            cut.add(mailing.digests.get())
        return found

    monkeypatch.setattr(DigestsCut, "find", find_before_the_other_adds)

    assert Copies(mailing.pk, mailing.woken_at, claim).write(0).content


def test_a_digest_written_anew_is_mailed_as_it_is_now():
    """Retention had emptied it, and somebody missed it."""
    mailing = make_mailing()
    before = write_first(mailing.pk)

    Digest.objects.update(text="新的文字", html="<p>新的文字</p>")
    Mailing.objects.update(woken_at=timezone.now())

    assert write_first(mailing.pk) != before


def test_no_more_is_kept_than_memory_allows(monkeypatch):
    monkeypatch.setattr("subscribers.copies.MOST_CUT", 2)
    mailing = make_mailing(members=5)
    digest = mailing.digests.get()
    for number, delivery in enumerate(mailing.deliveries.order_by("pk")):
        digest.pk, digest.key, digest.text = None, f"{number}", f"第 {number} 種"
        digest.save()
        Delivery.objects.filter(pk=delivery.pk).update(digest=digest.pk)
    claim = claim_all(mailing, timezone.now())

    cut = []
    add = DigestsCut.add
    monkeypatch.setattr(
        DigestsCut, "add", lambda self, digest: cut.append(digest.pk) or add(self, digest)
    )

    copies = Copies(mailing.pk, mailing.woken_at, claim)
    contents = [tuple(copies.write(place).content) for place in range(5)]
    again = [tuple(copies.write(place).content) for place in (4, 0)]

    assert len(set(contents)) == 5
    assert again == [contents[4], contents[0]]
    digests = [one.digest_id for one in claim.deliveries]
    assert cut == [*digests, *digests]  # for the last nothing, for the first all again


def test_what_cannot_be_written_keeps_back_none_of_those_around_it():
    mailing = make_mailing(members=3)
    bad = mailing.deliveries.order_by("pk")[1]
    Delivery.objects.filter(pk=bad.pk).update(email="a@@example.com")
    copies = Copies(mailing.pk, mailing.woken_at, claim_all(mailing, timezone.now()))

    assert copies.write(0).place == 0
    with pytest.raises(BadAddress):
        copies.write(1)
    assert copies.write(2).place == 2


def test_who_paused_until_a_day_can_be_claimed_on_that_day_and_not_before():
    """A worker lives longer than a day."""
    mailing = make_mailing()
    eve = datetime(2026, 11, 29, 23, 59, tzinfo=ZoneInfo("Asia/Hong_Kong"))
    mailing.deliveries.update(not_before=eve - timedelta(days=1))
    Member.objects.update(paused_until=eve.date() + timedelta(days=1))

    assert not claim_all(mailing, eve).deliveries
    assert claim_all(mailing, eve + timedelta(minutes=2)).deliveries


@pytest.mark.parametrize("step", [1, 2, 3, 41])
def test_exactly_what_was_sent_is_marked(step):
    """In a row, with gaps, and with so many gaps that it is done in another way."""
    mailing = make_mailing(members=42)
    keys = list(mailing.deliveries.order_by("pk").values_list("pk", flat=True))
    sent = [key for place, key in enumerate(keys) if place % 20 < 19 and place % step == 0]

    mark_sent(reversed(sent), timezone.now())

    marked = mailing.deliveries.filter(state=DeliveryState.SENT).order_by("pk")
    assert list(marked.values_list("pk", flat=True)) == sent


def test_nothing_sent_marks_nothing():
    mailing = make_mailing(members=2)

    mark_sent([], timezone.now())

    assert not mailing.deliveries.filter(state=DeliveryState.SENT).exists()
