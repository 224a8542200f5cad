"""The ways between states of an edition and its entries, each one act in one transaction."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format

from briefings.cards import wake_drawer
from briefings.contexts import describe_imprint
from briefings.history import Person, keep_version, name_person, record_act, say_why
from briefings.models import Audience, Edition, Entry, ReviewNote, State
from briefings.permissions import PUBLISH
from briefings.printing import wake_worker

NO_SCHEDULE: dict[str, Any] = {
    "scheduled_for": None,
    "scheduled_by": None,
    "scheduled_options": [],
    "schedule_note": "",
}

# What may be published: somebody who may approve has read it.
READY = (State.APPROVED, State.SCHEDULED, State.WITHDRAWN)


class TransitionRefused(Exception):
    """What was sent somewhere can't go there; `reasons` says why, in the editor's language."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons


# -------------------------------------------------------------------------------------- entries
def submit_entry(entry: Entry, *, by: Person = None) -> None:
    """Draft → in review. Refused while it lacks what a reviewer would send it back for."""
    _move_entry(entry, State.IN_REVIEW, since=[State.DRAFT], act="送審", by=by)


def take_back_entry(entry: Entry, *, by: Person = None) -> None:
    """In review → draft, by its writer, who thought of something."""
    _move_entry(entry, State.DRAFT, since=[State.IN_REVIEW], act="收回", by=by)


def approve_entry(entry: Entry, *, by: Person = None) -> None:
    """In review → approved; a draft too, as when an editor approves what they wrote."""
    since = [State.DRAFT, State.IN_REVIEW]
    _move_entry(entry, State.APPROVED, since=since, act="審批", by=by)


def return_entry(entry: Entry, *, note: str, by: Person) -> None:
    """In review or approved → draft, with a review note that says why."""
    if not note.strip():
        raise TransitionRefused(f"請寫明為何退回「{entry.headline}」。")
    with transaction.atomic():
        since = [State.IN_REVIEW, State.APPROVED]
        _move_entry(entry, State.DRAFT, since=since, act="退回", by=by)
        ReviewNote.objects.create(
            entry=entry, written_by_id=by.pk if by else None, text=note.strip()
        )


def approve_entries(edition: Edition, *, by: Person = None) -> None:
    """All of an edition that are not approved yet; or, if one can't be, none."""
    with transaction.atomic():
        for entry in _lock(edition).entries.exclude(state__in=READY):
            approve_entry(entry, by=by)


def find_gaps(entry: Entry) -> list[str]:
    """What an entry lacks before anybody else should have to read it."""
    gaps = [] if entry.lead.strip() else [f"「{entry.headline}」未有導言。"]
    return gaps if entry.body else [*gaps, f"「{entry.headline}」未有正文。"]


def _move_entry(entry: Entry, to: State, *, since: Collection[State], act: str, by: Person) -> None:
    """Refused when somebody has moved it from where `entry` was when it was read.

    Its version stays: a form that is open on the same text may still be saved. The history tells
    what people do; a command that moves many leaves no more than the text.
    """
    with transaction.atomic():
        row = Entry.objects.select_for_update().filter(pk=entry.pk).first()
        if row is None:
            raise TransitionRefused(f"「{entry.headline}」已被刪除。")
        if row.state in since and row.state != entry.state:
            raise TransitionRefused(
                f"「{row.headline}」剛被改為「{State(row.state).label}」，請看過再{act}。"
            )
        if row.state not in since:
            raise TransitionRefused(
                f"「{row.headline}」現為「{State(row.state).label}」，不能{act}。"
            )
        if to != State.DRAFT and (gaps := find_gaps(row)):
            raise TransitionRefused(*gaps)
        Entry.objects.filter(pk=row.pk).update(state=to)
        if by is not None:
            record_act(row, by=by, why=act)
    entry.refresh_from_db(fields=["state"])


# ------------------------------------------------------------------------------------- editions
def find_obstacles(edition: Edition) -> list[str]:
    """What an edition lacks before it can be published, in plain words; empty when nothing."""
    obstacles = [] if edition.date else ["這一期未填日期。"]
    entries = list(edition.entries.filter(withdrawn_at=None))
    if not entries:
        obstacles.append("這一期未有短評。")
    for entry in entries:
        obstacles += find_entry_obstacles(entry)
    return obstacles


def find_entry_obstacles(entry: Entry) -> list[str]:
    """What keeps an entry, and its edition with it, from being published."""
    if entry.state in READY:
        return find_gaps(entry)
    return [*find_gaps(entry), f"「{entry.headline}」未經審批（{State(entry.state).label}）。"]


def publish_edition(
    edition: Edition,
    *,
    audience: Audience,
    public_from: datetime | None = None,
    published_at: datetime | None = None,
    by: Person = None,
) -> None:
    """Draft (or withdrawn) → published: state, imprint and search index together.

    `public_from` opens a members' edition to everybody from then on. The PDF is built after
    commit, in the background. Raises TransitionRefused, and changes nothing, when the edition is
    published already, or waits for its time, or lacks something. Goes by the row, however old
    `edition` is, and brings `edition` up to date; of two at once, one wins.
    """
    with transaction.atomic():
        row = _lock(edition)
        if row.is_published:
            raise TransitionRefused(f"{row}已經出版。")
        if row.state == State.SCHEDULED:
            raise TransitionRefused(f"{row}已排程出版；要即時出版，請先取消排程。")
        _release(
            row,
            audience=audience,
            public_from=public_from,
            published_at=published_at or row.published_at or timezone.now(),
            **NO_SCHEDULE,
        )
        edition.refresh_from_db()
        keep_version(edition, by=by, why="出版")


def schedule_edition(  # noqa: PLR0913  (one decision, each part of it by name)
    edition: Edition,
    *,
    at: datetime,
    audience: Audience,
    public_from: datetime | None = None,
    options: Collection[str] = (),
    by: User,
) -> None:
    """Draft → scheduled, its entries too: from now on nobody changes them.

    `options` names the PublishOptions to carry out then, if `by` still may. Raises
    TransitionRefused, and changes nothing, for whatever would be in the way of publishing today.
    """
    with transaction.atomic():
        row = _lock(edition)
        if row.state != State.DRAFT:
            raise TransitionRefused(f"{row}現為「{row.get_state_display()}」，不能排程。")
        if at <= timezone.now():
            raise TransitionRefused("排程時間已過，請填寫將來的時間。")
        if public_from and public_from <= at:
            raise TransitionRefused("公開時間須在出版之後。")
        if obstacles := find_obstacles(row):
            raise TransitionRefused(*obstacles)
        _move(
            row,
            State.SCHEDULED,
            audience=audience,
            public_from=None if audience == Audience.PUBLIC else public_from,
            scheduled_for=at,
            scheduled_by=by,
            scheduled_options=list(options),
            schedule_note="",
        )
        edition.refresh_from_db()
        when = date_format(timezone.localtime(at), "DATETIME_FORMAT")
        record_act(edition, by=by, why=f"排程於{when}出版")


def unschedule_edition(edition: Edition, *, by: Person = None) -> None:
    """Scheduled → draft; its entries are approved as they were."""
    with transaction.atomic():
        row = _lock(edition)
        if row.state != State.SCHEDULED:
            raise TransitionRefused(f"{row}並未排程。")
        _put_back(row)
        edition.refresh_from_db()
        record_act(edition, by=by, why="取消排程")


def publish_if_due(edition: Edition, now: datetime) -> bool:
    """Scheduled → published, as the schedule says; of two at once, one is told True.

    What came in the way since sends it back to draft, with the reason in `schedule_note`.
    The ticked options are still to be carried out: see `briefings.scheduling`.
    """
    with transaction.atomic():
        row = _lock(edition)
        if row.state != State.SCHEDULED or row.scheduled_for is None or row.scheduled_for > now:
            return False
        by = row.scheduled_by
        try:
            _release_as_scheduled(row, now)
        except TransitionRefused as refused:
            reasons = ["未能按排程出版，已改回草稿。", *refused.reasons]
            _put_back(row, schedule_note="\n".join(reasons))
        edition.refresh_from_db()
        record_act(edition, by=by, why=edition.schedule_note)
        return True


def _release_as_scheduled(row: Edition, now: datetime) -> None:
    if row.scheduled_by is None or not row.scheduled_by.has_perm(PUBLISH):
        who = name_person(row.scheduled_by) or "用戶"
        raise TransitionRefused(f"排程的{who}已沒有出版的權限。")
    _release(
        row,
        audience=Audience(row.audience),
        public_from=row.public_from,
        published_at=now,
        schedule_note="已按排程出版。",
    )


def _release(
    row: Edition, *, audience: Audience, public_from: datetime | None, **written: Any
) -> None:
    if obstacles := find_obstacles(row):
        raise TransitionRefused(*obstacles)
    if audience == Audience.PUBLIC:
        public_from = None
    imprint = describe_imprint(
        row.imprint, is_for_public=audience == Audience.PUBLIC or public_from is not None
    )
    _move(
        row,
        State.PUBLISHED,
        audience=audience,
        public_from=public_from,
        frozen_imprint=imprint.as_dict(),
        withdrawn_at=None,
        withdrawal_note="",
        **written,
    )
    request_pdf(row.pk)


def _put_back(row: Edition, *, schedule_note: str = "") -> None:
    """Scheduled → draft, with nothing left of the schedule but what was wrong with it."""
    Edition.objects.filter(pk=row.pk).update(
        state=State.DRAFT,
        audience="",
        public_from=None,
        **NO_SCHEDULE | {"schedule_note": schedule_note},
    )
    row.entries.filter(state=State.SCHEDULED).update(state=State.APPROVED)


def request_pdf(edition_id: int) -> None:
    """Have the PDF built after commit, and the share cards drawn, of an edition that is new or
    has changed.
    """
    wake_worker(Edition(pk=edition_id))
    wake_drawer(edition_id)


def withdraw_edition(edition: Edition, *, note: str = "", by: Person = None) -> None:
    """Published → withdrawn: nobody but editors sees it, or finds it, from this commit on.

    Where the public had read it, a page says that it was withdrawn, when, and the `note`.
    """
    with transaction.atomic():
        row = _lock(edition)
        if not row.is_published:
            raise TransitionRefused(f"{row}並未出版，無從撤回。")
        _move(row, State.WITHDRAWN, withdrawn_at=timezone.now(), withdrawal_note=note.strip())
        edition.refresh_from_db()
        record_act(edition, by=by, why=say_why("撤回", note))


def withdraw_entry(entry: Entry, *, note: str, by: Person = None) -> None:
    """Published → withdrawn, of one entry; the others of its edition keep their numbers.

    Goes by the row, and brings `entry` up to date. The edition's PDF is made again without it.
    """
    note = note.strip()
    if not note:
        raise TransitionRefused("請填寫撤回說明，讀者會看到。")
    with transaction.atomic():
        edition = _lock_edition_of(entry)
        row = Entry.objects.get(pk=entry.pk)
        if edition is None or row.state != State.PUBLISHED:
            raise TransitionRefused(f"「{row}」並未出版，無從撤回。")
        _settle_entry(row, State.WITHDRAWN, withdrawn_at=timezone.now(), withdrawal_note=note)
        entry.refresh_from_db()
        record_act(entry, by=by, why=say_why("撤回", note))
        request_pdf(edition.pk)


def restore_entry(entry: Entry, *, by: Person = None) -> None:
    """Withdrawn → published, of one entry of a published edition, at its old place and address."""
    with transaction.atomic():
        edition = _lock_edition_of(entry)
        row = Entry.objects.get(pk=entry.pk)
        if row.state != State.WITHDRAWN:
            raise TransitionRefused(f"「{row}」沒有撤回，無須恢復。")
        if edition is None or not edition.is_published:
            raise TransitionRefused(f"「{row}」所屬的一期並未出版，請先出版該期。")
        _settle_entry(row, State.PUBLISHED, withdrawn_at=None, withdrawal_note="")
        entry.refresh_from_db()
        record_act(entry, by=by, why="恢復公開")
        request_pdf(edition.pk)


def _lock_edition_of(entry: Entry) -> Edition | None:
    """The entry's edition as it now is, locked with its entries: publishing locks in that order."""
    edition_id = Entry.objects.filter(pk=entry.pk).values_list("edition", flat=True).get()
    return _lock(Edition(pk=edition_id)) if edition_id else None


def _settle_entry(row: Entry, state: State, **written: Any) -> None:
    entries = Entry.objects.filter(pk=row.pk)
    entries.update(state=state, **written)
    entries.refresh_index()


def _lock(edition: Edition) -> Edition:
    """The edition as it now is; nobody else changes it or its entries before we commit.

    On SQLite, which locks no rows, a transaction has the database to itself from its start.
    """
    row = Edition.objects.select_for_update().get(pk=edition.pk)
    list(row.entries.order_by("pk").select_for_update())
    return row


def _move(row: Edition, state: State, **written: Any) -> None:
    """By update(), for a save() would not write this, and would write everything else."""
    Edition.objects.filter(pk=row.pk).update(state=state, **written)
    # What was withdrawn by itself stays so, however often the edition comes and goes.
    entries = row.entries.filter(withdrawn_at=None)
    if state == State.WITHDRAWN:  # what never came out has yet to be approved
        entries = entries.filter(state=State.PUBLISHED)
    entries.update(state=state)
    row.entries.all().refresh_index()
