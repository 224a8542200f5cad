"""A confirmation that was asked for is sent, once, though broker or relay be away for a while."""

from datetime import timedelta

import pytest
from django.utils import timezone

from subscribers.confirmations import send_confirmation, wake_confirmations
from subscribers.models import Member, MemberState
from subscribers.tests.makers import make_member

pytestmark = pytest.mark.django_db


def make_asking(**fields):
    """Somebody whose confirmation was asked for ten minutes ago and not sent."""
    asked_at = timezone.now() - timedelta(minutes=10)
    defaults = {
        "state": MemberState.PENDING,
        "asked_at": asked_at,
        "confirmation_due_at": asked_at,
    }
    return make_member(**defaults | fields)


def test_what_was_asked_for_is_sent_once(mailoutbox):
    member = make_asking()

    send_confirmation(member.pk)
    send_confirmation(member.pk)

    assert [message.to for message in mailoutbox] == [[member.email]]


def test_what_was_asked_for_and_not_sent_is_queued_again_once_in_a_while(confirmations):
    member = make_asking()
    make_asking(confirmation_due_at=None)
    make_member()

    wake_confirmations(timezone.now())
    wake_confirmations(timezone.now())

    assert confirmations == [member.pk]


def test_what_was_asked_for_long_ago_is_not_sent_any_more(confirmations):
    long_ago = timezone.now() - timedelta(days=4)
    make_asking(asked_at=long_ago, confirmation_due_at=long_ago)

    wake_confirmations(timezone.now())

    assert confirmations == []


@pytest.mark.parametrize("answer", ["451 later", "hang up"])
def test_what_the_relay_puts_off_or_may_not_have_got_stays_due(relay, answer):
    """A second copy does no harm; with none the reader can't join."""
    member = make_asking()
    relay.on_data = lambda address: answer

    send_confirmation(member.pk)

    assert Member.objects.get().confirmation_due_at == member.confirmation_due_at


def test_what_is_refused_is_not_sent_again(relay):
    member = make_asking()
    relay.on_data = lambda address: "550 no"

    send_confirmation(member.pk)

    assert Member.objects.get().confirmation_due_at is None
