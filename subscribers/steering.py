"""Pausing, resuming and cancelling a mailing that is under way.

Each is one UPDATE that names the state it expects, so that of two people who press at once, or of
a person and a sender, one does it, and only that is recorded. Who may, the desk asks.
"""

import re
from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from briefings.history import log_act, say_why
from briefings.permissions import Person
from subscribers.models import Delivery, Mailing, MailingState, SteeringAct, SteeringRecord
from subscribers.waking import wake_all

ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;:]+")

UNDER_WAY = (MailingState.SENDING, MailingState.PAUSED)


def pause(mailing: Mailing, by: Person | None, reason: str, now: datetime) -> bool:
    """sending → paused: from this commit on nothing more of it is claimed. False if it wasn't
    being sent.

    `by` None is the machine: a sender that meets a relay which refuses us altogether. What the
    relay says may name a member, and who steers need not know whom mail goes to.
    """
    with transaction.atomic():
        if not _move(mailing, [MailingState.SENDING], MailingState.PAUSED):
            return False
        note = ADDRESS.sub("（地址）", reason)
        record(mailing, SteeringAct.PAUSED, by=by, now=now, note=note)
    return True


def resume(mailing: Mailing, by: Person | None, now: datetime) -> bool:
    """paused → sending. Wakes after commit. False if it wasn't paused."""
    with transaction.atomic():
        if not _move(mailing, [MailingState.PAUSED], MailingState.SENDING):
            return False
        record(mailing, SteeringAct.RESUMED, by=by, now=now)
        mailing.refresh_from_db(fields=["woken_at"])
        transaction.on_commit(lambda: wake_all(mailing, now), robust=True)  # see wake_after_commit
    return True


def cancel(mailing: Mailing, by: Person | None, now: datetime) -> bool:
    """sending | paused → cancelled, and what is queued → skipped. False if it was over before.

    What is being sent at this moment ends as it ends; where that leaves it queued, the sweep
    skips it too.
    """
    with transaction.atomic():
        if not _move(mailing, UNDER_WAY, MailingState.CANCELLED, finished_at=now):
            return False
        mailing.deliveries.drop_cancelled()
        record(mailing, SteeringAct.CANCELLED, by=by, now=now)
    return True


def record(  # noqa: PLR0913  (a record says all of it)
    mailing: Mailing,
    act: SteeringAct,
    *,
    by: Person | None,
    now: datetime,
    note: str = "",
    delivery: Delivery | None = None,
) -> None:
    SteeringRecord.objects.create(
        mailing=mailing,
        act=act,
        by_id=by.pk if by else None,
        at=now,
        note=note.strip(),
        delivery=delivery,
    )
    log_act(mailing, by=by, why=say_why(act.label, note))


def _move(
    mailing: Mailing,
    since: Collection[MailingState],
    to: MailingState,
    *,
    finished_at: datetime | None = None,
) -> bool:
    mine = Mailing.objects.filter(pk=mailing.pk, state__in=since)
    has_moved = bool(mine.update(state=to, finished_at=finished_at))
    if has_moved:
        mailing.state, mailing.finished_at = to, finished_at
    return has_moved
