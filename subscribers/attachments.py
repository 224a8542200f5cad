"""The PDF in an edition's mail: frozen when the mailing is opened, printed by a worker, kept under
what is in it. `docs/decisions/0014-attached-pdf.md` has the rules.

Copies that are to bring it are not due before it is settled (`DeliveryQuerySet.due`).
"""

import logging
from datetime import datetime, timedelta
from hashlib import sha256

from celery import signature
from django.core.files.storage import default_storage

from briefings.contexts import EditionContext, describe_edition
from briefings.files import store_whole
from briefings.models import Edition, Printout
from briefings.pdf import PDFRefused, write_edition
from briefings.printing import ask_for, build_as_it_was, find_pdf, make_order_of
from subscribers.models import AttachedPDF, AttachmentState, Mailing

logger = logging.getLogger(__name__)

# Octets. In Base64 it is 6.9 MB; mail services and servers take 10 to 25 MB, and mailboxes fill.
MOST_ATTACHED = 5_000_000

# From the first trial, since while no worker runs nothing is mailed either. A PDF takes seconds,
# and a worker that dies over one costs minutes.
PATIENCE = timedelta(minutes=30)

WAKE_EXPIRES = timedelta(hours=1)


def freeze_pdf(mailing: Mailing, edition: EditionContext) -> AttachedPDF:
    """Not printed yet: who opens a mailing may have no fonts, and waits for nothing."""
    return AttachedPDF.objects.create(
        mailing=mailing, filename=name_file(edition), written=write_edition(edition)
    )


def name_file(edition: EditionContext) -> str:
    """In ASCII, as some mail programs show nothing else."""
    return f"{edition.date.isoformat()}.pdf" if edition.date else "edition.pdf"


def see_to_pdf(mailing: Mailing, now: datetime) -> bool:
    """Have it printed, or give it up: whether that was done. Twice is like once."""
    pdf = AttachedPDF.objects.waiting().filter(mailing=mailing).first()
    if pdf is None:
        return False
    if pdf.tried_at and pdf.tried_at <= now - PATIENCE:
        return _give_up(pdf)
    # By name, as the schedule does: the tasks import this module.
    signature("subscribers.tasks.print_attached_pdf", args=(mailing.pk,)).apply_async(
        expires=WAKE_EXPIRES.total_seconds()
    )
    return False


def print_pdf(mailing_id: int, now: datetime) -> bool:
    """Whether that settled it; if not, another worker is at it or the ledger says what is wrong."""
    pdfs = AttachedPDF.objects.waiting().select_related("mailing__edition")
    pdf = pdfs.filter(mailing=mailing_id).first()
    if pdf is None or pdf.mailing.edition is None:
        return False
    pdf.note_trial(now)
    try:
        order = make_order_of(pdf.mailing.edition, pdf.written)
    except PDFRefused as refusal:  # on this machine
        pdf.note_reason(str(refusal))
        return False
    name = build_as_it_was(order)
    if name is None:
        printout = Printout.objects.filter(name=order.name).first()
        pdf.note_reason(printout.reason if printout else "")
        return False
    return _settle(pdf, name)


def _settle(pdf: AttachedPDF, printed: str) -> bool:
    """With a copy of its own, since printed PDFs may be deleted at any time."""
    size = default_storage.size(printed)
    if size > MOST_ATTACHED:
        return pdf.settle(AttachmentState.TOO_BIG, size=size, reason="")
    with default_storage.open(printed) as file:
        content = file.read()
    digest = sha256(content).hexdigest()
    name = f"attached/{digest}.pdf"
    if not default_storage.exists(name):
        store_whole(name, content)
    return pdf.settle(
        AttachmentState.ATTACHED, name=name, sha256=digest, size=len(content), reason=""
    )


def _give_up(pdf: AttachedPDF) -> bool:
    """Whoever has waited for it gets the link."""
    reason = pdf.reason or f"{PATIENCE // timedelta(minutes=1)}分鐘內未能製成。"
    is_over = pdf.settle(AttachmentState.FAILED, reason=reason)
    if is_over:
        logger.warning("Mailing %s goes out without its PDF: %s", pdf.mailing_id, reason)
    return is_over


def foresee_pdf(edition: Edition) -> AttachedPDF:
    """What would be attached now, unsaved; asked for where it is not printed yet."""
    description = describe_edition(edition)
    pdf = AttachedPDF(filename=name_file(description))
    try:
        order = make_order_of(edition, write_edition(description))
        name = find_pdf(order)
        printout = None if name else ask_for(order)
    except PDFRefused as refusal:
        pdf.state, pdf.reason = AttachmentState.FAILED, str(refusal)
        return pdf
    if printout and printout.is_refused:
        pdf.state, pdf.reason = AttachmentState.FAILED, printout.reason
    elif name or (printout and printout.is_ready):  # where tasks run at once
        pdf.name = order.name
        pdf.size = default_storage.size(order.name)
        is_too_big = pdf.size > MOST_ATTACHED
        pdf.state = AttachmentState.TOO_BIG if is_too_big else AttachmentState.ATTACHED
    return pdf
