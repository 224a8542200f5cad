"""Getting each copy out once. The ledger is the truth; the queue carries only wake-ups.

Deliveries are claimed by a conditional UPDATE, committed before anything is sent, so a task that
runs twice, or beside itself, finds nothing left to claim. A journal beside the ledger tells what a
killed sender had come to; where it is gone, the sweep finds the claim whose lease is over. Nothing
here holds a transaction while it sends.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils import timezone

from subscribers.addresses import BadAddress
from subscribers.bounces.intake import record_refusal
from subscribers.copies import Copies
from subscribers.messages import PDFLost
from subscribers.models import (
    Chunk,
    Claim,
    Delivery,
    DeliveryQuerySet,
    DigestSchedule,
    Mailing,
    is_unfinished,
    mark_sent,
)
from subscribers.models.states import HALTED
from subscribers.pacing import plan
from subscribers.smtp.conversation import Settled
from subscribers.smtp.engine import LOOK_UP, Due, Unreachable
from subscribers.smtp.journal import Journal, open_journal, reading_left
from subscribers.smtp.replies import Blame, Fate, names_policy
from subscribers.steering import pause
from subscribers.transport import WayOut, open_way_out
from subscribers.waking import finish_mailings, reopen_mailings, wake_all

logger = logging.getLogger(__name__)

# After 5, 10, 20, … minutes; ten attempts span two days, as long as greylisting servers ask for.
FIRST_WAIT = timedelta(minutes=5)

MOST_ATTEMPTS = 10

# That somebody won't have our mail may pass within minutes, if it was about us; what is about one
# member doesn't. At this attempt, or later, a second such answer in a row counts.
ATTEMPTS_AGAINST_POLICY = 3


def send_chunk(mailing_id: int, first_id: int, last_id: int) -> None:
    """Send what is due among the deliveries from `first_id` to `last_id`."""
    settle_left(timezone.now())
    chunk = Chunk(mailing_id, first_id, last_id)
    standing = chunk.find_standing(timezone.now())
    settled = 0
    # What is halted or waits for its PDF is not woken, so the relay is seldom greeted for nothing,
    # though this doesn't ask all that the claim asks.
    if standing.state not in HALTED and standing.has_waiting:
        settled = _send_waiting(chunk, standing.woken_at)
    # Mostly that is all of them: what is queued again by then was wanted a moment ago, and is asked
    # about when it is due.
    if settled <= last_id - first_id:
        chunk.skip_unwanted(timezone.now())
    if not is_unfinished(mailing_id):  # to look through all mailings costs more
        finish_mailings(timezone.now())


def _send_waiting(chunk: Chunk, woken_at: object) -> int:
    """How many were settled."""
    way = open_way_out()
    try:
        way.open()  # before the claim, or connecting would use up its lease
        return _send_claimed(chunk, woken_at, chunk.claim(timezone.now()), way)
    except Unreachable as error:
        logger.warning("Mailing %s stops: %s", chunk.mailing_id, error.reply)
        return 0
    finally:
        way.close()


def _send_claimed(chunk: Chunk, woken_at: object, claim: Claim, way: WayOut) -> int:
    """How many were settled. Raises Unreachable."""
    if not claim.deliveries:
        return 0
    copies = Copies(chunk.mailing_id, woken_at, claim)
    sending = Sending(claim, copies.write if way.takes_bytes else copies.build)
    with _open_journal(claim) as journal:
        ending = way.send(_find_moments(claim, timezone.now()), journal, sending)
        sending.write_down()
        if sending.settled < len(claim.deliveries):
            Delivery.objects.give_back(claim.key, reply=ending.text)
        journal.finish()
    if ending.by_policy:
        mailing = Mailing.objects.get(pk=chunk.mailing_id)
        pause(mailing, None, f"對方不接受本會的郵件：{ending.text}", timezone.now())
    if ending.text:
        raise Unreachable(ending.text)
    return sending.settled


def _find_moments(claim: Claim, now: datetime) -> list[Due]:
    """What may go out soon; the rest is put back."""
    planned = plan(claim.deliveries, now)
    for until in set(planned.put_back.values()):
        keys = [claim.deliveries[place].pk for place, at in planned.put_back.items() if at == until]
        Delivery.objects.filter(pk__in=keys).give_back(claim.key, not_before=until)
    clock = time.monotonic()
    return [
        # Mostly at once.
        Due(place, clock + (at - now).total_seconds()) if at > now else Due(place)
        for place, at in planned.starts.items()
    ]


def _open_journal(claim: Claim) -> Journal:
    """Raises Unreachable after giving back what was claimed: without a journal nothing is sent."""
    keys = [delivery.pk for delivery in claim.deliveries]
    try:
        return open_journal(settings.JOURNAL_DIR, claim.key, keys)
    except OSError as error:
        Delivery.objects.give_back(claim.key)
        raise Unreachable(f"不能記下寄送經過：{error}") from error


class Sending:
    """A claim on its way: what its copies are, and what becomes of them, goes to and from the
    ledger here. An `Overseer`.

    It looks at the ledger every half second, or before each message where they go one by one: that
    is how late who has left may be found out.
    """

    def __init__(self, claim: Claim, make: Callable[[int], Any]) -> None:
        """`make` gives a copy by its place, or raises BadAddress or PDFLost."""
        self._claim = claim
        self._make = make
        self._wanted = {delivery.pk for delivery in claim.deliveries}
        self.settled = 0
        self._accepted: list[int] = []
        self._untold: list[Settled] = []
        self._looked_at = time.monotonic()
        self._note_renewal(self._looked_at)

    def compose(self, place: int) -> Any:
        """Whatever is wrong with one message, the others don't wait for it."""
        try:
            return self._make(place)
        except BadAddress as error:
            self._find(place).mark_failed(str(error))
        except PDFLost as error:
            _put_off(self._find(place), str(error))
        except Exception as error:
            delivery = self._find(place)
            logger.exception("Delivery %s cannot be built", delivery.pk)
            delivery.mark_failed(f"未能製成郵件：{error!r}")
        return None

    def is_wanted(self, place: int) -> bool:
        return self._claim.deliveries[place].pk in self._wanted and not self.must_end()

    def settle(self, settled: Settled) -> None:
        """What the ledger can't be told now it is told in the end, and others go on meanwhile."""
        try:
            self._settle(settled)
        except DatabaseError:
            logger.exception("The ledger cannot be told")
            self._untold.append(settled)

    def _settle(self, settled: Settled) -> None:
        if settled.fate is Fate.ACCEPTED:
            self._accepted.append(self._claim.deliveries[settled.place].pk)
            self.settled += 1
            return
        delivery = self._find(settled.place)
        if settled.fate is Fate.DEFERRED:
            _put_off(delivery, settled.text)
        elif settled.fate is Fate.REFUSED:
            if settled.blame is Blame.POLICY and not _insists(delivery):
                _put_off(delivery, settled.text)
            else:
                _fail(delivery, settled.text)
        else:
            settle_unknown(delivery, settled.text, resend_at=_choose_next_time(delivery))
        self.settled += 1

    def goes_on(self) -> bool:
        """Not without the ledger, which alone knows who still wants it and whose the claim is."""
        if self._untold:
            return False
        now = time.monotonic()
        if now - self._looked_at < LOOK_UP / 2:
            return True
        self._looked_at = now
        try:
            self.write_down()
            is_old = now - self._renewed_at > settings.DELIVERY_LEASE / 8
            if is_old and Delivery.objects.renew(self._claim.key, timezone.now()):
                self._note_renewal(now)
            self._wanted = Delivery.objects.still_to_send(self._claim.key, timezone.now())
        except DatabaseError:
            logger.exception("The ledger cannot be asked")
            return False
        return True

    def must_end(self) -> bool:
        """Before the sweep takes the claim away."""
        return time.monotonic() > self._ends_at

    def _note_renewal(self, now: float) -> None:
        self._renewed_at = now
        self._ends_at: float = now + settings.DELIVERY_LEASE * 0.9

    def write_down(self) -> None:
        """What was accepted. Nothing is lost where it fails: the journal has it."""
        while self._untold:
            self._settle(self._untold[-1])
            self._untold.pop()
        if self._accepted:
            mark_sent(self._accepted, timezone.now())
            self._accepted.clear()

    def _find(self, place: int) -> Delivery:
        """As it was claimed: who lost the claim meanwhile changes nothing with it."""
        delivery = Delivery.objects.get(pk=self._claim.deliveries[place].pk)
        delivery.claim = self._claim.key
        return delivery


def settle_left(now: datetime) -> None:
    """What senders of this machine left when they died, without waiting for their leases.

    What was accepted is sent, even if it was queued again meanwhile; what was under way is unknown;
    the rest is queued. (A delivery never claimed is of another database that had these keys.)
    """
    with reading_left(settings.JOURNAL_DIR) as left:
        for one in left:
            tried = Q(claimed_at__isnull=False) | Q(attempts__gt=0) | Q(in_doubt=True)
            accepted = Delivery.objects.filter(tried, pk__in=one.accepted)
            mark_sent(accepted.values_list("pk", flat=True), now)
            for delivery in Delivery.objects.held_by(one.claim).filter(pk__in=one.unknown):
                settle_unknown(delivery, "寄出途中中斷，結果不明", resend_at=now)
            Delivery.objects.give_back(one.claim)


def _fail(delivery: Delivery, reply: str) -> None:
    if delivery.mark_failed(reply):
        record_refusal(delivery, reply, timezone.now())


def _insists(delivery: Delivery) -> bool:
    """Whether the answer before was a policy's too, and it had time to pass."""
    return delivery.attempts >= ATTEMPTS_AGAINST_POLICY and names_policy(delivery.reply)


def _put_off(delivery: Delivery, reply: str) -> None:
    if delivery.attempts < MOST_ATTEMPTS:
        delivery.requeue(not_before=_choose_next_time(delivery), reply=reply)
    else:
        _fail(delivery, reply)


def settle_unknown(delivery: Delivery, reply: str, *, resend_at: datetime) -> None:
    """Nobody can know whether it was accepted: resend the same bytes, or hold it for a person.

    A message that breaks the connection each time would be resent for ever, hence the bound.
    """
    if settings.UNKNOWN_DELIVERIES == "resend" and delivery.attempts < MOST_ATTEMPTS:
        delivery.requeue_in_doubt(not_before=resend_at, reply=reply)
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
