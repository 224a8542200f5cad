"""A member's change of address: confirmed at the new one, and told to the old one.

Whoever holds the link to the preferences may ask for it, and mail is sent on to colleagues: so the
old address can take it back, also after it was confirmed.
"""

import logging
from datetime import datetime, timedelta

from celery import signature
from django.db import IntegrityError, transaction

from subscribers.addresses import normalise_email
from subscribers.messages import build_address_confirmation, build_address_notice
from subscribers.models import (
    AddressChange,
    ConsentAct,
    ConsentWay,
    Member,
    Suppression,
)
from subscribers.personal_data import forget_unconfirmed
from subscribers.transport import Relay, TransportError

logger = logging.getLogger(__name__)

# Enough for a typing mistake; no more to fill somebody's mailbox with.
CHANGES = 3
WITHIN = timedelta(days=1)


class TooManyChanges(Exception):
    """Asked for more often than anybody mistypes an address."""


def ask_for_change(member: Member, email: str, now: datetime) -> AddressChange | None:
    """None if it is the address they have. Both mails are sent after commit.

    Raises TooManyChanges. Says nothing of whose the new address is.
    """
    if normalise_email(email) == member.email:
        return None
    with transaction.atomic():
        Member.objects.hold().get(pk=member.pk)
        if member.address_changes.asked_since(now - WITHIN).count() >= CHANGES:
            raise TooManyChanges
        change = member.address_changes.create(
            old_email=member.email, new_email=normalise_email(email), asked_at=now
        )
        transaction.on_commit(lambda: _wake(change.pk), robust=True)
    return change


def send_address_mails(change_id: int, now: datetime) -> None:
    """To the new address and the old. A copy too many does no harm; who gets none asks again."""
    change = AddressChange.objects.select_related("member").filter(pk=change_id).first()
    if change is None or change.confirmed_at or not change.is_good(now):
        return
    for build in (build_address_notice, build_address_confirmation):
        try:
            with Relay() as relay:
                relay.send(build(change))
        except (TransportError, ValueError) as error:  # a BadAddress is a ValueError
            logger.warning("A mail of address change %s was not sent: %s", change.pk, error)


def confirm_change(change: AddressChange, now: datetime) -> bool:
    """False if it is too late, was taken back, or another member has that address; also if the
    member has meanwhile moved elsewhere, or back.
    """
    with transaction.atomic():
        member, held = _hold(change)
        if member is None or held is None or not held.is_good(now):
            return False
        if held.confirmed_at:
            return True
        if member.email != held.old_email or not _move(member, held.new_email, now):
            return False
        Suppression.objects.of(change.new_email).lift(now)  # the link to confirm has arrived
        held.confirmed_at = now
        held.save(update_fields=["confirmed_at"])
    return True


def cancel_change(change: AddressChange, now: datetime) -> bool:
    """From then on nothing comes of it, nor of what was asked for after it; if it was confirmed,
    the old address is back.

    False if it is too late, or another member has the old address by now.
    """
    with transaction.atomic():
        member, held = _hold(change)
        if held and held.cancelled_at:
            return True
        if member is None or held is None or not held.is_good(now):
            return False
        # Wherever it has moved to since: only the first old address was told of the first.
        has_moved = held.confirmed_at and member.email != held.old_email
        if has_moved and not _move(member, held.old_email, now):
            return False
        member.address_changes.filter(pk__gte=held.pk, cancelled_at=None).update(cancelled_at=now)
    return True


def _hold(change: AddressChange) -> tuple[Member | None, AddressChange | None]:
    member = Member.objects.hold().filter(pk=change.member_id).first()
    return member, AddressChange.objects.select_for_update().filter(pk=change.pk).first()


def _move(member: Member, email: str, now: datetime) -> bool:
    # Anybody may sign up any address: what its holder never confirmed keeps nobody from it.
    if (other := Member.objects.with_email(email).exclude(pk=member.pk).first()) is not None:
        forget_unconfirmed(other)
    member.email = email
    try:
        with transaction.atomic():
            member.save(update_fields=["email"])
    except IntegrityError:
        return False
    member.record(ConsentAct.MOVED, ConsentWay.LINK, now)
    return True


def _wake(change_id: int) -> None:
    # By name: the tasks import this module.
    signature("subscribers.tasks.send_address_mails", args=(change_id,)).apply_async()
