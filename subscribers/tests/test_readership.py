"""Who would get an edition, who would not, and why: everybody who has not left, once."""

from datetime import timedelta
from itertools import product

import pytest
from django.utils import timezone

from briefings.models import Theme
from briefings.tests.makers import make_draft, make_published
from subscribers.digest_days import open_digest
from subscribers.models import (
    DigestKind,
    Frequency,
    MailReport,
    Member,
    MemberState,
    Suppression,
)
from subscribers.opening import open_mailing
from subscribers.readership import count_readership
from subscribers.tests.makers import make_member

pytestmark = pytest.mark.django_db


def suppress(member):
    report = MailReport.objects.create(
        member=member, kind="hard", way="imap", message_id=member.email, received_at=timezone.now()
    )
    Suppression.objects.create(
        address=member.email, reason="hard", report=report, since=timezone.now()
    )


@pytest.fixture
def themes(db):
    return [Theme.objects.create(name=name) for name in ("稅務", "貿易", "土地")]


@pytest.fixture
def edition(themes):
    tax, trade, _ = themes
    return make_published({"themes": [tax]}, {"themes": [trade]}, number=1)


def test_everybody_stands_in_one_group_whatever_is_true_of_them(edition, themes):
    tomorrow = timezone.localdate() + timedelta(days=1)
    for state, frequency, paused_until, is_suppressed, chosen in product(
        MemberState.values, Frequency.values, (None, tomorrow), (False, True), (None, 0, 2)
    ):
        member = make_member(
            state=state,
            frequency=frequency,
            paused_until=paused_until,
            themes=[] if chosen is None else [themes[chosen]],
        )
        if is_suppressed:
            suppress(member)

    readership = count_readership(edition)

    assert readership.total == Member.objects.exclude(state=MemberState.UNSUBSCRIBED).count()
    assert (readership.whole, readership.part) == (1, 1)
    assert readership.gets_it == open_mailing(edition, by=None).deliveries.count()
    assert dict(readership.left_out) == {
        "未確認訂閱": 48,
        "因退信或投訴已停止寄送": 24,
        "選了「暫停寄送」": 6,
        "暫停至某日": 9,
        "選了「每週摘要」": 3,
        "選了「每月摘要」": 3,
        "未選這一期的主題": 1,
    }


def test_who_had_it_in_a_digest_is_told_apart_from_who_wants_other_themes(edition, themes):
    now = timezone.now() + timedelta(minutes=1)
    joined = timezone.now() - timedelta(days=3)
    weekly = make_member(frequency=Frequency.WEEKLY, confirmed_at=joined)
    make_member(themes=[themes[2]])
    open_digest(DigestKind.WEEKLY, timezone.localdate(), now)
    weekly.change_frequency(Frequency.EVERY_EDITION, now)

    readership = count_readership(edition, now)

    assert dict(readership.left_out) == {"未選這一期的主題": 1, "已在摘要收過": 1}


def test_it_takes_few_queries_however_many_members(edition, django_assert_max_num_queries):
    for _ in range(30):
        make_member()
    count_readership(edition)

    with django_assert_max_num_queries(14):
        assert count_readership(edition).whole == 30


def test_a_draft_without_entries_is_for_nobody(db):
    make_member()
    draft = make_draft()
    draft.entries.all().delete()

    assert count_readership(draft).gets_it == 0
