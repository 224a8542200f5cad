"""What is kept from one claim to the next, and what a claim goes by."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from subscribers import segments
from subscribers.addresses import BadAddress
from subscribers.copies import Copies, DigestsCut
from subscribers.messages import build_message
from subscribers.models import Chunk, Delivery, DeliveryState, Digest, Mailing, Member, mark_sent
from subscribers.tests.makers import claim_all, make_mailing
from subscribers.tests.test_segments import parse

pytestmark = pytest.mark.django_db


def copy_all(mailing):
    woken_at = Chunk(mailing.pk, 0, 0).find_standing(timezone.now()).woken_at
    return Copies(mailing.pk, woken_at, claim_all(mailing, timezone.now()))


def write_first(mailing_id):
    """As a sender does that comes to it anew."""
    Delivery.objects.filter(mailing=mailing_id).update(state=DeliveryState.QUEUED, claim=None)
    return copy_all(Mailing.objects.get(pk=mailing_id)).write(0).content


def test_what_is_kept_saves_the_next_claim_its_queries(django_assert_num_queries):
    mailing = make_mailing(members=2)
    first = write_first(mailing.pk)
    mailing.deliveries.update(state=DeliveryState.QUEUED)
    copies = copy_all(mailing)

    with django_assert_num_queries(0):
        assert copies.write(0).content == first


def test_another_thread_may_cut_the_same_digest_meanwhile(monkeypatch):
    mailing = make_mailing()
    copies = copy_all(mailing)
    find = DigestsCut.find

    def find_before_the_other_adds(cut, digest_id):
        found = find(cut, digest_id)
        if found is None:
            cut.add(mailing.digests.get())
        return found

    monkeypatch.setattr(DigestsCut, "find", find_before_the_other_adds)

    assert copies.write(0).content


def test_a_digest_written_anew_is_mailed_as_it_is_now():
    """Retention had emptied it, and somebody missed it."""
    mailing = make_mailing()
    before = write_first(mailing.pk)

    Digest.objects.update(text="新的文字", html="<p>新的文字</p>")
    Mailing.objects.update(woken_at=timezone.now())

    assert write_first(mailing.pk) != before


def give_each_a_digest(mailing: Mailing) -> None:
    digest = mailing.digests.get()
    for number, delivery in enumerate(mailing.deliveries.order_by("pk")):
        digest.pk, digest.key, digest.text = None, f"{number}", f"第 {number} 種"
        digest.save()
        Delivery.objects.filter(pk=delivery.pk).update(digest=digest.pk)


def test_no_more_is_kept_than_memory_allows(monkeypatch):
    monkeypatch.setattr("subscribers.copies.MOST_CUT", 2)
    mailing = make_mailing(members=5)
    give_each_a_digest(mailing)
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
    assert cut == [*digests, digests[0]]


def give_each_much_in_common(mailing: Mailing) -> None:
    """Texts that share paragraphs, and subjects of some lines."""
    paragraphs = [f"{word * 103}\n" for word in "甲乙丙丁"]
    give_each_a_digest(mailing)
    for number, digest in enumerate(mailing.digests.order_by("pk")):
        chosen = "".join(paragraphs[number % 3 :])
        digest.subject = f"主旨之{number}，" * (number + 1) * 4
        digest.text = f"[[greeting]]\n{chosen}[[mail]]\n{number}"
        digest.html = f"<p>[[greeting]]</p>\n{chosen}<a href='[[mail]]'>{number}</a>"
        digest.save()


def test_what_digests_have_in_common_is_cut_once(monkeypatch):
    """Each has a subject of its own, as those of members who chose differently do."""
    mailing = make_mailing(members=5)
    give_each_much_in_common(mailing)
    frames = []
    cut_frame = segments._cut_frame
    monkeypatch.setattr(
        segments, "_cut_frame", lambda *of: frames.append(cut_frame(*of)) or frames[-1]
    )

    copies = copy_all(mailing)
    contents = [copies.write(place).content for place in range(5)]

    assert len(frames) == 1
    blocks = [{id(piece) for piece in content if len(piece) > 300} for content in contents]
    assert blocks[0] & blocks[3], "what is at the same place in both"


def test_a_copy_is_what_it_would_be_alone_whatever_was_cut_before(monkeypatch):
    monkeypatch.setattr("subscribers.copies.MOST_CUT", 2)
    monkeypatch.setattr("subscribers.body_parts._MOST_KEPT", 500)
    mailing = make_mailing(members=5)
    give_each_much_in_common(mailing)
    claim = claim_all(mailing, timezone.now())
    copies = Copies(mailing.pk, None, claim)

    for place in (0, 1, 2, 3, 4, 1, 0):
        content = b"".join(copies.write(place).content)
        delivery = Delivery.objects.get(pk=claim.deliveries[place].pk)
        alone = segments.SegmentedMessage(delivery.digest, segments.Common(mailing))
        assert content == b"".join(alone.write(place, claim.deliveries[place]).content)
        message = build_message(delivery, delivery.digest, mailing).message()
        assert parse(content) == parse(message.as_bytes(linesep="\r\n"))


def test_what_cannot_be_written_keeps_back_none_of_those_around_it():
    mailing = make_mailing(members=3)
    bad = mailing.deliveries.order_by("pk")[1]
    Delivery.objects.filter(pk=bad.pk).update(email="a@@example.com")
    copies = copy_all(mailing)

    assert copies.write(0).place == 0
    with pytest.raises(BadAddress):
        copies.write(1)
    assert copies.write(2).place == 2


def test_whatever_order_they_are_asked_for_in_each_is_what_it_would_be_alone(monkeypatch):
    monkeypatch.setattr("subscribers.copies.AHEAD", 3)
    mailing = make_mailing(members=9)
    claim = claim_all(mailing, timezone.now())
    copies = Copies(mailing.pk, None, claim)
    order = (4, 0, 5, 3, 8, 1, 2, 7, 6, 4)

    written = [copies.write(place) for place in order]

    alone = [Copies(mailing.pk, None, claim).write(place) for place in range(9)]
    assert written == [alone[place] for place in order]


def test_a_digest_is_not_cut_before_its_turn(monkeypatch):
    """Whoever waits for a copy waits for one digest at most."""
    mailing = make_mailing(members=3)
    digest, last = mailing.digests.get(), mailing.deliveries.order_by("pk")[2]
    digest.pk, digest.key = None, "other"
    digest.save()
    Delivery.objects.filter(pk=last.pk).update(digest=digest)
    copies, cut, add = copy_all(mailing), [], DigestsCut.add
    monkeypatch.setattr(DigestsCut, "add", lambda self, new: cut.append(new) or add(self, new))

    copies.write(0)
    copies.write(1)
    assert len(cut) == 1
    copies.write(2)
    assert cut[1:] == [digest]


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
    """In a row, with gaps, and with many."""
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
