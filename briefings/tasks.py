from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from briefings import cards, imports, printing, scheduling
from briefings.models import Edition, Publication, Volume
from briefings.pdf import PDFRefused
from briefings.search import merging
from briefings.web_links import check_links


@shared_task
def build_edition_pdf(edition_id: int) -> None:
    """Have the PDF ready before the first reader asks; running twice builds nothing twice."""
    if edition := Edition.objects.filter(pk=edition_id).first():
        _build(edition)


@shared_task
def build_volume_pdf(volume_id: int) -> None:
    if volume := Volume.objects.filter(pk=volume_id).first():
        _build(volume)


def _build(of: Edition | Volume) -> None:
    try:
        order = printing.make_order(of)
    except PDFRefused as refusal:
        printing.refuse_waiting(of, str(refusal))
        raise
    printing.build(order)


@shared_task
def draw_cards(edition_id: int) -> None:
    """Have the share cards ready before anybody shares; running twice draws nothing twice."""
    if edition := Edition.objects.filter(pk=edition_id).first():
        cards.draw_missing(edition)


@shared_task
def draw_general_card() -> None:
    cards.draw_general(Publication.load())


@shared_task
def sweep_printouts() -> None:
    printing.sweep(timezone.now())


@shared_task
def publish_due() -> None:
    scheduling.publish_due_editions(timezone.now())


@shared_task
def check_web_links(urls: list[str], rest: float) -> None:
    """Ask these addresses, unless somebody did less than `rest` seconds ago."""
    check_links(urls, rest=timedelta(seconds=rest))


@shared_task
def read_imported_file(file_id: int) -> None:
    imports.read_file(file_id, timezone.now())


@shared_task
def tidy_search_index() -> None:
    merging.tidy_index(timezone.now())


@shared_task
def sweep_imports() -> None:
    imports.sweep(timezone.now())
