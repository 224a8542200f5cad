"""The mail that answers a wish to join: asked for on a page, sent by a worker or, later, the sweep.

Not in the ledger: a second copy does no harm, and who gets none can sign up again.
"""

import logging
from datetime import datetime

from celery import signature
from django.db import transaction

from subscribers.messages import build_confirmation
from subscribers.models import Member
from subscribers.transport import Deferred, OutcomeUnknown, Refused, Relay, Unreachable

logger = logging.getLogger(__name__)

MOST_WOKEN = 500  # in one sweep: a list of members makes very many due


def ask_to_confirm(member: Member, now: datetime) -> bool:
    """Have the mail sent after commit. False if it was asked for only just before."""
    is_asked = member.ask_for_confirmation(now)
    if is_asked:
        # Robust: without its broker the wish is kept all the same, and the sweep sees to it.
        transaction.on_commit(lambda: _wake(member.pk), robust=True)
    return is_asked


def send_confirmation(member_id: int) -> None:
    """Nothing if it was sent before. What the relay puts off stays due."""
    member = Member.objects.filter(pk=member_id, confirmation_due_at__isnull=False).first()
    if member is None:
        return
    try:
        message = build_confirmation(member)
        message.message()
        with Relay() as relay:
            relay.send(message)
    except (Deferred, OutcomeUnknown, Unreachable) as error:
        logger.warning("The confirmation for member %s waits: %s", member_id, error)
        return
    except (Refused, ValueError) as error:  # a BadAddress is a ValueError
        logger.warning("The confirmation for member %s is given up: %s", member_id, error)
    member.settle_confirmation()


def wake_confirmations(now: datetime) -> None:
    """Queue what was asked for and not sent, each after ever longer whiles."""
    due = Member.objects.confirmation_due(now).order_by("confirmation_due_at", "pk")
    for member in due[:MOST_WOKEN]:
        if member.put_off_confirmation(now):
            _wake(member.pk)


def _wake(member_id: int) -> None:
    # By name: the tasks import this module.
    signature("subscribers.tasks.send_confirmation", args=(member_id,)).apply_async()
