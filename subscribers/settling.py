"""What a person decides of deliveries that the machine gave up; each is on record."""

from datetime import datetime

from django.db import transaction

from briefings.permissions import Person
from subscribers.delivery import send_again
from subscribers.models import DeliveryQuerySet, DigestSchedule, Mailing, SteeringAct
from subscribers.steering import record


def send_unsettled_again(deliveries: DeliveryQuerySet, by: Person, now: datetime) -> int:
    """As `send_again`, with a record in each mailing; how many."""
    with transaction.atomic():
        DigestSchedule.hold(now)
        mailings = Mailing.objects.filter(deliveries__in=deliveries.unsettled()).distinct()
        return sum(_send_again(one, deliveries, by, now) for one in list(mailings))


def _send_again(mailing: Mailing, deliveries: DeliveryQuerySet, by: Person, now: datetime) -> int:
    count = send_again(deliveries.filter(mailing=mailing), now)
    if count:
        record(mailing, SteeringAct.SENT_AGAIN, by=by, now=now, note=f"{count} 份")
    return count
