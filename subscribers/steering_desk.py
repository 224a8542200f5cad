"""A mailing's page at the desk while it is under way: how far it is, and who may steer it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from briefings.admin.freshness import person_at
from briefings.history import name_person, say_why
from briefings.permissions import Person
from subscribers.catching_up import CATCH_UP_WITHIN, catch_up, count_missed, find_hindrance
from subscribers.messages import make_message_id
from subscribers.models import (
    Delivery,
    DeliveryQuerySet,
    DeliveryState,
    Mailing,
    MailingState,
    MailReport,
    SteeringAct,
    SteeringRecord,
)
from subscribers.opening import MailingRefused
from subscribers.permissions import VIEW_MAILING, may_see_whose, may_settle, may_steer
from subscribers.progress import (
    Progress,
    describe_pace,
    describe_progress,
    measure,
    tell_progress,
)
from subscribers.settling import send_unsettled_again, take_as_sent, take_as_unsent
from subscribers.steering import cancel, pause, resume

# Milliseconds between two looks at a mailing that is being sent, and at one that stands still.
LIVELY, QUIET = 2000, 15000

SHOWN = 50  # of what was done, the latest
HELD_ON_A_PAGE = 50
MOST_DIGITS = 19  # of a key, or the database refuses the number

LATE = "這次發送剛才已有變動，沒有再做；現時的狀態見下。"


def describe_panel(request: HttpRequest, mailing: Mailing) -> dict[str, Any]:
    """What the panel shows to this person. Five queries."""
    now = timezone.now()
    progress = measure(mailing, now)
    sees_whose = may_see_whose(request.user)
    steps = mailing.steering_records.select_related("by", "delivery").order_by("-at", "-pk")[:SHOWN]
    return {
        "mailing": mailing,
        "progress": progress,
        "figures": describe_progress(progress),
        "pace": describe_pace(progress),
        "told": tell_progress(progress),
        "failed": progress.counts[DeliveryState.FAILED],
        "held": progress.counts[DeliveryState.UNKNOWN],
        "may_steer": may_steer(request.user),
        "may_catch_up": mailing.state == MailingState.DONE and not find_hindrance(mailing, now),
        "sees_whose": sees_whose,
        "steps": [_describe_step(step, sees_whose=sees_whose) for step in steps],
    }


def _describe_step(step: SteeringRecord, *, sees_whose: bool) -> tuple[datetime, str, str]:
    """(when, who, what)"""
    whose = step.delivery.email if sees_whose and step.delivery else ""
    what = say_why(SteeringAct(step.act).label, whose or step.note)
    return step.at, name_person(step.by), what


@require_safe
def show_progress(request: HttpRequest, mailing_id: int) -> HttpResponse:
    """The parts of the panel that change, for the script on the page."""
    if not request.user.has_perm(VIEW_MAILING):
        raise PermissionDenied
    mailing = get_object_or_404(Mailing, pk=mailing_id)
    context = describe_panel(request, mailing)

    def write(part: str) -> str:
        return render_to_string(f"admin/subscribers/mailing/{part}.html", context)

    return JsonResponse(
        {
            "figures": write("figures"),
            "controls": write("controls"),
            "steps": write("steps"),
            "told": context["told"],
            "next": _choose_pause(context["progress"]),
        }
    )


def _choose_pause(progress: Progress) -> int | None:
    """Until the script asks again; None when nothing will change by itself."""
    if progress.is_over:
        return None
    is_lively = progress.state == MailingState.SENDING and progress.remaining > progress.deferred
    return LIVELY if is_lively else QUIET


def _pause(request: HttpRequest, mailing: Mailing) -> str:
    reason = request.POST.get("reason", "")
    has_paused = pause(mailing, request.user, reason, timezone.now())
    return "已暫停，未寄出的都不會寄出，直至恢復發送。" if has_paused else ""


def _resume(request: HttpRequest, mailing: Mailing) -> str:
    has_resumed = resume(mailing, request.user, timezone.now())
    return "已恢復發送。" if has_resumed else ""


def _send_failed_again(request: HttpRequest, mailing: Mailing) -> str:
    failed = mailing.deliveries.filter(state=DeliveryState.FAILED)
    count = send_unsettled_again(failed, request.user, timezone.now())
    return f"{count} 份失敗的將再寄一次。" if count else ""


ACTS: dict[str, Callable[[HttpRequest, Mailing], str]] = {
    "pause": _pause,
    "resume": _resume,
    "send_again": _send_failed_again,
}


@require_POST
def steer_mailing(request: HttpRequest, mailing_id: int) -> HttpResponse:
    """What a button of the panel does; nothing for a name that is none."""
    if not may_steer(request.user):
        raise PermissionDenied
    mailing = get_object_or_404(Mailing, pk=mailing_id)
    act = ACTS.get(request.POST.get("act", ""))
    if act:
        _tell(request, act(request, mailing))
    return redirect("admin:subscribers_mailing_change", mailing.pk)


def confirm_cancelling(request: HttpRequest, mailing_id: int) -> HttpResponse:
    if not may_steer(request.user):
        raise PermissionDenied
    mailing = get_object_or_404(Mailing.objects.select_related("edition"), pk=mailing_id)
    if request.method == "POST":
        has_cancelled = cancel(mailing, request.user, timezone.now())
        _tell(request, "已取消，未寄出的不會再寄。" if has_cancelled else "")
        return redirect("admin:subscribers_mailing_change", mailing.pk)
    if mailing.state not in (MailingState.SENDING, MailingState.PAUSED):
        messages.info(request, f"這次發送{mailing.get_state_display()}，不能取消。")
        return redirect("admin:subscribers_mailing_change", mailing.pk)
    progress = measure(mailing, timezone.now())
    context = {
        "title": f"取消發送：{mailing}",
        "sent": progress.counts[DeliveryState.SENT],
        "queued": progress.counts[DeliveryState.QUEUED],
        "sending": progress.counts[DeliveryState.SENDING],
    }
    return render_page(request, mailing, "cancel", context)


def confirm_catching_up(request: HttpRequest, mailing_id: int) -> HttpResponse:
    """How many missed it, and who that is in words; a POST sends it to them."""
    if not may_steer(request.user):
        raise PermissionDenied
    mailing = get_object_or_404(Mailing, pk=mailing_id)
    now = timezone.now()
    if request.method == "POST":
        try:
            count = catch_up(mailing, person_at(request), now)
        except MailingRefused as refused:
            messages.info(request, str(refused))
        else:
            messages.success(request, f"開始補寄給 {count} 位會員。")
        return redirect("admin:subscribers_mailing_change", mailing.pk)
    hindrance = find_hindrance(mailing, now)
    again, new = (0, 0) if hindrance else count_missed(mailing, now)
    context = {
        "title": f"補寄：{mailing}",
        "hindrance": hindrance,
        "days": CATCH_UP_WITHIN.days,
        "again": again,
        "new": new,
        "total": again + new,
    }
    return render_page(request, mailing, "catch_up", context)


@dataclass(frozen=True)
class Undecided:
    """A copy of which nobody knows whether it went out, and what is known of it."""

    delivery: Delivery
    message_id: str  # by which the relay's log knows it
    reports: list[MailReport]


SETTLE: dict[str, tuple[Callable[[DeliveryQuerySet, Person, datetime], int], str]] = {
    "sent": (take_as_sent, "{} 份已當作寄出。"),
    "again": (send_unsettled_again, "{} 份將再寄一次。"),
    "unsent": (take_as_unsent, "{} 份已當作未寄出。"),
}


def show_undecided(request: HttpRequest, mailing_id: int) -> HttpResponse:
    """Those of which nobody knows whether they went out, by name; a POST settles one, or all."""
    if not may_see_whose(request.user):
        raise PermissionDenied
    mailing = get_object_or_404(Mailing, pk=mailing_id)
    if request.method == "POST":
        if not may_settle(request.user):
            raise PermissionDenied
        _settle(request, mailing)
        return redirect(request.get_full_path())
    held = mailing.deliveries.held().order_by("pk").prefetch_related("reports")
    shown = Paginator(held, HELD_ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "title": f"結果不明：{mailing}",
        "page": shown,
        "undecided": [
            Undecided(one, make_message_id(one.pk, mailing), list(one.reports.all()))
            for one in shown
        ],
        "is_cancelled": mailing.state == MailingState.CANCELLED,
        "may_settle": may_settle(request.user),
    }
    return render_page(request, mailing, "undecided", context)


def _settle(request: HttpRequest, mailing: Mailing) -> None:
    """Nothing for names that are none."""
    settle, told = SETTLE.get(request.POST.get("as", ""), (None, ""))
    which = request.POST.get("which", "")
    held = mailing.deliveries.held()
    key = int(which) if which.isdecimal() and len(which) < MOST_DIGITS else 0
    chosen = held if which == "all" else held.filter(pk=key)
    if settle:
        count = settle(chosen, person_at(request), timezone.now())
        _tell(request, told.format(count) if count else "")


def _tell(request: HttpRequest, done: str) -> None:
    """Empty is what somebody else had done before."""
    if done:
        messages.success(request, done)
    else:
        messages.info(request, LATE)


def render_page(
    request: HttpRequest, mailing: Mailing, page: str, context: dict[str, Any]
) -> HttpResponse:
    shared = {**admin.site.each_context(request), "opts": Mailing._meta, "mailing": mailing}
    return render(request, f"admin/subscribers/mailing/{page}.html", shared | context)
