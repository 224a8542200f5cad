"""How fast mail goes out, where the relay or a receiver's domain asks for patience.

Whoever sends reserves its moments in a row of the database first (the generic cell rate algorithm,
ITU-T I.371), so that however many workers there are on however many machines, they keep the rate
together. Where no rate is set nothing is asked.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import transaction

from subscribers.models import ClaimedDelivery, SendingPace

# No worker waits longer for a moment; what would have to is put back until then.
WINDOW = timedelta(minutes=2)
_RELAY = "*"


class Plan(NamedTuple):
    """By the places of a claim's deliveries."""

    starts: dict[int, datetime]
    put_back: dict[int, datetime]  # until when


def plan(deliveries: Sequence[ClaimedDelivery], now: datetime) -> Plan:
    """When each may go out. A query or two for each domain with a rate, and for the relay's."""
    starts: dict[int, datetime] = {}
    put_back: dict[int, datetime] = {}
    for domain, places in _group(deliveries, settings.DOMAIN_RATES).items():
        if not domain:
            starts |= dict.fromkeys(places, now)
            continue
        moments, later = reserve(domain, len(places), settings.DOMAIN_RATES[domain], now)
        starts |= dict(zip(places, moments, strict=False))
        put_back |= _put_back(places[len(moments) :], later, settings.DOMAIN_RATES[domain])
    if settings.SEND_RATE:
        in_order = sorted(starts, key=lambda place: (starts[place], place))
        moments, later = reserve(_RELAY, len(in_order), settings.SEND_RATE, now)
        reserved = zip(in_order, moments, strict=False)
        put_back |= _put_back(in_order[len(moments) :], later, settings.SEND_RATE)
        starts = {place: max(starts[place], moment) for place, moment in reserved}
    return Plan(starts, put_back)


def reserve(
    scope: str, wanted: int, a_minute: float, now: datetime
) -> tuple[list[datetime], datetime]:
    """Moments within WINDOW, as many as wanted if there are; and when the next one is."""
    step = timedelta(minutes=1) / a_minute
    with transaction.atomic():
        SendingPace.objects.bulk_create(
            [SendingPace(scope=scope, free_at=now)], ignore_conflicts=True
        )
        pace = SendingPace.objects.select_for_update().get(scope=scope)
        first = max(pace.free_at, now)
        fitting = max(0, (now + WINDOW - first) // step + 1)
        count = min(wanted, fitting)
        pace.free_at = first + step * count
        pace.save(update_fields=["free_at"])
    return [first + step * number for number in range(count)], pace.free_at


def _put_back(places: Sequence[int], later: datetime, a_minute: float) -> dict[int, datetime]:
    """A window's worth after the other, so that what can't go out then isn't woken either."""
    in_window = max(1, int(a_minute * (WINDOW / timedelta(minutes=1))))
    return {place: later + WINDOW * (number // in_window) for number, place in enumerate(places)}


def _group(
    deliveries: Sequence[ClaimedDelivery], rates: Mapping[str, float]
) -> dict[str, list[int]]:
    """Places by those of the domains that have a rate; under "" all others."""
    if not rates:  # mostly
        return {"": list(range(len(deliveries)))}
    places: dict[str, list[int]] = {}
    for place, delivery in enumerate(deliveries):
        domain = delivery.email.rpartition("@")[2].lower()
        places.setdefault(domain if domain in rates else "", []).append(place)
    return places
