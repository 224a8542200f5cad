"""PDFs and pictures."""

import logging

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.encoding import escape_uri_path
from django.utils.http import http_date, quote_etag
from django.views.decorators.http import require_safe

from briefings import hooks
from briefings.cards import describe_general_card, general_card_url, wake_for_reader
from briefings.cards import file_of as file_of_card
from briefings.models import Edition, Picture, Publication, Volume
from briefings.pdf import PDFRefused
from briefings.pictures import file_of
from briefings.printing import ask_for, find_pdf, is_forgotten, make_order
from briefings.views.pages import mark_for, show_withdrawal

logger = logging.getLogger(__name__)


@require_safe
def edition_pdf(request: HttpRequest, slug: str) -> HttpResponseBase:
    if taken := Edition.objects.taken_from_public().filter(slug=slug).first():
        return show_withdrawal(request, taken)
    audience = hooks.audience_of(request)
    edition = get_object_or_404(Edition.objects.visible_to(audience), slug=slug)
    answer = send_pdf(request, edition, f"{edition.label}（{edition.date}）")
    mark_for(audience, answer)
    if edition.is_for_members:
        answer["X-Robots-Tag"] = "noindex"
    return answer


@require_safe
def volume_pdf(request: HttpRequest, slug: str) -> HttpResponseBase:
    volume = get_object_or_404(Volume.objects.open_to_readers(), slug=slug)
    return send_pdf(request, volume, volume.title)


def send_pdf(request: HttpRequest, of: Edition | Volume, title: str) -> HttpResponseBase:
    """The PDF as it should now be; where a worker has yet to build it, a page that asks again."""
    try:
        order = make_order(of)
    except PDFRefused as refusal:
        return show_refusal(request, of, str(refusal))
    if name := find_pdf(order):
        return send_stored_pdf(request, name, title)
    printout = ask_for(order)
    if printout.is_ready:  # where tasks run at once
        return send_stored_pdf(request, order.name, title)
    if printout.is_refused:
        return show_refusal(request, of, printout.reason)
    if is_forgotten(printout, timezone.now()):
        return show_refusal(request, of, "no worker came for it")
    answer = render(
        request, "briefings/pdf_waiting.html", {"of": of, "printout": printout}, status=202
    )
    answer["Refresh"] = answer["Retry-After"] = "3"  # seconds; works without a script
    answer["Cache-Control"] = "no-store"
    return answer


def show_refusal(request: HttpRequest, of: Edition | Volume, reason: str) -> HttpResponse:
    """Readers are told that there is none; why, only editors are, at the desk and in the log."""
    logger.info("No PDF of %s for a reader: %s", of, reason)
    return render(request, "briefings/pdf_refused.html", {"of": of}, status=503)


def send_stored_pdf(request: HttpRequest, name: str, title: str) -> HttpResponseBase:
    modified = default_storage.get_modified_time(name)
    etag = quote_etag(escape_uri_path(name))  # the name says what is in the file
    unchanged = get_conditional_response(request, etag, int(modified.timestamp()))
    answer = unchanged or FileResponse(
        default_storage.open(name),
        content_type="application/pdf",
        filename=f"{Publication.load()}{title}.pdf",
    )
    answer["ETag"] = etag
    answer["Last-Modified"] = http_date(modified.timestamp())
    # An edition can be withdrawn: nobody is to answer for us with a copy.
    answer["Cache-Control"] = "no-cache"
    return answer


@require_safe
def picture(request: HttpRequest, name: str) -> HttpResponseBase:
    """For whoever knows its address, which nobody can guess: members' mail asks for it too."""
    found = get_object_or_404(Picture, name=name)
    etag = quote_etag(name)  # the name says what is in the file
    answer = get_conditional_response(request, etag) or FileResponse(
        default_storage.open(file_of(found.name)),
        content_type="image/png" if name.endswith(".png") else "image/jpeg",
    )
    answer["ETag"] = etag
    answer["Cache-Control"] = "public, max-age=31536000, immutable"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


@require_safe
def general_card(request: HttpRequest, digest: str) -> HttpResponseBase:
    """The publication's own, as it now is; an older address leads here."""
    face = describe_general_card(publication := Publication.load())
    if digest != face.digest:
        return HttpResponseRedirect(general_card_url(publication))
    if not default_storage.exists(name := file_of_card(face)):
        wake_for_reader(None)
        raise Http404
    return send_card(request, name)


def send_card(request: HttpRequest, name: str) -> HttpResponseBase:
    etag = quote_etag(name)  # the name says what is drawn
    answer = get_conditional_response(request, etag) or FileResponse(
        default_storage.open(name), content_type="image/png"
    )
    answer["ETag"] = etag
    # A week and not for ever: what is withdrawn is to go from other sites, too.
    answer["Cache-Control"] = "public, max-age=604800, immutable"
    return answer
