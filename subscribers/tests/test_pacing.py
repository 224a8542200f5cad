from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from subscribers.models import Delivery, DeliveryState
from subscribers.pacing import WINDOW, plan, reserve
from subscribers.tests.makers import at_once, claim_all, make_mailing

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0)


def claim(mailing):
    return claim_all(mailing, timezone.now()).deliveries


def test_without_a_rate_all_go_at_once_and_nothing_is_asked(django_assert_num_queries):
    deliveries = claim(make_mailing(members=3))

    with django_assert_num_queries(0):
        assert plan(deliveries, NOW) == (dict.fromkeys(range(3), NOW), {})


def test_moments_follow_each_other_at_the_rate():
    moments, following = reserve("qq.com", 3, 60, NOW)

    assert moments == [NOW + timedelta(seconds=second) for second in range(3)]
    assert following == NOW + timedelta(seconds=3)
    assert reserve("qq.com", 1, 60, NOW)[0] == [following]
    assert reserve("163.com", 1, 60, NOW)[0] == [NOW]


def test_nobody_waits_longer_than_the_window():
    fitting = WINDOW // timedelta(minutes=1) + 1

    moments, following = reserve("qq.com", 10, 1, NOW)

    assert len(moments) == fitting
    assert reserve("qq.com", 1, 1, NOW) == ([], following)


def test_a_rate_that_was_not_used_is_not_made_up_for():
    reserve("qq.com", 5, 60, NOW)
    later = NOW + timedelta(hours=1)

    assert reserve("qq.com", 2, 60, later)[0] == [later, later + timedelta(seconds=1)]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_workers_at_once_share_a_rate():
    def work():
        try:
            return reserve("qq.com", 5, 60, NOW)[0]
        finally:
            connection.close()

    moments = sorted(moment for part in at_once(4, work) for moment in part)

    assert moments == [NOW + timedelta(seconds=second) for second in range(20)]


def test_a_domain_with_a_rate_does_not_hold_up_the_others(settings):
    settings.DOMAIN_RATES = {"example.com": 1}
    mailing = make_mailing(members=5)
    mailing.deliveries.filter(pk=mailing.deliveries.first().pk).update(email="a@EXAMPLE.org")

    starts, put_back = plan(claim(mailing), NOW)

    assert starts[0] == NOW
    assert sorted(starts) == [0, 1, 2, 3]
    assert put_back == {4: NOW + timedelta(minutes=3)}


def test_what_the_rate_has_no_room_for_is_put_back_and_counts_as_no_try(relay, settings):
    from subscribers.delivery import send_chunk

    settings.SEND_RATE = 0.4  # the second only after two and a half minutes
    mailing = make_mailing(members=2)
    first, second = mailing.deliveries.all()

    send_chunk(mailing.pk, first.pk, second.pk)

    second.refresh_from_db()
    assert [address for address, _ in relay.accepted] == [first.email]
    assert (second.state, second.attempts) == (DeliveryState.QUEUED, 0)
    assert second.not_before > timezone.now() + WINDOW
    assert not Delivery.objects.due(timezone.now()).exists()
