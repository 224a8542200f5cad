"""Getting each copy out once. The ledger is the truth; the queue carries only wake-ups.

A delivery is claimed by a conditional UPDATE, committed before anything is sent, so a task that
runs twice, or beside itself, finds nothing left to claim. What a dead worker left behind is found
by the sweep. Nothing here holds a transaction while it sends.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from subscribers.addresses import BadAddress
from subscribers.bounces.intake import record_refusal
from subscribers.messages import Message, PDFLost, build_message
from subscribers.models import (
    Delivery,
    DeliveryQuerySet,
    Digest,
    DigestSchedule,
    Mailing,
)
from subscribers.transport import Deferred, OutcomeUnknown, Refused, Relay, Unreachable
from subscribers.waking import finish_mailings, reopen_mailings, wake_all

logger = logging.getLogger(__name__)

# After 5, 10, 20, … minutes; ten attempts span two days, as long as greylisting servers ask for.
FIRST_WAIT = timedelta(minutes=5)

MOST_ATTEMPTS = 10


def send_chunk(mailing_id: int, first_id: int, last_id: int) -> None:
    """Send what is due among the deliveries from `first_id` to `last_id`, over one connection."""
    mailing = Mailing.objects.get(pk=mailing_id)
    chunk = mailing.deliveries.filter(pk__range=(first_id, last_id))
    digests: dict[int, Digest] = {}
    with Relay() as relay:
        for delivery in list(chunk.due(timezone.now())):
            try:
                # Before the claim, or connecting would use up its lease.
                relay.open()
                if not delivery.take(timezone.now()):
                    continue
                if delivery.digest_id not in digests:
                    # By this mailing, so that all of them have its one PDF, read once.
                    digests[delivery.digest_id] = mailing.digests.get(pk=delivery.digest_id)
                send(delivery, digests[delivery.digest_id], mailing, relay)
            except Unreachable as error:
                logger.warning("Mailing %s stops: %s", mailing.pk, error)
                break
    chunk.skip_unwanted(timezone.now())
    finish_mailings(timezone.now())


def send(delivery: Delivery, digest: Digest, mailing: Mailing, relay: Relay) -> None:
    """Send a claimed delivery and record how it went. Raises Unreachable after giving it back.

    Whatever is wrong with one message, the others don't wait for it.
    """
    try:
        message = build_message(delivery, digest, mailing)
        message.message()  # what can't be written fails here, where nothing has been sent yet
    except BadAddress as error:
        delivery.mark_failed(str(error))
    except PDFLost as error:
        if delivery.attempts >= MOST_ATTEMPTS:
            delivery.mark_failed(str(error))
        else:
            delivery.requeue(not_before=_choose_next_time(delivery), reply=str(error))
    except Exception as error:
        logger.exception("Delivery %s cannot be built", delivery.pk)
        delivery.mark_failed(f"未能製成郵件：{error!r}")
    else:
        _send_message(delivery, message, relay)


def _send_message(delivery: Delivery, message: Message, relay: Relay) -> None:
    try:
        relay.send(message)
    except Unreachable as error:
        delivery.give_back(error.reply)
        raise
    except Refused as error:
        _fail(delivery, error.reply)
    except Deferred as error:
        if delivery.attempts >= MOST_ATTEMPTS:
            _fail(delivery, error.reply)
        else:
            delivery.requeue(not_before=_choose_next_time(delivery), reply=error.reply)
    except OutcomeUnknown as error:
        settle_unknown(delivery, error.reply, resend_at=_choose_next_time(delivery))
    else:
        delivery.mark_sent(timezone.now())


def _fail(delivery: Delivery, reply: str) -> None:
    if delivery.mark_failed(reply):
        record_refusal(delivery, reply, timezone.now())


def settle_unknown(delivery: Delivery, reply: str, *, resend_at: datetime) -> None:
    """Nobody can know whether it was accepted: resend the same bytes, or hold it for a person.

    A message that breaks the connection each time would be resent for ever, hence the bound.
    """
    if settings.UNKNOWN_DELIVERIES == "resend" and delivery.attempts < MOST_ATTEMPTS:
        delivery.requeue(not_before=resend_at, reply=reply)
    else:
        delivery.hold(reply)


def _choose_next_time(delivery: Delivery) -> datetime:
    doublings = delivery.attempts - 1
    return timezone.now() + FIRST_WAIT * (1 << doublings)


def send_again(deliveries: DeliveryQuerySet, now: datetime) -> int:
    """Queue those that failed or are held, with their mailings; how many. Wakes after commit.

    The newest mailing first and each by itself: of two that failed with the same entry in them,
    the older is then seen to have come otherwise.
    """
    with transaction.atomic():
        DigestSchedule.hold(now)
        mailings = list(Mailing.objects.filter(deliveries__in=deliveries.unsettled()).distinct())
        count = sum(
            deliveries.filter(mailing=mailing).requeue_unsettled(now) for mailing in mailings
        )
        reopen_mailings()

        def wake() -> None:
            for mailing in mailings:
                wake_all(mailing, now)

        transaction.on_commit(wake, robust=True)  # as in wake_after_commit
    return count
