from celery import shared_task
from django.utils import timezone

from subscribers import delivery
from subscribers.messages import build_confirmation
from subscribers.models import Member
from subscribers.transport import Deferred, OutcomeUnknown, Relay, Unreachable


@shared_task
def send_chunk(mailing_id: int, first_id: int, last_id: int) -> None:
    delivery.send_chunk(mailing_id, first_id, last_id)


@shared_task
def send_due() -> None:
    delivery.sweep(timezone.now())


@shared_task(autoretry_for=(Deferred, OutcomeUnknown, Unreachable), max_retries=5, retry_backoff=60)
def send_confirmation(member_id: int) -> None:
    """Not in the ledger: a second copy does no harm, and who gets none can sign up again."""
    member = Member.objects.filter(pk=member_id).first()
    if member:
        with Relay() as relay:
            relay.send(build_confirmation(member))
