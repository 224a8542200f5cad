"""An edition's page 「寄給會員」: its mail's way to approval, who would get it, how far it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils import timezone

from briefings.history import name_person, say_why
from briefings.hooks import EditionTool, Event
from briefings.models import Edition
from briefings.permissions import Person
from briefings.publishing import TransitionRefused
from briefings.readiness import Remark, Severity, check_edition
from subscribers.desk import render_page
from subscribers.digest_days import load_timetable
from subscribers.mail_drafts import MailDraftForm, MailTimeForm, propose_time
from subscribers.mail_steps import (
    ALREADY_SENT,
    cancel_schedule,
    describe_words,
    find_obstacle,
    is_sent_on_publication,
    list_corrections,
    lock_draft,
    return_mail,
    schedule_mail,
    send_mail,
    show_time,
    submit_mail,
    take_mail_back,
    write_words,
)
from subscribers.models import (
    DeliveryState,
    DigestSchedule,
    MailAct,
    MailDraft,
    MailDraftState,
    Mailing,
    SteeringAct,
)
from subscribers.opening import MailingRefused
from subscribers.permissions import (
    EDIT,
    VIEW_MAILING,
    may_approve_mail,
    may_count_members,
    may_write_mail,
)
from subscribers.readership import count_readership
from subscribers.sending_days import HONG_KONG

# The clock asks every half minute; past this, whoever waits should know that something is wrong.
OVERDUE_AFTER_MINUTES = 5


@dataclass(frozen=True)
class Posted:
    """What a person asks for, on what page."""

    edition: Edition
    by: Person
    now: datetime
    words: MailDraftForm
    time: MailTimeForm
    data: QueryDict

    @property
    def acts(self) -> dict[str, Any]:
        return {"by": self.by, "now": self.now}


@dataclass(frozen=True)
class Step:
    """What a button does, by its name."""

    is_open_to: Callable[[Person], bool]
    take: Callable[[Posted], str]  # what is told afterwards


def _keep(posted: Posted) -> str:
    """What was written is kept with every step, and may have taken the approval back."""
    if MailDraft.of(posted.edition).state == MailDraftState.IN_REVIEW:
        return "主旨和預覽文字已儲存，等候出版人審批。"
    return "主旨和預覽文字已儲存。"


def _submit(posted: Posted) -> str:
    submit_mail(posted.edition, **posted.acts)
    return "已送審，等候出版人審批。"


def _take_back(posted: Posted) -> str:
    take_mail_back(posted.edition, **posted.acts)
    return "已收回，可以再改。"


def _return(posted: Posted) -> str:
    return_mail(posted.edition, note=posted.data.get("reason", ""), **posted.acts)
    return "已退回修改。"


def _schedule(posted: Posted) -> str:
    at = posted.time.cleaned_data["at"]
    schedule_mail(posted.edition, at=at, **posted.acts)
    return f"已審批，將於{show_time(at)}自動寄出。{describe_rest_day(at)}"


def _cancel(posted: Posted) -> str:
    cancel_schedule(posted.edition, **posted.acts)
    return "已取消排程，到時不會寄出。"


def _send(posted: Posted) -> str:
    send_mail(posted.edition, **posted.acts)
    return "已審批，開始寄送。"


STEPS = {
    "keep": Step(may_write_mail, _keep),
    "submit": Step(may_write_mail, _submit),
    "take_back": Step(may_write_mail, _take_back),
    "return": Step(may_approve_mail, _return),
    "schedule": Step(may_approve_mail, _schedule),
    "cancel": Step(may_approve_mail, _cancel),
    "send": Step(may_approve_mail, _send),
}


def show_mailing(request: HttpRequest, edition: Edition) -> HttpResponse:
    """Before the mail goes out, where it stands and who would get it; then, how far it is."""
    now, draft = timezone.now(), MailDraft.of(edition)
    step = next((name for name in STEPS if name in request.POST), "keep")
    words = MailDraftForm(request.POST if "subject" in request.POST else None, instance=draft)
    time = MailTimeForm(
        request.POST if step == "schedule" else None, initial={"at": propose_time(edition, now)}
    )
    if request.method == "POST":
        if not STEPS[step].is_open_to(request.user):
            raise PermissionDenied
        posted = Posted(edition, request.user, now, words, time, request.POST)
        if _take(request, step, posted):
            return redirect(request.path)
        draft = MailDraft.of(edition)  # the form has put into it what was refused
    mailing = Mailing.objects.filter(edition=edition).select_related("opened_by").first()
    context: dict[str, Any] = {
        "title": f"寄給會員：{edition}",
        "mailing": mailing,
        "events": list(tell_mail(edition))[::-1],
        "sees_mailing": request.user.has_perm(VIEW_MAILING),
    }
    if mailing:
        context["counts"] = [
            (DeliveryState(state).label, count)
            for state, count in mailing.count_deliveries().items()
        ]
    else:
        context |= _describe_draft(edition, draft, request.user, now)
        if context["is_locked"]:
            words.lock()
        context |= {"form": words, "time": time, "reason": request.POST.get("reason", "")}
    return render_page(request, edition, "mailing", context)


def _take(request: HttpRequest, name: str, posted: Posted) -> bool:
    """Whether there is nothing to put right. What was written is kept, even if the step is not."""
    if posted.words.is_bound and not posted.words.is_valid():
        return False
    if posted.time.is_bound and not posted.time.is_valid():
        return False
    try:
        with transaction.atomic():
            if name == "send":
                DigestSchedule.hold(posted.now)  # before the draft: see its docstring
            _keep_words(posted)
            fault, told = _try(STEPS[name], posted)
    except TransitionRefused as refused:
        fault, told = str(refused), ""
    if fault == ALREADY_SENT:
        messages.info(request, fault)
        return True
    if fault:
        messages.error(request, fault)
        return False
    messages.success(request, told)
    return True


def _keep_words(posted: Posted) -> None:
    """Unless somebody else has done something since this person saw the page."""
    draft = lock_draft(posted.edition)
    if posted.data.get("seen", draft.mark) != draft.mark:
        raise TransitionRefused(
            f"剛有人改動了這封郵件（{describe_words(draft)}），沒有再做；請看過再按。"
        )
    if posted.words.is_bound:
        write_words(posted.edition, **posted.words.cleaned_data, **posted.acts)


def _try(step: Step, posted: Posted) -> tuple[str, str]:
    """What was in the way, and what was done: one of them."""
    try:
        with transaction.atomic():
            return "", step.take(posted)
    except (TransitionRefused, MailingRefused) as refused:
        return str(refused), ""


def _describe_draft(
    edition: Edition, draft: MailDraft, user: Person, now: datetime
) -> dict[str, Any]:
    readership = count_readership(edition) if may_count_members(user) else None
    decides, is_in_review = may_approve_mail(user), draft.state == MailDraftState.IN_REVIEW
    gets_it = readership.gets_it if readership else 0
    is_approved_anyhow = is_sent_on_publication(edition)
    is_locked = not decides and (is_in_review or is_approved_anyhow)
    return {
        "draft": draft,
        "standing": describe_standing(draft, user, now),
        "obstacle": draft.scheduled_for and find_obstacle(edition, draft.scheduled_for),
        "corrections": list_corrections(draft) if draft.is_scheduled else [],
        "readership": readership,
        "remarks": find_remarks(edition),
        "may_write": may_write_mail(user),
        "is_locked": is_locked,
        "is_sent_on_publication": is_approved_anyhow,
        "may_submit": not (decides or is_locked or draft.is_scheduled),
        "may_take_back": is_in_review and not decides,
        "may_return": is_in_review and decides,
        "may_schedule": decides and not draft.is_scheduled,
        "may_cancel": decides and draft.is_scheduled,
        "may_send": decides and not draft.is_scheduled and edition.is_published and gets_it,
    }


def describe_standing(draft: MailDraft, user: Person, now: datetime) -> str:
    """Where the mail stands and what comes next, as this user should be told."""
    decides, by = may_approve_mail(user), name_person(draft.moved_by) or "已刪除的用戶"
    when = show_time(draft.moved_at) if draft.moved_at else ""
    match draft.state:
        case MailDraftState.IN_REVIEW if decides:
            return f"{by}於{when}送審。看過後可排程或寄出，或寫明原因退回修改。"
        case MailDraftState.IN_REVIEW:
            return f"{by}於{when}送審，等候出版人審批；想再改，請先按「收回」。"
        case MailDraftState.SCHEDULED if draft.scheduled_for:
            text = f"將於{show_time(draft.scheduled_for)}自動寄出。"
            text += f"{describe_rest_day(draft.scheduled_for)}{by}於{when}審批並排程。"
            if (now - draft.scheduled_for).total_seconds() > OVERDUE_AFTER_MINUTES * 60:
                text += "時間已過而仍未寄出，請通知系統管理員。"
            if not decides:
                text += "再改主旨或預覽文字，審批和排程即作廢，自動重新送審。"
            return text
        case MailDraftState.REFUSED if decides:
            return "請重新排程，或即時寄出。"
        case _ if decides:
            return "可排程或即時寄出；主旨和預覽文字寄出前隨時可改。"
        case _:
            return "寫好主旨和預覽文字後按「送審」，由出版人審批和寄出。"


def describe_rest_day(at: datetime) -> str:
    """A person may choose any day; that it is one to rest they should know."""
    is_sending_day = load_timetable().is_sending_day(at.astimezone(HONG_KONG).date())
    return "" if is_sending_day else "當日是星期日或公眾假期。"


def tell_mail(edition: Edition) -> Iterator[Event]:
    """What was done with the edition's mail, the earliest first. Three queries."""
    for record in edition.mail_records.select_related("by"):
        why = say_why(MailAct(record.act).label, record.note)
        yield Event(record.at, name_person(record.by), why)
    mailing = Mailing.objects.filter(edition=edition).select_related("opened_by").first()
    if mailing:
        why = f"郵件寄給會員：主旨「{mailing.subject}」"
        yield Event(mailing.opened_at, name_person(mailing.opened_by), why)
        for step in mailing.steering_records.select_related("by"):
            why = say_why(SteeringAct(step.act).label, step.note)
            yield Event(step.at, name_person(step.by), why)


def find_remarks(edition: Edition) -> list[Remark]:
    """What a person should weigh about the texts before they are in everybody's mailbox.

    What hinders publishing is told where one publishes.
    """
    remarks = check_edition(edition)
    return [one for one in remarks if one.entry and one.severity == Severity.WARNING]


MAILING = EditionTool("mailing", "寄給會員", show_mailing, VIEW_MAILING, others=(EDIT,))
