"""The steps of an edition's mail to its approval, each one act in one transaction, on record.

Who edits writes it and asks for approval; who may open mailings approves it, by sending it or by
saying when. Who may take which step the desk asks; what is done to which state is settled here.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format

from briefings.history import log_act, say_why
from briefings.models import Correction, Edition, State
from briefings.permissions import Person
from briefings.publishing import TransitionRefused
from subscribers.models import (
    DigestSchedule,
    MailAct,
    MailDraft,
    MailDraftState,
    Mailing,
    MailRecord,
)
from subscribers.opening import open_mailing
from subscribers.permissions import may_approve_mail

UNSCHEDULED = (MailDraftState.DRAFT, MailDraftState.IN_REVIEW, MailDraftState.REFUSED)
SEND_ON_PUBLICATION = "send_to_members"  # an option of publishing, by its name
ALREADY_SENT = "這一期已寄過給會員，沒有再寄。"


def show_time(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT")


def describe_words(draft: MailDraft) -> str:
    """What somebody asks approval for, or approves."""
    subject = f"主旨「{draft.subject}」" if draft.subject else "採用建議的主旨"
    preheader = f"預覽文字「{draft.preheader}」" if draft.preheader else "預覽文字列出各篇標題"
    return f"{subject}，{preheader}"


def find_obstacle(edition: Edition, at: datetime) -> str:
    """Why the edition can't be mailed at that time, as far as one knows now; empty if it can."""
    match edition.state:
        case State.PUBLISHED:
            return ""
        case State.SCHEDULED if edition.scheduled_for and edition.scheduled_for <= at:
            return ""
        case State.SCHEDULED if edition.scheduled_for:
            return f"這一期排程於{show_time(edition.scheduled_for)}才出版，寄出時間不可早於出版。"
        case State.WITHDRAWN:
            return "這一期已撤回。"
        case _:
            return "這一期尚未出版，亦未排程出版。"


def is_sent_on_publication(edition: Edition) -> bool:
    """Whether who scheduled the edition has it mailed then: that is an approval too."""
    options = Edition.objects.filter(pk=edition.pk).values_list("scheduled_options", flat=True)
    return SEND_ON_PUBLICATION in options.get()


# --------------------------------------------------------------------------------------- steps
def lock_draft(edition: Edition) -> MailDraft:
    """The draft as it now is; nobody else words or moves it before we commit.

    Refused once the mail has gone out.
    """
    MailDraft.objects.bulk_create([MailDraft(edition=edition)], ignore_conflicts=True)
    draft = MailDraft.objects.select_for_update().get(edition=edition)
    if Mailing.objects.filter(edition=edition).exists():
        raise TransitionRefused(ALREADY_SENT)
    return draft


def write_words(
    edition: Edition, *, subject: str, preheader: str, by: Person, now: datetime
) -> None:
    """What was approved, who may approve may change; by anybody else it asks for approval anew."""
    with transaction.atomic():
        draft = lock_draft(edition)
        if (draft.subject, draft.preheader) == (subject, preheader):
            return
        decides = may_approve_mail(by)
        if draft.state == MailDraftState.IN_REVIEW and not decides:
            raise TransitionRefused("郵件已送審，暫不能修改；想再改，請先按「收回」。")
        if is_sent_on_publication(edition) and not decides:
            raise TransitionRefused("這一期出版時即寄給會員，郵件已審批；要改動，請交出版人。")
        draft.subject, draft.preheader = subject, preheader
        MailDraft.objects.filter(pk=draft.pk).update(subject=subject, preheader=preheader)
        told = describe_words(draft)
        if draft.is_scheduled and not decides:
            told += "。原有的審批和排程作廢，重新送審"
            _move(draft, MailDraftState.IN_REVIEW, by=by, now=now)
        if draft.state not in (MailDraftState.DRAFT, MailDraftState.REFUSED):
            _record(edition, MailAct.REWORDED, by=by, now=now, note=told)


def submit_mail(edition: Edition, *, by: Person, now: datetime) -> None:
    """Draft → in review."""
    since = (MailDraftState.DRAFT, MailDraftState.REFUSED)
    with transaction.atomic():
        draft = _begin(edition, since, "送審")
        _move(draft, MailDraftState.IN_REVIEW, by=by, now=now)
        _record(edition, MailAct.SUBMITTED, by=by, now=now, note=describe_words(draft))


def take_mail_back(edition: Edition, *, by: Person, now: datetime) -> None:
    """In review → draft, by who thought of something."""
    with transaction.atomic():
        draft = _begin(edition, [MailDraftState.IN_REVIEW], "收回")
        _move(draft, MailDraftState.DRAFT, by=by, now=now)
        _record(edition, MailAct.TAKEN_BACK, by=by, now=now)


def return_mail(edition: Edition, *, note: str, by: Person, now: datetime) -> None:
    """In review → draft, with the reason."""
    note = note.strip()
    if not note:
        raise TransitionRefused("請寫明為何退回。")
    with transaction.atomic():
        draft = _begin(edition, [MailDraftState.IN_REVIEW], "退回")
        _move(draft, MailDraftState.DRAFT, by=by, now=now, note=note)
        _record(edition, MailAct.RETURNED, by=by, now=now, note=note)


def schedule_mail(edition: Edition, *, at: datetime, by: Person, now: datetime) -> None:
    """Approved for a time, by which the edition must have come out."""
    with transaction.atomic():
        draft = _begin(edition, UNSCHEDULED, "排程")
        if at <= now:
            raise TransitionRefused("時間已過，請填寫將來的時間。")
        edition.refresh_from_db()
        if edition.state == State.SCHEDULED and is_sent_on_publication(edition):
            raise TransitionRefused(
                "這一期出版時即寄給會員；要另定時間，請先取消出版的排程，再不剔選「寄給會員」。"
            )
        if obstacle := find_obstacle(edition, at):
            raise TransitionRefused(obstacle)
        _move(draft, MailDraftState.SCHEDULED, by=by, now=now, scheduled_for=at)
        told = f"將於{show_time(at)}寄出，{describe_words(draft)}"
        _record(edition, MailAct.SCHEDULED, by=by, now=now, note=told)


def cancel_schedule(edition: Edition, *, by: Person, now: datetime) -> None:
    """Scheduled → draft, as long as it was not opened."""
    with transaction.atomic():
        draft = _begin(edition, [MailDraftState.SCHEDULED], "取消排程")
        _move(draft, MailDraftState.DRAFT, by=by, now=now)
        _record(edition, MailAct.CANCELLED, by=by, now=now)


def send_mail(edition: Edition, *, by: Person, now: datetime) -> None:
    """Approved and sent at once. Raises MailingRefused as `open_mailing` does."""
    with transaction.atomic():
        DigestSchedule.hold(now)  # first, as whoever opens a mailing: see its docstring
        _begin(edition, UNSCHEDULED, "即時寄出")
        open_mailing(edition, by=by, now=now)
        log_act(edition, by=by, why="寄給會員")


def refuse_scheduled(draft: MailDraft, reason: str, now: datetime) -> None:
    """Scheduled → refused: nothing more is tried until a person says what to do."""
    told = f"{show_time(draft.scheduled_for)}未有寄出：{reason}" if draft.scheduled_for else reason
    _move(draft, MailDraftState.REFUSED, by=None, now=now, note=told)
    _record(draft.edition, MailAct.REFUSED, by=None, now=now, note=told)


def list_corrections(draft: MailDraft) -> list[Correction]:
    """Of its texts, since it came into its state. They take no approval back: who corrects what
    readers read may publish, and a mail that is sent brings the text that stands.
    """
    corrections = Correction.objects.filter(
        entry__edition=draft.edition_id, made_at__gt=draft.moved_at
    )
    return list(corrections.select_related("entry")) if draft.moved_at else []


def _begin(edition: Edition, since: Collection[MailDraftState], act: str) -> MailDraft:
    draft = lock_draft(edition)
    if draft.state not in since:
        standing = MailDraftState(draft.state).label
        raise TransitionRefused(f"這封郵件現為「{standing}」，不能{act}。")
    return draft


def _move(
    draft: MailDraft,
    to: MailDraftState,
    *,
    by: Person | None,
    now: datetime,
    **known: Any,
) -> None:
    """Without what was known of it in the state before."""
    moved = {"state": to, "moved_by_id": by.pk if by else None, "moved_at": now}
    written = moved | {"scheduled_for": None, "note": ""} | known
    MailDraft.objects.filter(pk=draft.pk).update(**written)
    for name, value in written.items():
        setattr(draft, name, value)


def _record(
    edition: Edition, act: MailAct, *, by: Person | None, now: datetime, note: str = ""
) -> None:
    MailRecord.objects.create(
        edition=edition, act=act, by_id=by.pk if by else None, at=now, note=note
    )
    log_act(edition, by=by, why=say_why(act.label, note))
