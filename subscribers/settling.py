"""What a person decides of deliveries that the machine gave up; each is on record."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from briefings.permissions import Person
from subscribers.delivery import send_again
from subscribers.models import DeliveryQuerySet, DigestSchedule, Mailing, SteeringAct
from subscribers.steering import record


def send_unsettled_again(deliveries: DeliveryQuerySet, by: Person, now: datetime) -> int:
    """As `send_again`; how many."""
    with transaction.atomic():
        DigestSchedule.hold(now)
        return _settle(
            deliveries.unsettled(),
            SteeringAct.SENT_AGAIN,
            lambda chosen: send_again(chosen, now),
            by=by,
            now=now,
        )


def take_as_sent(deliveries: DeliveryQuerySet, by: Person, now: datetime) -> int:
    """Of these, those that are held; how many."""
    return _settle(
        deliveries.held(),
        SteeringAct.TAKEN_AS_SENT,
        lambda chosen: chosen.accept_as_sent(),
        by=by,
        now=now,
    )


def take_as_unsent(deliveries: DeliveryQuerySet, by: Person, now: datetime) -> int:
    """Of these, those that are held, of cancelled mailings; how many. A digest may bring it."""
    return _settle(
        deliveries.held(),
        SteeringAct.TAKEN_AS_UNSENT,
        lambda chosen: chosen.accept_as_unsent(),
        by=by,
        now=now,
    )


def _settle(
    deliveries: DeliveryQuerySet,
    act: SteeringAct,
    settle: Callable[[DeliveryQuerySet], int],
    *,
    by: Person,
    now: datetime,
) -> int:
    """Mailing by mailing, with a record in each that something was done to."""
    total = 0
    with transaction.atomic():
        for mailing in list(Mailing.objects.filter(deliveries__in=deliveries).distinct()):
            chosen = deliveries.filter(mailing=mailing)
            first = list(chosen.order_by("pk")[:2])
            only = first[0] if len(first) == 1 else None
            count = settle(chosen.filter(pk=only.pk) if only else chosen)
            if count:
                record(mailing, act, by=by, now=now, note=f"{count} 份", delivery=only)
            total += count
    return total
