"""What the clock does with editions' mails: opening those whose time has come, once or not at all.

What came in the way since it was scheduled is told to people, and not tried again. Everything of
one mail is one transaction, so a worker killed half-way leaves it as it was.
"""

import logging
from datetime import datetime, timedelta

from django.db import OperationalError, transaction

from briefings.history import name_person
from briefings.models import Edition, State
from subscribers.mail_steps import find_obstacle, refuse_scheduled
from subscribers.models import DigestSchedule, MailDraft
from subscribers.opening import MailingRefused, open_mailing
from subscribers.permissions import may_approve_mail

logger = logging.getLogger(__name__)

# A restart or an upgrade is over by then, and the mail still comes in the part of the day that a
# person chose for it. What waited longer would come at an hour that nobody chose, as in the night
# after a worker that was down all day: a person says when it goes out.
MOST_LATE = timedelta(hours=2)


def open_due_mails(now: datetime) -> None:
    """One that fails doesn't stop the others; the next sweep tries again, until it is too late."""
    for draft in MailDraft.objects.due(now).order_by("scheduled_for", "pk"):
        try:
            settle_if_due(draft, now)
        except OperationalError:
            # Another has the lock, most likely the sweep before; waiting would hold a worker.
            logger.info("The mail of edition %s is being seen to", draft.edition_id)
        except Exception:
            logger.exception("The mail of edition %s could not be opened", draft.edition_id)


def settle_if_due(draft: MailDraft, now: datetime) -> None:
    """Opened, or refused with the reason; of two at once, and of one and a person, one does it."""
    with transaction.atomic():
        DigestSchedule.hold(now, waits=False)
        row = MailDraft.objects.due(now).select_for_update().filter(pk=draft.pk).first()
        if row is None:
            return
        try:
            if not _waits_for_publication(row.edition, now) or _is_too_late(row, now):
                _open(row, now)
        except MailingRefused as refused:
            refuse_scheduled(row, str(refused), now)


def _open(draft: MailDraft, now: datetime) -> None:
    by, edition = draft.moved_by, draft.edition
    if by is None or not may_approve_mail(by):
        who = name_person(by) or "用戶"
        raise MailingRefused(f"排程的{who}已沒有寄給會員的權限。")
    if obstacle := find_obstacle(edition, now):
        raise MailingRefused(obstacle)
    if not edition.is_published:
        raise MailingRefused("這一期到時仍未出版。")
    if _is_too_late(draft, now):
        hours = MOST_LATE // timedelta(hours=1)
        raise MailingRefused(f"系統未能在{hours}小時內寄出，為免在不適當的時候寄出，沒有再寄。")
    open_mailing(edition, by=by, now=now)


def _is_too_late(draft: MailDraft, now: datetime) -> bool:
    return draft.scheduled_for is not None and now - draft.scheduled_for > MOST_LATE


def _waits_for_publication(edition: Edition, now: datetime) -> bool:
    """Its own time has come, and the clock that publishes it goes by the minute."""
    is_due = edition.scheduled_for is not None and edition.scheduled_for <= now
    return edition.state == State.SCHEDULED and is_due
