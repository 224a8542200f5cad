"""Lists of people handed in: read by a worker, decided on by a person, and only then members.

The file is gone through twice, a batch of rows at a time: to tell what would become of each row
and, once that is accepted, to write. What was true at the first reading is asked again then.
"""

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import PurePath
from typing import Any, BinaryIO, cast
from uuid import uuid4

from celery import signature
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F, Max, Q
from django.db.models.functions import Lower
from django.utils import timezone

from briefings.files import list_old_files
from briefings.models import Theme
from subscribers.importer.rows import Columns, Finding, RowChecker, read_headings
from subscribers.importer.seen import SeenAddresses
from subscribers.importer.tables import Row, Table, UnreadableList, open_table
from subscribers.models import (
    ChosenTheme,
    ConsentAct,
    ConsentRecord,
    ConsentWay,
    ConsentWording,
    Frequency,
    ImportedRow,
    ImportStep,
    JoinsAs,
    Member,
    MemberImport,
    MemberState,
    RowKind,
)

logger = logging.getLogger(__name__)

FOLDER = "member-imports"
LARGEST_FILE = 64 * 1024 * 1024
MOST_ROWS = 200_000
BATCH = 1000  # rows in one transaction
SHOWN = 10  # rows of each kind on a page; of people who join no more are kept

LEASE = timedelta(minutes=3)  # a worker that has done no batch for so long is dead
PATIENCE = timedelta(seconds=30)  # before one that no worker has taken is called out again
MOST_ATTEMPTS = 3  # at one batch
DECIDED_WITHIN = timedelta(days=30)
KEPT = timedelta(days=90)  # rows that were left out: they are people's addresses
# Confirmations are given up three days after they were asked for; those of a list are out before.
LONGEST_QUEUE = timedelta(days=2)

User = AbstractBaseUser | AnonymousUser
Watcher = Callable[[MemberImport], object]


class ImportRefused(ValueError):
    """Why nothing was done, in Chinese."""


class ClaimLost(Exception):
    """Another worker has gone on with it; what this one did last is undone."""


# --------------------------------------------------------------------- what a person decides


def hand_in(upload: "File[bytes]", *, by: User | None, **consent: Any) -> MemberImport:
    """Keeps the file and has it read after commit. Raises ImportRefused."""
    name = re.sub(r"[\x00-\x1f\x7f]", "", PurePath((upload.name or "").replace("\\", "/")).name)
    if not upload.size:
        raise ImportRefused("檔案是空的。")
    if upload.size > LARGEST_FILE:
        raise ImportRefused(f"檔案超過 {LARGEST_FILE // 1024**2} MB 的上限，請分成幾個檔案。")
    handed_in = MemberImport(
        name=name[-200:] or "（沒有檔名）",
        size=upload.size,
        handed_in_by_id=_get_pk(by),
        **consent,
    )
    handed_in.upload.save(uuid4().hex, upload, save=False)
    handed_in.save()
    _call_out_after_commit(handed_in.pk)
    return handed_in


def accept(previewed: MemberImport, *, by: User | None, now: datetime) -> None:
    """previewed → accepted; a worker then writes. Raises ImportRefused."""
    if previewed.joins_as == JoinsAs.PENDING and _is_queue_full(previewed, now):
        raise ImportRefused("之前匯入的確認信還要兩天以上才寄完，請遲些再接受。")
    _decide(
        previewed,
        step=ImportStep.ACCEPTED,
        decided_by_id=_get_pk(by),
        decided_at=now,
        foreseen=F("counts"),
        counts={},
        last_row=0,
        percent=0,
    )
    _call_out_after_commit(previewed.pk)


def reject(previewed: MemberImport, *, by: User | None, now: datetime) -> None:
    """previewed → rejected, and nothing is left of who was on it. Raises ImportRefused."""
    with transaction.atomic():
        _decide(
            previewed,
            step=ImportStep.REJECTED,
            decided_by_id=_get_pk(by),
            decided_at=now,
            upload="",
        )
        previewed.rows.all().delete()
    _drop_upload(previewed)


def _get_pk(person: User | None) -> int | None:
    return person.pk if person else None


def _decide(previewed: MemberImport, **changes: Any) -> None:
    undecided = MemberImport.objects.filter(pk=previewed.pk, step=ImportStep.PREVIEWED)
    if not undecided.update(**changes):
        raise ImportRefused("已有人作了決定。")


def _is_queue_full(previewed: MemberImport, now: datetime) -> bool:
    mails: int = previewed.counts.get(RowKind.NEW, 0)
    begins = _find_end_of_queue(now)
    return begins - now + mails * _get_pace() > LONGEST_QUEUE


def _get_pace() -> timedelta:
    rate: int = settings.CONFIRMATION_RATE
    return timedelta(minutes=1) / rate


def _find_end_of_queue(now: datetime) -> datetime:
    """When the confirmations of all lists so far are out, at the rate that is set."""
    last = MemberImport.objects.aggregate(last=Max("mailed_until"))["last"]
    return max(now, last or now)


# --------------------------------------------------------------------------- what a worker does


def work_on(import_id: int, watch: Watcher = lambda _: None) -> None:
    """Reads it or, accepted, writes it. Nothing if there is nothing to do or another is at it."""
    now = timezone.now()
    own = MemberImport.objects.filter(pk=import_id).first()
    if own is None or not own.take(now, now - LEASE):
        return
    if own.attempts > MOST_ATTEMPTS:
        _fail(own, f"處理第 {own.last_row} 行之後三次中斷，請通知技術人員。")
        return
    try:
        _go_through(own, watch)
    except UnreadableList as refusal:
        _fail(own, str(refusal))
    except FileNotFoundError:
        logger.exception("The upload of member import %s is gone", own.pk)
        _fail(own, "上載的檔案已不在，請再上載一次。")
    except ClaimLost:
        logger.warning("Member import %s was taken over", own.pk)
    except Exception:
        own.held().update(claim=None)  # for the sweep to have it tried again
        raise


def _go_through(own: MemberImport, watch: Watcher) -> None:
    with own.upload.open("rb") as file:
        table = open_table(cast(BinaryIO, file))
        rows = (row for row in table.rows if not row.is_blank or row.is_too_long)
        columns = read_headings(next(rows, Row(1, ())))
        checker = RowChecker(columns, may_be_short=table.may_be_short)
        seen = SeenAddresses()
        count = 0
        for batch in _cut(rows):
            count += len(batch)
            if count > MOST_ROWS:
                raise UnreadableList(f"名單超過 {MOST_ROWS:,} 行，請分成幾個檔案。")
            if batch[-1].number <= own.last_row:  # done before its worker died
                checker.themes.load()
                _find_duplicates([checker.check(row) for row in batch], seen)
                continue
            _do_batch(own, batch, checker, seen, table)
            watch(own)
        if not count:
            raise UnreadableList("名單除了欄名，一行也沒有。")
        _finish(own, columns, table)
        watch(own)


def _cut(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _do_batch(
    own: MemberImport, batch: list[Row], checker: RowChecker, seen: SeenAddresses, table: Table
) -> None:
    """All that becomes of these rows, and that it did, or nothing."""
    is_writing = own.step == ImportStep.WRITING
    with transaction.atomic():
        findings = _check(batch, checker, is_writing=is_writing)
        _find_duplicates(findings, seen)
        known = _find_members(findings)
        for finding in findings:
            _compare(finding, known, updates=own.updates_members)
        mailed_until = _write(own, findings, known) if is_writing else None
        if is_writing and not own.last_row:
            own.rows.all().delete()  # those of the preview
        _keep_rows(own, findings)
        counts = Counter(own.counts) + Counter(finding.kind.value for finding in findings)
        own.counts, own.last_row, own.percent = dict(counts), batch[-1].number, table.percent
        progress = {name: getattr(own, name) for name in ("counts", "last_row", "percent")}
        if mailed_until:
            progress["mailed_until"] = mailed_until
        if not own.held().update(**progress, claimed_at=timezone.now(), attempts=1):
            raise ClaimLost


def _check(batch: list[Row], checker: RowChecker, *, is_writing: bool) -> list[Finding]:
    """Written for, the themes that people chose are held until the end of the transaction."""
    while True:
        checker.themes.load()
        findings = [checker.check(row) for row in batch]
        if not is_writing:
            return findings
        wanted = {pk for finding in findings if finding.person for pk in finding.person.theme_ids}
        held = Theme.objects.hold(Theme.objects.filter(pk__in=wanted))
        if {theme.pk for theme in held} == wanted:  # or one was merged or deleted just now
            return findings


def _find_duplicates(findings: list[Finding], seen: SeenAddresses) -> None:
    people = [(finding, finding.person) for finding in findings if finding.person]
    earlier = seen.add([p.key for _, p in people], [f.row.number for f, _ in people])
    for (finding, _), number in zip(people, earlier, strict=True):
        if number and finding.kind == RowKind.NEW:
            finding.kind, finding.reason = RowKind.DUPLICATE, f"與第 {number} 行的電郵相同"


def _find_members(findings: Iterable[Finding]) -> dict[str, Member]:
    """By address, with `theme_ids`; two queries."""
    keys = [f.person.key for f in findings if f.person and f.kind == RowKind.NEW]
    found = Member.objects.alias(key=Lower("email")).filter(key__in=keys).order_by()
    members = {member.email.lower(): member for member in found}
    chosen: dict[int, set[int]] = {member.pk: set() for member in members.values()}
    for member_id, theme_id in ChosenTheme.objects.filter(member__in=chosen).values_list(
        "member", "theme"
    ):
        chosen[member_id].add(theme_id)
    for member in members.values():
        member.theme_ids = chosen[member.pk]  # type: ignore[attr-defined]
    return members


def _compare(finding: Finding, known: dict[str, Member], *, updates: bool) -> None:
    """Who has left is never brought back; who is a member is changed only where that was asked."""
    person = finding.person
    member = known.get(person.key) if person and finding.kind == RowKind.NEW else None
    if person is None or member is None:
        return
    if member.state == MemberState.UNSUBSCRIBED:
        left = timezone.localtime(member.unsubscribed_at)
        finding.kind = RowKind.UNSUBSCRIBED
        finding.reason = f"在 {left:%Y-%m-%d} 取消了訂閱，要由本人再登記"
        return
    is_other = (person.name and person.name != member.name) or (
        person.theme_ids and set(person.theme_ids) != member.theme_ids  # type: ignore[attr-defined]
    )
    label = MemberState(member.state).label
    if updates and is_other:
        finding.kind, finding.reason = RowKind.UPDATED, f"已是會員（{label}）"
    else:
        same = "，資料相同" if updates else ""
        finding.kind, finding.reason = RowKind.KNOWN, f"已是會員（{label}）{same}"


# ------------------------------------------------------------------------------------- writing


def _write(own: MemberImport, findings: list[Finding], known: dict[str, Member]) -> datetime | None:
    """When the last of their confirmations is due, if any is."""
    _update_members(findings, known)
    joining = [f for f in findings if f.kind == RowKind.NEW]
    members, mailed_until = _make_members(own, joining)
    Member.objects.bulk_create(members, ignore_conflicts=True)
    keys = [member.email.lower() for member in members]
    # Not asked for by their import: of two indexes SQLite would take that of all its members.
    there = Member.objects.alias(key=Lower("email")).filter(key__in=keys).order_by()
    rows = there.values_list("email", "pk", "member_import")
    pks = {email.lower(): pk for email, pk, import_id in rows if import_id == own.pk}
    _record_consent(own, members, pks)
    missed = [f for f in joining if f.person and f.person.key not in pks]
    if missed:  # they signed up by themselves since we looked
        known = _find_members(missed)
        for finding in missed:
            _compare(finding, known, updates=False)
    _choose_themes(
        (pks[f.person.key], f.person.theme_ids) for f in joining if f.person and f.person.key in pks
    )
    return mailed_until


def _record_consent(own: MemberImport, members: Iterable[Member], pks: dict[str, int]) -> None:
    """What the list is handed in with; who is to confirm has given nothing yet."""
    act = ConsentAct.GIVEN if own.joins_as == JoinsAs.ACTIVE else ConsentAct.ASKED
    wording = ConsentWording.keep(own.consent_wording, timezone.now())
    ConsentRecord.objects.bulk_create(
        ConsentRecord(
            member_id=pks[member.email.lower()],
            email=member.email,
            act=act,
            way=ConsentWay.LIST,
            wording=wording,
            by_id=own.decided_by_id,
            happened_at=begin_day(own.consented_on),
        )
        for member in members
        if member.email.lower() in pks
    )


def _make_members(
    own: MemberImport, joining: list[Finding]
) -> tuple[list[Member], datetime | None]:
    now = timezone.now()
    is_active = own.joins_as == JoinsAs.ACTIVE
    begins, pace = _find_end_of_queue(now), _get_pace()
    members = []
    for place, finding in enumerate(joining, start=1):
        member = Member(
            email=finding.person.email,  # type: ignore[union-attr]
            name=finding.person.name,  # type: ignore[union-attr]
            frequency=finding.person.frequency or Frequency.EVERY_EDITION,  # type: ignore[union-attr]
            state=MemberState.ACTIVE if is_active else MemberState.PENDING,
            consent_source=own.consent_source,
            consent_wording=own.consent_wording,
            consented_at=begin_day(own.consented_on),
            member_import=own,
        )
        if is_active:
            member.confirmed_at = own.decided_at
        else:
            member.asked_at, member.confirmation_due_at = now, begins + place * pace
        members.append(member)
    return members, members[-1].confirmation_due_at if members else None


def begin_day(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())


def _update_members(findings: list[Finding], known: dict[str, Member]) -> None:
    """Name and themes, where the row has them; never the state."""
    updated = [
        (f.person, known[f.person.key]) for f in findings if f.person and f.kind == RowKind.UPDATED
    ]
    for person, member in updated:
        member.name = person.name or member.name
    Member.objects.bulk_update([member for _, member in updated], ["name"])
    chosen = [(member.pk, person.theme_ids) for person, member in updated if person.theme_ids]
    ChosenTheme.objects.filter(member__in=[member_id for member_id, _ in chosen]).delete()
    _choose_themes(chosen)


def _choose_themes(chosen: Iterable[tuple[int, tuple[int, ...]]]) -> None:
    ChosenTheme.objects.bulk_create(
        [
            ChosenTheme(member_id=member_id, theme_id=theme_id)
            for member_id, theme_ids in chosen
            for theme_id in theme_ids
        ],
        ignore_conflicts=True,
    )


# ------------------------------------------------------------------------------------ the report


def _keep_rows(own: MemberImport, findings: Iterable[Finding]) -> None:
    so_far = Counter(own.counts)
    kept = []
    for finding in findings:
        joins = finding.kind in (RowKind.NEW, RowKind.UPDATED)
        so_far[finding.kind.value] += 1
        if not joins or so_far[finding.kind.value] <= SHOWN:
            kept.append(
                ImportedRow(
                    member_import=own,
                    number=finding.row.number,
                    kind=finding.kind,
                    reason=finding.reason[:300],
                    cells=[_make_storable(cell) for cell in finding.row.cells[:20]],
                )
            )
    ImportedRow.objects.bulk_create(kept)


def _make_storable(cell: str) -> str:
    """As much as tells which row it was; PostgreSQL stores neither NUL nor half of a character."""
    text = cell[:300].replace("\0", "\u2400")
    return text.encode("utf-8", "replace").decode()


def _finish(own: MemberImport, columns: Columns, table: Table) -> None:
    """reading → previewed, writing → done; the bytes are needed no longer then."""
    changes: dict[str, Any] = {"claim": None, "percent": 100, "attempts": 0}
    if own.step == ImportStep.READING:
        changes |= {"step": ImportStep.PREVIEWED, "encoding": table.encoding}
        changes["headings"] = [list(told) for told in columns.told]
    else:
        changes |= {"step": ImportStep.DONE, "finished_at": timezone.now(), "upload": ""}
    if not own.held().update(**changes):
        raise ClaimLost
    if changes["step"] == ImportStep.DONE:
        _drop_upload(own)
    own.refresh_from_db()


def _fail(own: MemberImport, reason: str) -> None:
    """What was written before stays, and the report says how far it went."""
    was_reading = own.step == ImportStep.READING
    changes = {"step": ImportStep.FAILED, "reason": reason, "claim": None, "upload": ""}
    if own.held().update(**changes, finished_at=timezone.now()):
        if was_reading:
            own.rows.all().delete()
        _drop_upload(own)
    own.refresh_from_db()


def _drop_upload(own: MemberImport) -> None:
    if own.upload.name:
        default_storage.delete(own.upload.name)


# -------------------------------------------------------------------------------- the schedule


def sweep(now: datetime) -> None:
    """What the schedule calls: no list waits for a dead worker, and no address is kept forever."""
    call_out_stale(now)
    forgotten = Q(step=ImportStep.PREVIEWED, handed_in_at__lt=now - DECIDED_WITHIN)
    for previewed in MemberImport.objects.filter(forgotten):
        reject(previewed, by=None, now=now)
    ImportedRow.objects.filter(member_import__handed_in_at__lt=now - KEPT).delete()
    _drop_orphans(now)


def call_out_stale(now: datetime) -> None:
    waiting = Q(step__in=[ImportStep.WAITING, ImportStep.ACCEPTED], handed_in_at__lt=now - PATIENCE)
    left = Q(step__in=[ImportStep.READING, ImportStep.WRITING]) & (
        Q(claim=None) | Q(claimed_at__lt=now - LEASE)
    )
    for import_id in MemberImport.objects.filter(waiting | left).values_list("pk", flat=True):
        _call_out(import_id)


def _drop_orphans(now: datetime) -> None:
    """Uploads whose row was never written, or was settled by a worker that then died."""
    known = set(MemberImport.objects.exclude(upload="").values_list("upload", flat=True))
    for path in list_old_files(FOLDER, now - timedelta(days=1)):
        if path not in known:
            default_storage.delete(path)


def _call_out_after_commit(import_id: int) -> None:
    # Robust: without its broker the list is kept all the same, and the sweep sees to it.
    transaction.on_commit(lambda: _call_out(import_id), robust=True)


def _call_out(import_id: int) -> None:
    # By name: the tasks import this module.
    signature("subscribers.tasks.work_on_import", args=(import_id,)).apply_async()
