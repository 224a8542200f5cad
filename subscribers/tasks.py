import logging

from celery import shared_task
from django.utils import timezone

from subscribers import (
    address_changes,
    attachments,
    closing_reports,
    confirmations,
    delivery,
    digest_days,
    imports,
    joining,
    logins,
    mail_scheduling,
    personal_data,
    sweeping,
    waking,
)
from subscribers.bounces import imap

logger = logging.getLogger(__name__)


@shared_task
def send_chunk(mailing_id: int, first_id: int, last_id: int) -> None:
    delivery.send_chunk(mailing_id, first_id, last_id)


@shared_task
def print_attached_pdf(mailing_id: int) -> None:
    if attachments.print_pdf(mailing_id, timezone.now()):
        waking.wake_pdf_copies(mailing_id, timezone.now())


@shared_task
def send_due() -> None:
    mail_scheduling.open_due_mails(timezone.now())
    digest_days.open_due_digests(timezone.now())
    sweeping.sweep(timezone.now())
    closing_reports.send_reports(timezone.now())
    joining.wake_requests(timezone.now())
    confirmations.wake_confirmations(timezone.now())


@shared_task
def answer_joining_request(request_id: int) -> None:
    joining.answer_request(request_id, timezone.now())


@shared_task
def send_confirmation(member_id: int) -> None:
    confirmations.send_confirmation(member_id)


@shared_task
def send_login_link(email: str, leads_to: str) -> None:
    logins.send_login_link(email, leads_to, timezone.now())


@shared_task
def send_address_mails(change_id: int) -> None:
    address_changes.send_address_mails(change_id, timezone.now())


@shared_task
def send_personal_data(member_id: int) -> None:
    personal_data.send_personal_data(member_id)


@shared_task
def send_erase_link(member_id: int) -> None:
    personal_data.send_erase_link(member_id)


@shared_task
def work_on_import(import_id: int) -> None:
    imports.work_on(import_id)


@shared_task
def sweep_imports() -> None:
    imports.sweep(timezone.now())


@shared_task
def poll_bounces() -> None:
    """A mailbox that is away now is asked again in five minutes, so it is worth a line, no more."""
    try:
        imap.poll_mailbox(timezone.now())
    except imap.MailboxTrouble as trouble:
        logger.warning("The mailbox for bounces cannot be read: %s", " ".join(str(trouble).split()))
