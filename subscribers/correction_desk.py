"""The page at an edition's desk where a publisher decides who is told of its corrections."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from briefings.hooks import EditionTool
from briefings.models import Correction, Edition
from subscribers.correction_mails import decide, describe_correction, find_readers
from subscribers.desk import PREVIEW_SLOTS
from subscribers.digests import freeze_digest
from subscribers.links import read_key
from subscribers.mail_pages import show_mail_in_frame
from subscribers.messages import fill_digest
from subscribers.models import CorrectionMail, CorrectionWay
from subscribers.opening import MailingRefused
from subscribers.permissions import OPEN_MAILING


@dataclass(frozen=True)
class Row:
    correction: Correction
    decided: CorrectionMail | None
    readers: int  # who would get a mail now

    @property
    def is_open(self) -> bool:
        """Whether there is something to decide."""
        return not (self.decided and self.decided.mailing_id)


def show_corrections(request: HttpRequest, edition: Edition) -> HttpResponse:
    """With `?frame=` and a correction's key, the mail that would tell of it; a POST decides."""
    corrections = Correction.objects.filter(entry__edition=edition)
    if request.method == "POST":
        if not request.user.has_perm(OPEN_MAILING):
            raise PermissionDenied
        correction = _find(corrections, request.POST.get("correction", ""))
        way = request.POST.get("way", "")
        if way not in CorrectionWay.values:
            raise Http404
        _decide(request, correction, CorrectionWay(way))
        return redirect(request.path)
    if "frame" in request.GET:
        return _show_mail(_find(corrections, request.GET["frame"]))
    now = timezone.now()
    related = corrections.select_related("entry", "made_by", "mail__decided_by", "mail__mailing")
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": f"更正通知：{edition}",
        "opts": Edition._meta,
        "edition": edition,
        "rows": [_describe(correction, now) for correction in related.order_by("-made_at", "-pk")],
        "ways": CorrectionWay,
        "may_decide": request.user.has_perm(OPEN_MAILING),
    }
    return render(request, "subscribers/desk/corrections.html", context)


def _find(corrections: Any, key: str) -> Correction:
    found = corrections.filter(pk=read_key(key)).first()
    if found is None:
        raise Http404
    correction: Correction = found
    return correction


def _describe(correction: Correction, now: datetime) -> Row:
    """Four queries; an edition has few corrections."""
    decided = getattr(correction, "mail", None)
    return Row(correction, decided, len(find_readers(correction, now)))


def _show_mail(correction: Correction) -> HttpResponse:
    try:
        digest = freeze_digest(describe_correction(correction))
    except MailingRefused as refused:
        raise Http404 from refused
    _, html = fill_digest(digest, PREVIEW_SLOTS)
    return show_mail_in_frame(html)


def _decide(request: HttpRequest, correction: Correction, way: CorrectionWay) -> None:
    try:
        decided = decide(correction, way, request.user, timezone.now())
    except MailingRefused as refused:
        messages.error(request, str(refused))
        return
    if decided.way != way or (decided.mailing and decided.decided_by_id != request.user.pk):
        messages.info(request, "這項更正剛才已寄給會員，沒有再做。")
    elif decided.mailing:
        count = decided.mailing.deliveries.count()
        messages.success(request, f"更正已開始寄給 {count} 位會員。")
    else:
        messages.success(request, f"已決定：{way.label}。")


CORRECTIONS = EditionTool("corrections", "更正通知", show_corrections, "subscribers.view_mailing")
