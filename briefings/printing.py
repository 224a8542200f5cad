"""The stored PDFs that readers are given: asked for, built once, kept under what is in them.

Whoever wants one asks the ledger (`Printout`); a worker claims the row by a conditional UPDATE,
reports while it builds, and writes the file whole. A worker that goes silent loses its claim.
Nobody but a worker builds, so no reader waits for a layout.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from uuid import uuid4

from celery import signature
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from briefings import hooks
from briefings.contexts import describe_edition
from briefings.files import store_whole
from briefings.models import Edition, Printout, PrintoutState, Volume
from briefings.pdf import (
    SECONDS,
    PDFBusy,
    PDFRefused,
    compose_document,
    digest_document,
    print_document,
    write_edition,
)
from briefings.press.client import PrintedDocument
from briefings.volumes import compose_volume, describe_volume

logger = logging.getLogger(__name__)

# A builder reports every five seconds, whether or not a page was laid out.
LEASE = timedelta(seconds=90)
PATIENCE = 20  # seconds that a worker's thread waits for another's document: there is mail to send
ASKED_AGAIN = timedelta(seconds=60)  # a wake-up may have been lost with the broker
MOST_ATTEMPTS = 3
REFUSED_FOR = timedelta(hours=1)
NOBODY_CAME = timedelta(minutes=15)
VOLUME_SECONDS = 900
REPORTED_EVERY = timedelta(seconds=1)


@dataclass(frozen=True)
class Order:
    """Something to be printed, and the name that its PDF will have."""

    of: Edition | Volume
    document: PrintedDocument
    name: str
    expected_pages: int = 0  # a guess; 0 where nobody waits long enough to be told

    @property
    def kind(self) -> str:
        return "edition" if isinstance(self.of, Edition) else "volume"

    @property
    def owner(self) -> dict[str, Edition | Volume]:
        return {self.kind: self.of}

    @property
    def seconds(self) -> float:
        return SECONDS if isinstance(self.of, Edition) else VOLUME_SECONDS


def make_order(of: Edition | Volume) -> Order:
    """Costs what describing it does, no layout. Raises PDFRefused where fonts are missing."""
    if isinstance(of, Edition):
        return make_order_of(of, write_edition(describe_edition(of)))
    volume = describe_volume(of)
    document = compose_volume(volume)
    name = f"pdf/volumes/{_shorten(of.slug)}-{digest_document(document)}.pdf"
    return Order(of, document, name, volume.expected_pages)


def make_order_of(edition: Edition, written: str) -> Order:
    """What `write_edition` once made of it, which may have been corrected since."""
    document = compose_document(written)
    name = f"pdf/{_shorten(edition.slug)}-{digest_document(document)}.pdf"
    return Order(edition, document, name)


def _shorten(slug: str) -> str:
    """A file's name may have 255 bytes, of which a Chinese character takes three."""
    return slug[:40]


def find_pdf(order: Order) -> str | None:
    """The name in `default_storage`, if it has been built."""
    return order.name if default_storage.exists(order.name) else None


def ask_for(order: Order) -> Printout:
    """Have it built by a worker, unless that is under way; how far it is.

    A wake-up goes out after commit, and again if nothing was heard for a minute.
    """
    _drop_outdated(order)
    printout = _enter(order)
    now = timezone.now()
    if printout.is_ready and not find_pdf(order):
        _put_back(Printout.objects.filter(pk=printout.pk))
    # The machine may only have been too busy for it.
    refused = Printout.objects.filter(pk=printout.pk, state=PrintoutState.REFUSED)
    _put_back(refused.filter(heard_at__lt=now - REFUSED_FOR))
    call_again(printout, now)
    # Gone if somebody with newer text came between.
    return Printout.objects.filter(pk=printout.pk).first() or printout


def ask_anew(order: Order) -> Printout:
    """The same, also of what was refused: an editor thinks that it may go well now."""
    _put_back(Printout.objects.filter(name=order.name, state=PrintoutState.REFUSED))
    return ask_for(order)


def _put_back(printouts: QuerySet[Printout]) -> None:
    printouts.update(
        state=PrintoutState.WAITING,
        asked_at=None,
        waiting_since=timezone.now(),
        attempts=0,
        reason="",
    )


def is_forgotten(printout: Printout, now: datetime) -> bool:
    """Whether it waits for so long that no worker can be running, or none that can print."""
    waits = printout.state == PrintoutState.WAITING
    return waits and printout.waiting_since < now - NOBODY_CAME


def refuse_waiting(of: Edition | Volume, reason: str) -> None:
    """A worker came and can't print at all."""
    waiting = of.printouts.filter(state=PrintoutState.WAITING)
    waiting.update(state=PrintoutState.REFUSED, reason=reason, heard_at=timezone.now())


def call_again(printout: Printout, now: datetime) -> None:
    """Wake a worker for what waits, unless somebody did within the last minute."""
    silent = Q(asked_at=None) | Q(asked_at__lt=now - ASKED_AGAIN)
    asked = Printout.objects.filter(silent, pk=printout.pk, state=PrintoutState.WAITING)
    of = printout.edition or printout.volume
    if of and asked.update(asked_at=now):
        wake_worker(of)


def _enter(order: Order) -> Printout:
    known = order.owner | {"expected_pages": order.expected_pages}
    printout, _ = Printout.objects.get_or_create(name=order.name, defaults=known)
    return printout


def _drop_outdated(order: Order) -> None:
    """Nobody builds what nobody could be given: whoever is woken builds what it should now be.
    And what was refused of an older text is no news.
    """
    unbuilt = order.of.printouts.filter(state__in=[PrintoutState.WAITING, PrintoutState.REFUSED])
    unbuilt.exclude(name=order.name).delete()


def wake_worker(of: Edition | Volume) -> None:
    """After commit."""
    task = "build_edition_pdf" if isinstance(of, Edition) else "build_volume_pdf"
    build = signature(f"briefings.tasks.{task}", args=(of.pk,))
    # Without a broker nothing else is lost: the sweep and the next reader ask again. (Not a
    # partial: Django logs the failure by a name that partials don't have.)
    transaction.on_commit(build.apply_async, robust=True)


def build(order: Order) -> str | None:
    """The name of the PDF, built unless it is there; None where another builds it, or it is
    refused, which the ledger then says. Running twice builds nothing twice.
    """
    _drop_outdated(order)
    return build_as_it_was(order)


def build_as_it_was(order: Order) -> str | None:
    """`build` for an order that may be outdated: what others wait for is left to them."""
    printout = _enter(order)
    claim = None if find_pdf(order) else _claim(printout, timezone.now())
    if find_pdf(order):  # perhaps only just: who had the claim before us was about to be done
        _settle(printout, default_storage.size(order.name))
        return order.name
    if not claim:
        return None
    start = perf_counter()
    try:
        pdf = print_document(
            order.document,
            seconds=order.seconds,
            patience=PATIENCE,
            on_pages=_make_reporter(claim),
        )
    except PDFBusy:
        # The sweep calls again, when our thread has done what else there is to do.
        claim.update(
            state=PrintoutState.WAITING, asked_at=timezone.now(), attempts=F("attempts") - 1
        )
        return None
    except PDFRefused as refusal:
        logger.warning("No PDF %s: %s", order.name, refusal)
        claim.update(state=PrintoutState.REFUSED, reason=str(refusal))
        return None
    store_whole(order.name, pdf)
    _settle(printout, len(pdf))
    for tell in hooks.printing_watchers:
        tell(order.kind, perf_counter() - start)
    return order.name


def _claim(printout: Printout, now: datetime) -> QuerySet[Printout] | None:
    """The row, as long as it is ours: who went silent and comes back writes nothing any more."""
    free = Q(state=PrintoutState.WAITING) | Q(state=PrintoutState.READY)
    left = Q(state=PrintoutState.BUILDING, heard_at__lt=now - LEASE)
    mine = uuid4().hex
    claimed = Printout.objects.filter(free | left, pk=printout.pk).update(
        state=PrintoutState.BUILDING,
        claim=mine,
        heard_at=now,
        attempts=F("attempts") + 1,
        pages=0,
    )
    ours = Printout.objects.filter(pk=printout.pk, state=PrintoutState.BUILDING, claim=mine)
    return ours if claimed else None


def _settle(printout: Printout, size: int) -> None:
    """The file is there, whoever built it."""
    Printout.objects.filter(pk=printout.pk).update(
        state=PrintoutState.READY, reason="", size=size, attempts=0
    )


def _make_reporter(claim: QuerySet[Printout]) -> Callable[[int], None]:
    last = timezone.now()

    def report(pages: int) -> None:
        nonlocal last
        now = timezone.now()
        if now - last >= REPORTED_EVERY:
            last = now
            claim.update(pages=pages, heard_at=now)

    return report


def sweep(now: datetime) -> None:
    """Take up again what a worker left half done, or nobody was woken for; give up what took
    down every worker that tried.
    """
    left = Printout.objects.filter(state=PrintoutState.BUILDING, heard_at__lt=now - LEASE)
    left.filter(attempts__gte=MOST_ATTEMPTS).update(
        state=PrintoutState.REFUSED, reason=f"試了{MOST_ATTEMPTS}次都未能製成。"
    )
    left.update(state=PrintoutState.WAITING, asked_at=None, waiting_since=now)
    waiting = Printout.objects.filter(state=PrintoutState.WAITING)
    for printout in waiting.select_related("edition", "volume"):
        call_again(printout, now)
