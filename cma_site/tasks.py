from datetime import timedelta

from axes.models import AccessAttempt, AccessLog
from celery import shared_task
from django.core.management import call_command
from django.utils import timezone

from cma_site import reset_mails
from subscribers import logins

# Long enough to look into something; addresses of people are kept no longer than that.
KEEP_LOGINS = timedelta(days=90)


@shared_task
def forget_old_logins() -> None:
    call_command("clearsessions")
    logins.forget_old_logins(timezone.now())
    limit = timezone.now() - KEEP_LOGINS
    AccessLog.objects.filter(attempt_time__lt=limit).delete()
    AccessAttempt.objects.filter(attempt_time__lt=limit).delete()


@shared_task
def send_reset_mails(email: str) -> None:
    reset_mails.send_reset_mails(email, timezone.now())
