from collections.abc import Callable
from functools import wraps

from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from briefings.languages import language_of, leave_alone
from briefings.views.pages import state_address
from subscribers.forms import AddressForm, FollowForm, PreferencesForm, SubscribeForm
from subscribers.joining import WITHIN as ASKED_WITHIN
from subscribers.joining import may_ask, write_down
from subscribers.links import Purpose, make_token, read_token
from subscribers.mail_pages import show_mail
from subscribers.messages import fill_digest, find_attached_pdf, make_slots, word_pdf
from subscribers.models import ConsentWay, Delivery, JoiningRequest, Member, Suppression

MemberView = Callable[[HttpRequest, Member], HttpResponse]
LinkView = Callable[[HttpRequest, str], HttpResponse]

asks_or_acts = require_http_methods(["GET", "HEAD", "POST"])


def for_member(purpose: Purpose) -> Callable[[MemberView], LinkView]:
    """Hands the view the member whom the link is for; without one it answers kindly itself."""

    def decorate(view: MemberView) -> LinkView:
        @wraps(view)
        def show(request: HttpRequest, token: str) -> HttpResponse:
            try:
                member = _find_member(purpose, token)
                return view(request, member) if member else show_no_member(request)
            except BadSignature:
                return show_bad_link(request)
            except Member.DoesNotExist:  # deleted since we looked
                return show_no_member(request)

        return show

    return decorate


@asks_or_acts
def subscribe(request: HttpRequest) -> HttpResponse:
    """The same answer whatever the address, whether a bot asked, and whether mail goes out."""
    wish = {"search": request.GET.get("search", ""), "only_searches": True}
    page = language_of(request)
    form = SubscribeForm(request.POST or None, initial=wish, page=page)
    is_valid, status = form.is_valid(), 200
    if is_valid and not may_ask(request):
        form.add_error(None, _("要求訂閱的次數太多，請過一小時再試。"))
        is_valid, status = False, 429
    if not is_valid:
        context = {"form": form, **state_address(request)}
        return render(request, "subscribers/subscribe.html", context, status=status)
    if not form.is_from_bot():
        write_down(
            email=form.cleaned_data["email"],
            name=form.cleaned_data["name"],
            frequency=form.cleaned_data["frequency"],
            themes=form.cleaned_data["themes"],
            search=form.cleaned_data["search"],
            only_searches=form.cleaned_data["only_searches"],
            now=timezone.now(),
            variant=form.variant,
            consent_wording=form.consent_wording,
        )
    return redirect("subscribers:subscribe_sent")


@require_safe
def subscribe_sent(request: HttpRequest) -> HttpResponse:
    return render(request, "subscribers/subscribe_sent.html")


@never_cache
@asks_or_acts
@for_member(Purpose.CONFIRM)
def confirm(request: HttpRequest, member: Member) -> HttpResponse:
    """A GET only shows the button: programs that look through mail open every link in it."""
    if request.method == "POST":
        member.confirm()
    return render(
        request,
        "subscribers/confirm.html",
        {"member": member, "preferences": make_token(Purpose.PREFERENCES, member.pk)},
    )


@never_cache
@asks_or_acts
@for_member(Purpose.PREFERENCES)
def preferences(request: HttpRequest, member: Member) -> HttpResponse:
    if not member.is_active:
        return show_no_member(request)
    form = PreferencesForm(request.POST or None, instance=member)
    if not form.is_valid():
        return show_preferences(request, member, form=form)
    form.save()
    return show_preferences(request, member, form=form, told=_("偏好已儲存。"))


def show_preferences(request: HttpRequest, member: Member, **shown: object) -> HttpResponse:
    """`shown` is what the member is told, and a form that comes back with its errors."""
    context = {
        "form": PreferencesForm(instance=member),
        "address_form": AddressForm(),
        "follow_form": FollowForm(initial={"search": propose_search(request, member)}),
        "searches": list(member.searches.all()),
        "member": member,
        "suppression": Suppression.objects.of(member.email).standing().first(),
        "preferences": make_token(Purpose.PREFERENCES, member.pk),
        "unsubscribe": make_token(Purpose.UNSUBSCRIBE, member.pk),
    }
    return render(request, "subscribers/preferences.html", context | shown)


def propose_search(request: HttpRequest, member: Member) -> str:
    """What the address asks for, or what somebody has asked for at the page for joining: members
    are led from there by a mail, which carries nothing of it.
    """
    if request.method == "POST":
        return ""
    since = timezone.now() - ASKED_WITHIN
    asked = JoiningRequest.objects.of_address(member.email, since).exclude(search="")
    latest = asked.order_by("-asked_at").values_list("search", flat=True).first()
    search = request.GET.get("search") or latest or ""
    is_had = bool(search) and member.searches.of_query(search).exists()
    return "" if is_had else search


@csrf_exempt  # mail programs post here without having seen a form (RFC 8058); the token is proof
@never_cache
@asks_or_acts
@for_member(Purpose.UNSUBSCRIBE)
def unsubscribe(request: HttpRequest, member: Member) -> HttpResponse:
    """GET asks, POST acts: from the page's button or, with the same effect, in one click."""
    if request.method == "POST":
        is_one_click = request.POST.get("List-Unsubscribe") == "One-Click"
        member.unsubscribe(way=ConsentWay.ONE_CLICK if is_one_click else ConsentWay.LINK)
    return render(request, "subscribers/unsubscribe.html", {"member": member})


@never_cache
@require_safe
def mail(request: HttpRequest, token: str) -> HttpResponse:
    """What was mailed, as it was mailed, unless that was withdrawn since."""
    try:
        delivery_id = read_token(Purpose.MAIL, token)
    except BadSignature:
        return show_bad_link(request)
    deliveries = Delivery.objects.select_related("digest", "mailing__edition")
    delivery = get_object_or_404(deliveries, pk=delivery_id)
    if not delivery.digest.html:  # forgotten with the member whose searches it named
        return show_no_member(request)
    if delivery.is_withdrawn:
        is_digest = delivery.mailing.edition is None
        return render(request, "subscribers/withdrawn.html", {"is_digest": is_digest}, status=410)
    slots = make_slots(delivery) | word_pdf(find_attached_pdf(delivery.digest))
    _, html = fill_digest(delivery.digest, slots)
    response = leave_alone(show_mail(html))
    response["X-Robots-Tag"] = "noindex"
    return response


def _find_member(purpose: Purpose, token: str) -> Member | None:
    """None if the member was deleted since the link was made. Raises BadSignature."""
    return Member.objects.filter(pk=read_token(purpose, token)).first()


def show_bad_link(request: HttpRequest) -> HttpResponse:
    return render(request, "subscribers/bad_link.html", status=404)


def show_no_member(request: HttpRequest) -> HttpResponse:
    return render(request, "subscribers/no_member.html")
