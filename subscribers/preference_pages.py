"""What a member asks for from the page of their preferences: searches, another address, their data,
or that it be deleted.

The link to that page comes with every mail, and mail is sent on: so nothing of the last three
happens, and nothing is shown, but by a mail to the member's own address.
"""

from collections.abc import Callable
from datetime import datetime

from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from kombu.exceptions import OperationalError

from briefings.clients import count_asking, count_times
from subscribers.address_changes import (
    TooManyChanges,
    ask_for_change,
    cancel_change,
    confirm_change,
)
from subscribers.forms import AddressForm, FollowForm
from subscribers.links import Purpose, read_key, read_token
from subscribers.models import AddressChange, ConsentWay, Member, Suppression
from subscribers.personal_data import erase_member
from subscribers.searches import SearchRefused, subscribe_to_search
from subscribers.tasks import send_erase_link, send_personal_data
from subscribers.views import (
    asks_or_acts,
    for_member,
    show_bad_link,
    show_no_member,
    show_preferences,
)

ASKED_BY_CLIENT = 10  # in an hour
ASKED_FOR_MEMBER = 6  # in a day; no more to fill somebody's mailbox with
HOUR = 60 * 60
DAY = 24 * HOUR


@never_cache
@require_POST
@for_member(Purpose.PREFERENCES)
def change_address(request: HttpRequest, member: Member) -> HttpResponse:
    if not member.is_active:
        return show_no_member(request)
    form = AddressForm(request.POST)
    if form.is_valid():
        try:
            ask_for_change(member, form.cleaned_data["email"], timezone.now())
        except TooManyChanges:
            form.add_error("email", _("今天更改的次數太多，請明天再試。"))
        else:
            told = _(
                "確認信已寄往新的地址，通知已寄往現時的地址。按下新地址收到的連結，更改才會生效。"
            )
            return _tell(request, _("請查看電郵"), told)
    return show_preferences(request, member, address_form=form)


@never_cache
@require_POST
@for_member(Purpose.PREFERENCES)
def follow_search(request: HttpRequest, member: Member) -> HttpResponse:
    if not member.is_active:
        return show_no_member(request)
    form = FollowForm(request.POST)
    if form.is_valid():
        search = form.cleaned_data["search"]
        try:
            is_new = subscribe_to_search(member, search, timezone.now())
        except SearchRefused as refused:
            form.add_error("search", str(refused))
        else:
            told = _("已訂閱「{search}」。") if is_new else _("你早已訂閱「{search}」。")
            told = told.format(search=search)
            return show_preferences(request, member, told_of_searches=told)
    return show_preferences(request, member, follow_form=form)


@never_cache
@require_POST
@for_member(Purpose.PREFERENCES)
def unfollow_search(request: HttpRequest, member: Member) -> HttpResponse:
    """Gone before is as good as gone now."""
    if not member.is_active:
        return show_no_member(request)
    member.searches.filter(pk=read_key(request.POST.get("search", ""))).delete()
    return show_preferences(request, member, told_of_searches=_("已移除這個搜尋。"))


@never_cache
@require_POST
@for_member(Purpose.PREFERENCES)
def resume(request: HttpRequest, member: Member) -> HttpResponse:
    """Mail that had stopped goes out again; if it comes back again, it stops again."""
    if not member.is_active:
        return show_no_member(request)
    Suppression.objects.of(member.email).lift(timezone.now())
    return show_preferences(request, member, told=_("已恢復寄送，由下一次發送起生效。"))


@never_cache
@require_POST
@for_member(Purpose.PREFERENCES)
def ask_for_data(request: HttpRequest, member: Member) -> HttpResponse:
    told = _("我們持有的個人資料，將以附件寄往你訂閱的地址。")
    return _mail_to(request, member, send_personal_data.delay, told)


@never_cache
@require_POST
@for_member(Purpose.PREFERENCES)
def ask_to_erase(request: HttpRequest, member: Member) -> HttpResponse:
    told = _("連結將寄往你訂閱的地址。開啟它，便可刪除你的資料。")
    return _mail_to(request, member, send_erase_link.delay, told)


def _mail_to(
    request: HttpRequest, member: Member, queue: Callable[[int], object], told: str
) -> HttpResponse:
    if not member.is_active:
        return show_no_member(request)
    if _is_asked_too_often(request, member):
        told = _("要求的次數太多，請過些時候再試。")
        return _tell(request, _("請稍後再試"), told, status=429)
    try:
        queue(member.pk)
    except OperationalError:
        told = _("現時未能寄出郵件，請過幾分鐘再試。")
        return _tell(request, _("請稍後再試"), told, status=503)
    return _tell(request, _("請查看電郵"), told)


def _is_asked_too_often(request: HttpRequest, member: Member) -> bool:
    """By this client, or for this member: who was sent a mail on has their link everywhere."""
    is_by_client = count_asking("personal-data", request, HOUR) > ASKED_BY_CLIENT
    return is_by_client or count_times(f"personal-data-of:{member.pk}", DAY) > ASKED_FOR_MEMBER


@never_cache
@asks_or_acts
def move(request: HttpRequest, token: str) -> HttpResponse:
    """From the mail to the new address."""
    return _settle(request, Purpose.MOVE, token, confirm_change)


@never_cache
@asks_or_acts
def keep(request: HttpRequest, token: str) -> HttpResponse:
    """From the mail to the old address."""
    return _settle(request, Purpose.KEEP, token, cancel_change)


def _settle(
    request: HttpRequest,
    purpose: Purpose,
    token: str,
    settle: Callable[[AddressChange, datetime], bool],
) -> HttpResponse:
    """A GET only shows a button: programs that look through mail open every link in it."""
    try:
        change = AddressChange.objects.filter(pk=read_token(purpose, token)).first()
    except BadSignature:
        return show_bad_link(request)
    now = timezone.now()
    if change is None or not (change.is_good(now) or change.cancelled_at):
        told = _("連結已過了有效期，地址沒有更改。")
        return _tell(request, _("連結已失效"), told, status=410)
    has_acted = request.method == "POST" and settle(change, now)
    if request.method == "POST" and not has_acted:
        told = _("連結已失效，或者這個地址已有訂閱。")
        return _tell(request, _("未能更改"), told, status=410)
    return render(
        request,
        f"subscribers/{purpose}.html",
        {"change": change, "has_acted": has_acted},
    )


@never_cache
@asks_or_acts
def erase(request: HttpRequest, token: str) -> HttpResponse:
    try:
        member = Member.objects.filter(pk=read_token(Purpose.ERASE, token)).first()
    except BadSignature:
        return show_bad_link(request)
    if member and request.method == "POST":
        erase_member(member, timezone.now(), way=ConsentWay.LINK)
        member = None
    if member is None:
        told = _("我們不再持有你的資料，只保留法例要求的同意和取消紀錄。")
        return _tell(request, _("資料已刪除"), told)
    return render(request, "subscribers/erase.html", {"member": member})


def _tell(request: HttpRequest, title: str, told: str, status: int = 200) -> HttpResponse:
    return render(request, "subscribers/told.html", {"title": title, "told": told}, status=status)
