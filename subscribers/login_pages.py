"""Where members log in and out, and come in by the links of a mailed edition.

A GET only shows a button: programs that look through mail open every link in it. No page says who
the member is, since a mail may have been sent on.
"""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError

from briefings.languages import as_written, find_page, is_page
from briefings.models import Edition, State
from briefings.views.pages import state_address
from subscribers.forms import LoginForm
from subscribers.links import Purpose, read_token
from subscribers.logins import (
    ENTERED_GOOD_FOR,
    LOGIN_GOOD_FOR,
    audience_of,
    choose_address,
    close_session,
    find_place,
    find_reader,
    is_entrance_open,
    may_ask,
    open_session,
)
from subscribers.models import Delivery, LoginLink
from subscribers.tasks import send_login_link
from subscribers.views import asks_or_acts, show_bad_link, show_no_member

_LEADS_TO_AN_EDITION = frozenset(("briefings:edition_pdf", "subscribers:enter"))


@never_cache
@asks_or_acts
def login(request: HttpRequest) -> HttpResponse:
    """The same answer whatever the address: what differs by it, a worker does."""
    if request.method != "POST":
        reader = find_reader(request)
        context = {"form": LoginForm(), "leads_to": find_origin(request), "reader": reader}
        return render(request, "subscribers/login.html", context | state_address(request))
    form = LoginForm(request.POST)
    leads_to = choose_address(request.POST.get("leads_to", ""))
    status = 200
    if form.is_valid():
        if not may_ask(request):
            form.add_error(None, _("要求登入的次數太多，請過一小時再試。"))
            status = 429
        elif _queue_link(form.cleaned_data["email"], leads_to):
            return redirect("subscribers:login_sent")
        else:
            form.add_error(None, _("現時未能寄出郵件，請過幾分鐘再試。"))
            status = 503
    context = {"form": form, "leads_to": leads_to}
    return render(request, "subscribers/login.html", context, status=status)


def find_origin(request: HttpRequest) -> str:
    """The page of ours from which somebody came to log in, to bring them back there.

    Only one with something to read: a link that is over, or that only its owner should have, is
    nothing to go back to.
    """
    try:
        came_from = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return ""
    own = urlsplit(settings.SITE_URL).netloc
    if came_from.netloc not in (own, request.get_host()) or not _is_to_be_read(came_from.path):
        return ""
    query = f"?{came_from.query}" if came_from.query else ""
    return choose_address(f"{came_from.path}{query}")


def _is_to_be_read(path: str) -> bool:
    written = as_written(path)
    return is_page(written) or find_page(written) in _LEADS_TO_AN_EDITION


def _queue_link(email: str, leads_to: str) -> bool:
    try:
        send_login_link.delay(email, leads_to)
    except OperationalError:
        return False
    return True


@require_safe
def login_sent(request: HttpRequest) -> HttpResponse:
    return render(request, "subscribers/login_sent.html")


@never_cache
@asks_or_acts
def log_in(request: HttpRequest, token: str) -> HttpResponse:
    try:
        link_id = read_token(Purpose.LOGIN, token)
    except BadSignature:
        return show_bad_link(request)
    link = LoginLink.objects.select_related("member").filter(pk=link_id).first()
    now = timezone.now()
    if link is None or not link.is_good(now) or not link.member.is_active:
        return _show_expired(request)
    if request.method != "POST":
        return render(request, "subscribers/log_in.html")
    if not link.use(now):
        return _show_expired(request)
    answer = redirect(link.leads_to or "briefings:home")
    if not open_session(request, answer, link.member, LOGIN_GOOD_FOR):
        return _show_expired(request)
    return answer


@never_cache
@asks_or_acts
def enter(request: HttpRequest, token: str) -> HttpResponse:
    """From mail to the pages of an edition that only members may read yet."""
    deliveries = Delivery.objects.select_related("member", "mailing__edition", "digest")
    try:
        delivery = deliveries.filter(pk=read_token(Purpose.ENTER, token)).first()
    except BadSignature:
        delivery = None
    if delivery is None:
        return show_bad_link(request)
    found = find_place(delivery, request.GET.get("to", ""))
    if found is None:
        return show_bad_link(request)
    edition, place = found
    if edition.is_visible_to(audience_of(request)):
        return redirect(place)
    if edition.state != State.PUBLISHED:
        return render(request, "subscribers/withdrawn.html", status=410)
    return _let_in(request, delivery, edition, place)


def _let_in(request: HttpRequest, delivery: Delivery, edition: Edition, place: str) -> HttpResponse:
    member = delivery.member
    if member is None or not member.is_active:
        return show_no_member(request)
    if not is_entrance_open(delivery, timezone.now()):
        return _show_expired(request)
    if request.method != "POST":
        return render(request, "subscribers/enter.html", {"edition": edition})
    answer = redirect(place)
    if not open_session(request, answer, member, ENTERED_GOOD_FOR):
        return show_no_member(request)
    return answer


@never_cache
@asks_or_acts
def logout(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return redirect("subscribers:login")  # where the button is
    answer = redirect("subscribers:login")
    close_session(request, answer)
    return answer


def _show_expired(request: HttpRequest) -> HttpResponse:
    return render(request, "subscribers/login_expired.html", status=410)
