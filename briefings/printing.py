"""The stored PDFs that readers are given: asked for, built once, kept under what is in them.

Whoever wants one asks the ledger (`Printout`); a worker claims the row by a conditional UPDATE,
reports while it builds, and writes the file whole. A worker that goes silent loses its claim.
Nobody but a worker builds, so no reader waits for a layout.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from celery import signature
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from briefings.contexts import describe_edition
from briefings.files import store_whole
from briefings.models import Edition, Printout, PrintoutState, Volume
from briefings.pdf import SECONDS, PDFRefused, compose_edition, digest_document, print_document
from briefings.press.client import PrintedDocument
from briefings.volumes import compose_volume, describe_volume

logger = logging.getLogger(__name__)

# A builder reports with every page; cutting down a volume's fonts at the end takes some seconds.
LEASE = timedelta(seconds=90)
ASKED_AGAIN = timedelta(seconds=60)  # a wake-up may have been lost with the broker
MOST_ATTEMPTS = 3
REFUSED_FOR = timedelta(hours=1)
VOLUME_SECONDS = 900
REPORTED_EVERY = timedelta(seconds=1)


@dataclass(frozen=True)
class Order:
    """Something to be printed, and the name that its PDF will have."""

    of: Edition | Volume
    document: PrintedDocument
    name: str

    @property
    def owner(self) -> dict[str, Edition | Volume]:
        return {"edition" if isinstance(self.of, Edition) else "volume": self.of}

    @property
    def seconds(self) -> float:
        return SECONDS if isinstance(self.of, Edition) else VOLUME_SECONDS


def make_order(of: Edition | Volume) -> Order:
    """Costs what describing it does, no layout. Raises PDFRefused where fonts are missing."""
    document = (
        compose_edition(describe_edition(of))
        if isinstance(of, Edition)
        else compose_volume(describe_volume(of))
    )
    folder = "pdf" if isinstance(of, Edition) else "pdf/volumes"
    return Order(of, document, f"{folder}/{of.slug}-{digest_document(document)}.pdf")


def find_pdf(order: Order) -> str | None:
    """The name in `default_storage`, if it has been built."""
    return order.name if default_storage.exists(order.name) else None


def ask_for(order: Order) -> Printout:
    """Have it built by a worker, unless that is under way; how far it is.

    A wake-up goes out after commit, and again if nothing was heard for a minute.
    """
    now = timezone.now()
    Printout.objects.filter(**order.owner, state=PrintoutState.WAITING).exclude(
        name=order.name
    ).delete()
    printout, _ = Printout.objects.get_or_create(name=order.name, defaults=order.owner)
    if printout.is_ready:  # and yet it isn't there
        _ask_anew(Printout.objects.filter(pk=printout.pk))
    # The machine may only have been too busy for it.
    _ask_anew(
        Printout.objects.filter(
            pk=printout.pk, state=PrintoutState.REFUSED, heard_at__lt=now - REFUSED_FOR
        )
    )
    silent = Q(asked_at=None) | Q(asked_at__lt=now - ASKED_AGAIN)
    asked = Printout.objects.filter(silent, pk=printout.pk, state=PrintoutState.WAITING)
    if asked.update(asked_at=now):
        _wake_worker(order.of)
    printout.refresh_from_db()
    return printout


def _ask_anew(printouts: QuerySet[Printout]) -> None:
    printouts.update(state=PrintoutState.WAITING, asked_at=None, attempts=0)


def _wake_worker(of: Edition | Volume) -> None:
    task = "build_edition_pdf" if isinstance(of, Edition) else "build_volume_pdf"
    build = signature(f"briefings.tasks.{task}", args=(of.pk,))
    # Without a broker nothing else is lost: the sweep and the next reader ask again. (Not a
    # partial: Django logs the failure by a name that partials don't have.)
    transaction.on_commit(build.apply_async, robust=True)


def build(order: Order) -> str | None:
    """The name of the PDF, built unless it is there; None where another builds it, or it is
    refused, which the ledger then says. Running twice builds nothing twice.
    """
    printout, _ = Printout.objects.get_or_create(name=order.name, defaults=order.owner)
    if find_pdf(order):
        _settle(printout, PrintoutState.READY)
        return order.name
    if not _claim(printout, timezone.now()):
        return None
    try:
        pdf = print_document(
            order.document, seconds=order.seconds, on_pages=_make_reporter(printout)
        )
    except PDFRefused as refusal:
        logger.warning("No PDF %s: %s", order.name, refusal)
        _settle(printout, PrintoutState.REFUSED, reason=str(refusal))
        return None
    store_whole(order.name, pdf)
    _settle(printout, PrintoutState.READY)
    return order.name


def _claim(printout: Printout, now: datetime) -> bool:
    free = Q(state=PrintoutState.WAITING) | Q(state=PrintoutState.READY)
    left = Q(state=PrintoutState.BUILDING, heard_at__lt=now - LEASE)
    return bool(
        Printout.objects.filter(free | left, pk=printout.pk).update(
            state=PrintoutState.BUILDING, heard_at=now, attempts=F("attempts") + 1, pages=0
        )
    )


def _settle(printout: Printout, state: PrintoutState, *, reason: str = "") -> None:
    Printout.objects.filter(pk=printout.pk).update(state=state, reason=reason, attempts=0)


def _make_reporter(printout: Printout) -> Callable[[int], None]:
    last = timezone.now()

    def report(pages: int) -> None:
        nonlocal last
        now = timezone.now()
        if now - last >= REPORTED_EVERY:
            last = now
            Printout.objects.filter(pk=printout.pk).update(pages=pages, heard_at=now)

    return report


def sweep(now: datetime) -> None:
    """Take up again what a worker left half done, or nobody was woken for; give up what took
    down every worker that tried.
    """
    left = Printout.objects.filter(state=PrintoutState.BUILDING, heard_at__lt=now - LEASE)
    left.filter(attempts__gte=MOST_ATTEMPTS).update(
        state=PrintoutState.REFUSED, reason=f"試了{MOST_ATTEMPTS}次都未能製成。"
    )
    left.update(state=PrintoutState.WAITING)
    forgotten = Printout.objects.filter(
        state=PrintoutState.WAITING, asked_at__lt=now - ASKED_AGAIN
    ).select_related("edition", "volume")
    for printout in forgotten:
        Printout.objects.filter(pk=printout.pk).update(asked_at=now)
        if of := printout.edition or printout.volume:
            _wake_worker(of)
