"""What a person decides of copies of which nobody knows whether they went out."""

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse
from django.utils import timezone

from subscribers.messages import make_message_id
from subscribers.models import (
    Delivery,
    DeliveryState,
    Mailing,
    MailingState,
    MailReport,
    RecordedKind,
    SteeringAct,
)
from subscribers.settling import send_unsettled_again, take_as_sent, take_as_unsent
from subscribers.steering import cancel
from subscribers.tests.makers import at_once, make_mail_publisher, make_mailing

pytestmark = pytest.mark.django_db

QUEUED, SENT, SKIPPED = DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.SKIPPED
UNKNOWN = DeliveryState.UNKNOWN


def make_manager() -> User:
    """Sees whose copies they are, and settles them."""
    user = User.objects.create_user("ho", is_staff=True)
    user.groups.add(Group.objects.get(name="會員管理員"))
    return user


@pytest.fixture
def manager(client):
    ho = make_manager()
    client.force_login(ho)
    return ho


def make_held(members: int = 1) -> Mailing:
    """Finished but for what nobody knows."""
    mailing = make_mailing(members=members)
    mailing.deliveries.update(
        state=UNKNOWN, claimed_at=timezone.now(), attempts=2, reply="Connection unexpectedly closed"
    )
    Mailing.objects.filter(pk=mailing.pk).update(state=MailingState.DONE)
    return mailing


def states(mailing):
    return list(mailing.deliveries.values_list("state", flat=True))


def acts(mailing):
    return list(mailing.steering_records.values_list("act", "by__username", "note", "delivery"))


def page_of(mailing):
    return reverse("admin:mailing_undecided", args=[mailing.pk])


# ------------------------------------------------------------------------------------- settling
def test_who_took_one_as_sent_is_on_record():
    mailing = make_held(2)
    one, _ = mailing.deliveries.all()

    count = take_as_sent(Delivery.objects.filter(pk=one.pk), make_manager(), timezone.now())

    assert (count, states(mailing)) == (1, [SENT, UNKNOWN])
    assert acts(mailing) == [(SteeringAct.TAKEN_AS_SENT, "ho", "1 份", one.pk)]


def test_all_at_once_is_one_record_in_each_mailing():
    mailings = [make_held(2), make_held(3)]

    count = take_as_sent(Delivery.objects.all(), make_manager(), timezone.now())

    assert count == 7  # the second goes to the members of the first as well
    assert [acts(mailing)[0][2:] for mailing in mailings] == [("2 份", None), ("5 份", None)]


def test_what_is_sent_again_may_have_come_before(woken):
    mailing = make_held()

    send_unsettled_again(mailing.deliveries.all(), make_manager(), timezone.now())

    delivery = mailing.deliveries.get()
    assert (delivery.state, delivery.attempts, delivery.in_doubt) == (QUEUED, 0, True)
    assert acts(mailing) == [(SteeringAct.SENT_AGAIN, "ho", "1 份", delivery.pk)]


def test_what_is_settled_is_not_settled_otherwise():
    mailing, ho = make_held(), make_manager()
    take_as_sent(mailing.deliveries.all(), ho, timezone.now())

    assert send_unsettled_again(mailing.deliveries.all(), ho, timezone.now()) == 0
    assert take_as_unsent(mailing.deliveries.all(), ho, timezone.now()) == 0
    assert len(acts(mailing)) == 1


def test_only_of_a_cancelled_mailing_something_is_taken_as_unsent():
    going, cancelled, ho = make_held(), make_held(), make_manager()
    Mailing.objects.filter(pk=cancelled.pk).update(state=MailingState.SENDING)
    cancel(cancelled, ho, timezone.now())

    assert take_as_unsent(Delivery.objects.all(), ho, timezone.now()) == 2
    assert (states(going), states(cancelled)) == ([UNKNOWN], [SKIPPED] * 2)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_four_who_settle_differently_at_once_one_does(woken):
    mailing, ho = make_held(), make_manager()
    ways = iter([take_as_sent, send_unsettled_again] * 2)

    did = at_once(4, lambda: next(ways)(Delivery.objects.all(), ho, timezone.now()))

    assert sorted(did) == [0, 0, 0, 1]
    assert len(acts(mailing)) == 1


# ------------------------------------------------------------------------------------- the page
def test_the_page_names_each_with_what_is_known(client, manager):
    mailing = make_held(2)
    one, other = mailing.deliveries.all()
    MailReport.objects.create(
        delivery=one,
        member=one.member,
        kind=RecordedKind.SOFT,
        text="mailbox full",
        way="imap",
        message_id="<r@example.com>",
        received_at=timezone.now(),
    )

    page = client.get(page_of(mailing)).text

    assert all(
        told in page
        for told in (one.email, other.email, "第 2 次", "Connection unexpectedly closed")
    )
    assert "暫時退信（退信信箱）：mailbox full" in page
    assert make_message_id(one.pk, mailing).strip("<>") in page


def test_one_is_settled_by_its_button(client, manager):
    mailing = make_held(2)
    one, _ = mailing.deliveries.all()

    client.post(page_of(mailing), {"which": one.pk, "as": "sent"})

    assert states(mailing) == [SENT, UNKNOWN]


def test_all_are_sent_again_by_one_button(client, manager, woken):
    mailing = make_held(3)

    page = client.post(page_of(mailing), {"which": "all", "as": "again"}, follow=True).text

    assert states(mailing) == [QUEUED] * 3
    assert "3 份將再寄一次" in page
    assert "沒有結果不明的" in page


def test_another_mailings_copy_is_not_settled_from_this_page(client, manager):
    mine, other = make_held(), make_held()

    client.post(page_of(mine), {"which": other.deliveries.first().pk, "as": "sent"})

    assert states(other) == [UNKNOWN] * 2


@pytest.mark.parametrize("which", ["", "x", "9" * 40, "-1"])
def test_a_form_made_by_hand_settles_nothing(client, manager, which):
    mailing = make_held()

    assert client.post(page_of(mailing), {"which": which, "as": "sent"}).status_code == 302
    assert states(mailing) == [UNKNOWN]


def test_a_cancelled_mailings_are_taken_as_sent_or_unsent(client, manager):
    mailing = make_held()
    Mailing.objects.update(state=MailingState.CANCELLED)

    page = client.get(page_of(mailing)).text
    client.post(page_of(mailing), {"which": "all", "as": "unsent"})

    assert 'value="again"' not in page
    assert states(mailing) == [SKIPPED]


def test_a_page_holds_fifty_with_no_query_for_each(client, manager, django_assert_max_num_queries):
    mailing = make_held(51)

    with django_assert_max_num_queries(12):
        page = client.get(page_of(mailing)).text

    assert page.count("郵件編號</dt>") == 50
    assert "第 1 頁，共 2 頁" in page


def test_who_sees_no_addresses_sees_how_many_and_no_more(client):
    client.force_login(make_mail_publisher())
    mailing = make_held()

    address = reverse("admin:subscribers_mailing_change", args=[mailing.pk])

    assert "undecided" not in client.get(address).text
    assert client.get(page_of(mailing)).status_code == 403


def test_the_record_names_the_member_to_who_may_know(client, manager):
    mailing = make_held()
    client.post(page_of(mailing), {"which": "all", "as": "sent"})
    address = reverse("admin:subscribers_mailing_change", args=[mailing.pk])
    told = f"結果不明的當作已寄出：{mailing.deliveries.get().email}"

    assert told in client.get(address).text
    client.force_login(make_mail_publisher())
    assert told not in client.get(address).text
