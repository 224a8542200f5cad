from celery import shared_task

from briefings.models import Edition
from briefings.pdf import store_edition_pdf


@shared_task
def build_edition_pdf(edition_id: int) -> None:
    """Have the PDF ready before the first reader asks; running twice builds nothing twice."""
    edition = Edition.objects.filter(pk=edition_id).first()
    if edition:
        store_edition_pdf(edition)
