"""The desk's page of digests: what is coming, what it would be now, and what came of the others."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from briefings.models import Correction, Entry
from subscribers.desk import PREVIEW_SLOTS, offer_variants, read_variant
from subscribers.digest_days import (
    describe_choices,
    find_coming_day,
    find_readers,
    group_readers,
    list_offers,
    load_timetable,
    open_digest,
    skip_digest,
)
from subscribers.digest_rules import NOTHING, Choice
from subscribers.digests import freeze_digest
from subscribers.mail_pages import show_mail_in_frame
from subscribers.messages import fill_digest
from subscribers.models import DigestDay, DigestKind, Mailing
from subscribers.opening import MailingRefused
from subscribers.permissions import OPEN_MAILING

SHOWN = 20  # of the past
WEEKDAYS = ("星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日")


@dataclass(frozen=True)
class ComingDigest:
    """What would go out if it went out now."""

    kind: DigestKind
    due_on: date
    due_at: datetime
    readers: int
    choices: tuple[tuple[int, tuple[str, ...]], ...]  # how many members get which headlines

    @property
    def gets_it(self) -> int:
        return sum(count for count, _ in self.choices)

    @property
    def is_late(self) -> bool:
        return self.due_at <= timezone.now()


def list_coming(now: datetime) -> list[ComingDigest]:
    """Of each kind the next; some dozen queries each."""
    return [describe_coming(kind, now) for kind in DigestKind]


def describe_coming(kind: DigestKind, now: datetime) -> ComingDigest:
    due_on = find_coming_day(kind, now)
    choices, readers = count_choices(kind, now)
    shown = _name_items(chosen for chosen, _ in choices)
    return ComingDigest(
        kind,
        due_on,
        load_timetable().moment(due_on),
        readers,
        tuple((count, shown[chosen]) for chosen, count in choices),
    )


def _name_items(choices: Iterable[Choice]) -> dict[Choice, tuple[str, ...]]:
    """What each brings, in words."""
    choices = list(choices)
    entries = {entry for chosen in choices for entry in chosen.entries}
    corrections = {correction for chosen in choices for correction in chosen.corrections}
    headlines = dict(Entry.objects.filter(pk__in=entries).values_list("pk", "headline"))
    corrected = Correction.objects.filter(pk__in=corrections)
    headlines_of = dict(corrected.values_list("pk", "entry__headline"))
    return {
        chosen: (
            *(f"更正：{headlines_of[correction]}" for correction in chosen.corrections),
            *(headlines[entry] for entry in chosen.entries),
            *(f"訂閱的搜尋「{hits.query}」：{len(hits.entries)} 篇" for hits in chosen.searches),
        )
        for chosen in choices
    }


def count_choices(kind: DigestKind, now: datetime) -> tuple[list[tuple[Choice, int]], int]:
    """The choices with the number of their members, the fullest first; and all members served."""
    readers = find_readers(kind, now)
    groups = group_readers(kind, list_offers(now), readers, now)
    groups.pop(NOTHING, None)
    choices = [(chosen, len(members)) for chosen, members in groups.items()]
    return sorted(choices, key=lambda choice: (-len(choice[0].entries), -choice[1])), len(readers)


def show_digests(request: HttpRequest) -> HttpResponse:
    """A POST sends or skips the one that is shown, and no other."""
    if request.method == "POST":
        if not request.user.has_perm(OPEN_MAILING):
            raise PermissionDenied
        messages.info(request, _settle(request))
        return redirect(request.path)
    now = timezone.now()
    past = DigestDay.objects.newest_first().select_related("settled_by", "mailing")
    context = {
        "title": "摘要",
        "coming": list_coming(now),
        "past": past.annotate(copies=Count("mailing__deliveries"))[:SHOWN],
        "timetable": load_timetable(),
        "weekday": WEEKDAYS[load_timetable().weekday - 1],
        "may_open": request.user.has_perm(OPEN_MAILING),
    }
    return _render(request, "digests", context)


def _settle(request: HttpRequest) -> str:
    kind = _find_kind(request.POST.get("kind", ""))
    act: Callable[..., DigestDay] = skip_digest if "skip" in request.POST else open_digest
    now, user = timezone.now(), request.user
    due_on = find_coming_day(kind, now)
    if request.POST.get("due_on") != due_on.isoformat():
        return "這次摘要剛才已有人處理，沒有再做。"
    try:
        day = act(kind, due_on, now, user)
    except MailingRefused as refused:
        return str(refused)
    return describe_result(day, user)


def describe_result(day: DigestDay, by: AbstractBaseUser | AnonymousUser) -> str:
    if day.settled_by_id != by.pk:
        return "這次摘要剛才已有人處理，沒有再做。"
    if day.mailing is None:
        return f"已略過這次{day.get_kind_display()}，內容留待下一次。"
    return f"{day.get_kind_display()}已開始寄給 {day.mailing.deliveries.count()} 位會員。"


@require_safe
def show_digest_preview(request: HttpRequest, kind_name: str) -> HttpResponse:
    """One choice as it would be now, by its number, in a script and a language."""
    kind = _find_kind(kind_name)
    choices, _ = count_choices(kind, timezone.now())
    number = request.GET.get("choice", "1")
    if not (number.isdecimal() and len(number) < 6 and 0 < int(number) <= len(choices)):
        raise Http404
    chosen, count = choices[int(number) - 1]
    variant = read_variant(request.GET)
    digest = freeze_digest(describe_choices(kind, [chosen])[chosen], variant)
    text, html = fill_digest(digest, PREVIEW_SLOTS)
    if "frame" in request.GET:
        return show_mail_in_frame(html)
    context = {
        "title": f"預覽{kind.label}",
        "subject": digest.subject,
        "text": text,
        "count": count,
        "number": number,
        "frame": f"?choice={number}&script={variant.script}&language={variant.language}&frame",
        **offer_variants(variant),
    }
    return _render(request, "digest_preview", context)


def _find_kind(name: str) -> DigestKind:
    try:
        return DigestKind(name)
    except ValueError as error:
        raise Http404 from error


def _render(request: HttpRequest, page: str, context: dict[str, Any]) -> HttpResponse:
    shared = {**admin.site.each_context(request), "opts": Mailing._meta}
    return render(request, f"subscribers/desk/{page}.html", shared | context)
