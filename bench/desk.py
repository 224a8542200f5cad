"""What the harness does inside an installation, in a process of it: python -m bench.desk

An order a line on its standard input, {"do": NAME, …}, and an answer a line on its standard output,
both JSON. It goes on when the database was away for a while.
"""

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import django

if __name__ == "__main__":
    django.setup()

from django.db import OperationalError, close_old_connections, connection, transaction
from django.utils import timezone

from bench.rows import list_sentences, make_archive
from briefings.models import (
    Audience,
    Edition,
    Entry,
    Printout,
    PrintoutState,
    Publication,
    Volume,
)
from briefings.printing import ask_for, make_order
from briefings.publishing import approve_entries, publish_edition
from cma_site.celery import app
from subscribers import steering
from subscribers.models import Delivery, DeliveryState, Frequency, Mailing, Member
from subscribers.models.members import MemberState
from subscribers.opening import open_mailing
from subscribers.sweeping import sweep

PATIENCE = 30  # seconds that the database may be away
# A mailed edition has some three times as many bytes as its text has characters, and each entry of
# it about as many again of markup.
ENTRIES = 2


def make_members(count: int) -> None:
    """So many in all, whose addresses tell their numbers."""
    now = timezone.now()
    there = Member.objects.count()
    Member.objects.bulk_create(
        (
            Member(
                email=f"member{number}@example.com",
                name=f"會員{number}",
                state=MemberState.ACTIVE,
                frequency=Frequency.EVERY_EDITION,
                consented_at=now,
                confirmed_at=now,
            )
            for number in range(there, count)
        ),
        batch_size=1000,
    )


@transaction.atomic
def make_edition(characters: int) -> Edition:
    """Published, of sentences of the samples: so many characters in the bodies of its entries."""
    sentences = list_sentences()
    number = Edition.objects.count() + 1
    edition = Edition.objects.create(number=number, date=date(2020, 1, 1) + timedelta(number))
    place = number
    for position in range(ENTRIES):
        body: list[str] = []
        while sum(map(len, body)) < characters / ENTRIES:
            body.append(sentences[place % len(sentences)])
            place += 1
        Entry.objects.create(
            edition=edition,
            position=position,
            headline=body[0][:20],
            lead=body[-1],
            body="".join(
                f"<p>{''.join(body[start : start + 4])}</p>" for start in range(0, len(body), 4)
            ),
        )
    approve_entries(edition)
    publish_edition(edition, audience=Audience.PUBLIC)
    return edition


def open_one(members: int, characters: int) -> dict[str, int]:
    Publication.load()
    make_members(members)
    mailing = open_mailing(make_edition(characters), by=None)
    return {"mailing": mailing.pk, "deliveries": mailing.deliveries.count()}


def tick(mailing: int) -> dict[str, int]:
    """What the schedule does each half minute."""
    sweep(timezone.now())
    return Mailing.objects.get(pk=mailing).count_deliveries()


def let_time_pass(mailing: int) -> int:
    """Until whatever the relay put off is due; how many are."""
    now = timezone.now()
    waiting = Delivery.objects.filter(
        mailing=mailing, state=DeliveryState.QUEUED, not_before__gt=now
    )
    return waiting.update(not_before=now)


def resume_paused(mailing: int) -> bool:
    """As a person does who has seen to what the relay would not have."""
    return steering.resume(Mailing.objects.get(pk=mailing), by=None, now=timezone.now())


def report(mailing: int) -> dict[str, str]:
    return dict(Delivery.objects.filter(mailing=mailing).values_list("email", "state"))


def count_sent(mailing: int) -> int:
    return Delivery.objects.filter(mailing=mailing, state=DeliveryState.SENT).count()


def count_workers() -> int:
    return len(app.control.ping(timeout=1) or [])


def fill(entries: int) -> list[str]:
    """An archive; the addresses of its entries."""
    make_archive(entries)
    return list(Entry.objects.values_list("slug", flat=True))


def order_volume() -> None:
    """The volume of a year of it, as by a reader who asks for its PDF."""
    year = Edition.objects.dates("date", "year")[0].year
    volume = Volume.objects.create(
        title=f"{year}", slug=f"{year}", first_year=year, last_year=year, is_public=True
    )
    ask_for(make_order(volume))


def tell_volumes() -> dict[str, int]:
    """Which are printed by now, and their size in bytes."""
    printed = Printout.objects.filter(volume__isnull=False, state=PrintoutState.READY)
    return {f"volume {one.volume}": one.size for one in printed}


ORDERS: dict[str, Callable[..., Any]] = {
    "open": open_one,
    "tick": tick,
    "let time pass": let_time_pass,
    "report": report,
    "resume": resume_paused,
    "fill": fill,
    "order volume": order_volume,
    "tell volumes": tell_volumes,
    "count sent": count_sent,
    "count workers": count_workers,
}


def obey(name: str, arguments: dict[str, Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return ORDERS[name](**arguments)
        except OperationalError:
            if time.monotonic() > deadline:
                raise
            with suppress(OperationalError):
                connection.close()
            time.sleep(0.2)
        finally:
            close_old_connections()


if __name__ == "__main__":
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(obey(order.pop("do"), order)), flush=True)
