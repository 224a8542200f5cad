from celery import shared_task
from django.utils import timezone

from cma_site import reset_mails, retention


@shared_task
def purge_old() -> None:
    retention.purge(timezone.now())


@shared_task
def send_reset_mails(email: str) -> None:
    reset_mails.send_reset_mails(email, timezone.now())
