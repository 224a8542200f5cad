"""From a LegacyEdition to draft rows, such that a second run of the same text changes nothing."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import IntegrityError, transaction

from briefings.contexts import describe_imprint
from briefings.history import keep_unrecorded, keep_version
from briefings.html import HTMLTooLong, clean_html, to_text
from briefings.importer.legacy import LegacyEdition, LegacyImprint, hash_entries
from briefings.models import Edition, Entry, Imprint, State

User = AbstractBaseUser | AnonymousUser


class Status(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


class ImportRefused(Exception):
    """Loading would break what is stored. The message is Chinese, for the editor."""


class LoadedMeanwhile(ImportRefused):
    """Somebody loaded the same text, or used the number, in the same moment."""


@dataclass(frozen=True)
class Loaded:
    """`warnings` holds the parser's doubts and the loader's own, ready to show."""

    edition: Edition
    status: Status
    warnings: tuple[str, ...]


def load_edition(
    legacy: LegacyEdition,
    *,
    number: int | None = None,
    date: date | None = None,
    by: User | None = None,
) -> Loaded:
    """Creates the draft, updates it, or leaves it alone, in one transaction.

    The edition is known again by its text, else by `number`; its date says nothing, for one day
    may have two. What an editor wrote, changed or published is never overwritten, only warned
    about. Raises ImportRefused; of two who load the same text at once, one is told so by it.
    """
    number, date = number or legacy.number, date or legacy.date
    _refuse_what_is_too_long(legacy)
    try:
        with transaction.atomic():
            edition, status, reason = _write(legacy, number, date, by)
    except IntegrityError as error:
        raise LoadedMeanwhile(
            f"{legacy.name}：同一份文字或同一個期號剛被匯入，這次沒有寫入；請看過再匯入。"
        ) from error
    warnings = [reason] if reason else []
    warnings += [] if status == Status.UNCHANGED else _find_same_day(edition)
    warnings += [] if edition.number else ["原文沒有期號；請用 --number 指定或在編輯台填寫。"]
    warnings += [] if edition.date else ["原文沒有日期；請用 --date 指定或在編輯台填寫。"]
    warnings += _compare_imprint(legacy.imprint)
    return Loaded(edition, status, (*map(str, legacy.doubts), *warnings))


def _refuse_what_is_too_long(legacy: LegacyEdition) -> None:
    limit = Entry._meta.get_field("headline").max_length
    for entry in legacy.entries:
        if limit and len(entry.headline) > limit:
            raise ImportRefused(f"{legacy.name}：第 {entry.line} 行的標題超過 {limit} 字。")
        try:
            clean_html(entry.body)
        except HTMLTooLong as refusal:
            raise ImportRefused(
                f"{legacy.name}：第 {entry.line} 行起的一篇：{refusal}"
            ) from refusal


def _find_edition(legacy: LegacyEdition, number: int | None) -> Edition | None:
    numbered = Edition.objects.filter(number=number).first() if number else None
    if same_text := list(Edition.objects.filter(source_hash=legacy.source_hash).order_by("pk")):
        found = numbered if numbered in same_text else same_text[0]
        if numbered and numbered != found:
            raise ImportRefused(
                f"{legacy.name}：{numbered}已是另一期，而這份文字早已匯入為{found}。"
            )
        return found
    return numbered


def _find_same_day(edition: Edition) -> list[str]:
    """The warning that this may be another's text, corrected; empty if the day has no other."""
    others = Edition.objects.filter(date=edition.date).exclude(pk=edition.pk)
    if edition.date is None or not others:
        return []
    return [f"另有一期在同日：{'、'.join(map(str, others))}。"]


def _write(
    legacy: LegacyEdition, number: int | None, date: date | None, by: User | None
) -> tuple[Edition, Status, str]:
    edition = _find_edition(legacy, number)
    if edition is None:
        edition, status, reason = _create(legacy, number, date, by), Status.CREATED, ""
    else:
        status, reason = _update(edition, legacy, number, date, by)
    if status != Status.UNCHANGED:
        keep_version(edition, by=by, why=f"由「{legacy.name}」匯入")
    return edition, status, reason


def _create(
    legacy: LegacyEdition, number: int | None, date: date | None, by: User | None
) -> Edition:
    edition = Edition.objects.create(number=number, date=date, source_hash=legacy.source_hash)
    _write_entries(edition, legacy, by)
    return edition


def _update(
    edition: Edition,
    legacy: LegacyEdition,
    number: int | None,
    date: date | None,
    by: User | None,
) -> tuple[Status, str]:
    """What was done, and the warning if nothing was although the file differs."""
    is_new_text = edition.source_hash != legacy.source_hash
    is_new_label = (number or edition.number, date or edition.date) != (
        edition.number,
        edition.date,
    )
    if not is_new_text and not is_new_label:
        return Status.UNCHANGED, ""
    if reason := _find_reason_to_keep(edition, is_new_text=is_new_text):
        return Status.UNCHANGED, f"{edition}{reason}，沒有改動。"
    keep_unrecorded(edition)
    edition.number = number or edition.number
    edition.date = date or edition.date
    edition.source_hash = legacy.source_hash
    edition.save()
    if is_new_text:
        _write_entries(edition, legacy, by)
    return Status.UPDATED, ""


def _find_reason_to_keep(edition: Edition, *, is_new_text: bool) -> str:
    """Why an edition must not be written over; empty when it may."""
    if edition.state != State.DRAFT:
        return f"是「{State(edition.state).label}」而非草稿"
    if is_new_text and edition.source_hash == "":
        return "是在編輯台撰寫的"
    if is_new_text and edition.source_hash != _hash_rows(edition):
        return "匯入後已有編輯修改過"
    if is_new_text and edition.entries.exclude(state=State.DRAFT).exists():
        return "的短評已送審或審批"
    return ""


def _hash_rows(edition: Edition) -> str:
    return hash_entries((e.headline, e.lead, to_text(e.body)) for e in edition.entries.all())


def _write_entries(edition: Edition, legacy: LegacyEdition, by: User | None) -> None:
    """Rows are kept by their place, and with them their themes."""
    rows = list(edition.entries.all())
    for surplus in rows[len(legacy.entries) :]:
        surplus.delete()
    for place, source in enumerate(legacy.entries):
        entry = (
            rows[place]
            if place < len(rows)
            else Entry(edition=edition, created_by_id=by.pk if by else None)
        )
        entry.position = place + 1
        entry.headline = source.headline
        entry.lead = source.lead
        entry.body = source.body
        entry.save()


def _compare_imprint(found: LegacyImprint | None) -> list[str]:
    if found is None:
        return []
    default = describe_imprint(Imprint.default(), is_for_public=False)
    if _squeeze("".join(found.lines)) == _squeeze(default.notice + default.contact):
        return []
    return [f"第 {found.line} 行：頁尾資料與預設的不同；這一期會採用預設的頁尾資料。"]


def _squeeze(text: str) -> str:
    return "".join(text.split())
