"""Which mailings have something left to do, and waking workers for it.

The ledger is the truth; the queue carries only wake-ups, so waking in vain, or twice, is harmless.
"""

from datetime import datetime, timedelta

from celery import signature
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from subscribers.attachments import see_to_pdf
from subscribers.models import (
    Delivery,
    Mailing,
    MailingState,
)

# Celery costs about 1 ms CPU a task, so one task a member would be slower than the sending; and
# what one task holds bounds what is lost with its wake-up.
CHUNK = 200

# Wake-ups that no worker has taken for so long are thrown away by the one that comes at last; the
# sweep has queued newer ones, and with all workers dead the queue would grow without end.
WAKE_EXPIRES = timedelta(hours=1)


def wake_after_commit(mailing: Mailing) -> None:
    def wake() -> None:
        wake_all(mailing, mailing.opened_at)
        see_to_pdf(mailing, mailing.opened_at)

    # Robust: without its broker the mailing is open all the same, and the sweep wakes it.
    # (Not a partial: Django logs the failure by a name that partials don't have.)
    transaction.on_commit(wake, robust=True)


def wake_mailing(mailing: Mailing, now: datetime) -> None:
    """Queue tasks for the due deliveries that nobody seems to be coming for.

    A worker on its way through a mailing claims a delivery every few moments. So when nothing
    has been claimed for a while (`_quiet_for()`), the tasks are lost, or the relay was away, and
    all that is due is woken. Deliveries put off, by the relay or a rate, are woken when due even
    while others are being sent, since the task they were in has passed them.

    Either way at most once in that while, which bounds what waits in the queue of a dead worker.
    Waking in vain is harmless: a second task finds nothing to claim.
    """
    quiet_since = now - _quiet_for()
    if mailing.woken_at and mailing.woken_at > quiet_since:
        return
    due = mailing.deliveries.due(now)
    if mailing.deliveries.filter(claimed_at__gt=quiet_since).exists():
        due = due.filter(not_before__gt=mailing.opened_at)
    _wake(mailing, due, now)


def wake_pdf_copies(mailing_id: int, now: datetime) -> None:
    """The PDF that they waited for is settled."""
    mailing = Mailing.objects.get(pk=mailing_id)
    _wake(mailing, mailing.deliveries.due(now).filter(digest__with_pdf=True), now)


def wake_all(mailing: Mailing, now: datetime) -> None:
    _wake(mailing, mailing.deliveries.due(now), now)


def _wake(mailing: Mailing, due: QuerySet[Delivery], now: datetime) -> None:
    """Queue one task for every CHUNK of deliveries. Of two sweeps at once, one does."""
    ids = list(due.order_by("pk").values_list("pk", flat=True))
    unchanged = Mailing.objects.filter(pk=mailing.pk, woken_at=mailing.woken_at)
    if not ids or not unchanged.update(woken_at=now):
        return
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        # By name, as the schedule does: the tasks import this module.
        signature(
            "subscribers.tasks.send_chunk", args=(mailing.pk, chunk[0], chunk[-1])
        ).apply_async(expires=WAKE_EXPIRES.total_seconds())


def _quiet_for() -> timedelta:
    """How long without a claim means that nobody is at work.

    Far shorter than the lease: to wake a slow worker's mailing costs a few tasks, to wait costs
    the members minutes.
    """
    return timedelta(seconds=min(60, settings.DELIVERY_LEASE))


def list_unfinished_mailings() -> QuerySet[Mailing]:
    """Those under way or paused, and of the cancelled those that workers have left something of."""
    unfinished = Delivery.objects.unfinished().filter(mailing=OuterRef("pk"))
    under_way = Q(state__in=(MailingState.SENDING, MailingState.PAUSED))
    return Mailing.objects.filter(under_way | Q(Exists(unfinished), state=MailingState.CANCELLED))


def finish_mailings(now: datetime) -> None:
    """sending → done for those with nothing left to do. One statement, so no row slips between."""
    unfinished = Delivery.objects.unfinished().filter(mailing=OuterRef("pk"))
    Mailing.objects.filter(~Exists(unfinished), state=MailingState.SENDING).update(
        state=MailingState.DONE, finished_at=now
    )


def reopen_mailings() -> None:
    """done → sending for those with something to do again.

    The sweep asks too: a delivery queued again just while its mailing is being finished would be
    left behind.
    """
    unfinished = Delivery.objects.unfinished().filter(mailing=OuterRef("pk"))
    Mailing.objects.filter(Exists(unfinished), state=MailingState.DONE).update(
        state=MailingState.SENDING, finished_at=None
    )
