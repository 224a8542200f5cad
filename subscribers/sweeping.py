"""What nobody else does: settling what a dead worker left behind, and waking what was lost."""

from datetime import datetime

from subscribers.attachments import see_to_pdf
from subscribers.delivery import settle_left, settle_unknown
from subscribers.models import MailingState
from subscribers.waking import (
    finish_mailings,
    list_unfinished_mailings,
    reopen_mailings,
    wake_mailing,
    wake_pdf_copies,
)


def sweep(now: datetime) -> None:
    """What the schedule does each half minute: settle what is abandoned, wake, finish.

    What is abandoned is settled of halted mailings too; nothing of them is due, so none is woken.
    """
    settle_left(now)
    reopen_mailings()
    for mailing in list_unfinished_mailings():
        for delivery in mailing.deliveries.abandoned(now):
            settle_unknown(delivery, "工作程序中斷，結果不明", resend_at=now)
        if mailing.state == MailingState.CANCELLED:
            mailing.deliveries.drop_cancelled()
            continue
        if see_to_pdf(mailing, now):
            wake_pdf_copies(mailing.pk, now)  # while the others go out, nobody else would
        wake_mailing(mailing, now)
    finish_mailings(now)
