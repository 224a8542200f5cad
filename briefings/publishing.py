"""The ways between states of an edition and its entries, each one act in one transaction."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from briefings.contexts import describe_imprint
from briefings.models import Audience, Edition, State
from briefings.tasks import build_edition_pdf


class TransitionRefused(Exception):
    """An edition can't go where it was sent; `reasons` says why, in the editor's language."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons


def find_obstacles(edition: Edition) -> list[str]:
    """What an edition lacks before it can be published, in plain words; empty when nothing."""
    obstacles = [] if edition.date else ["這一期未填日期。"]
    entries = list(edition.entries.all())
    if not entries:
        obstacles.append("這一期未有短評。")
    for entry in entries:
        if not entry.lead.strip():
            obstacles.append(f"「{entry.headline}」未有導言。")
        if not entry.body:
            obstacles.append(f"「{entry.headline}」未有正文。")
    return obstacles


def publish_edition(
    edition: Edition,
    *,
    audience: Audience,
    public_from: datetime | None = None,
    published_at: datetime | None = None,
) -> None:
    """Draft (or withdrawn) → published: state, imprint and search index together.

    `public_from` opens a members' edition to everybody from then on. The PDF is built after
    commit, in the background. Raises TransitionRefused, and changes nothing, when the edition is
    published already or lacks something. Goes by the row, however old `edition` is, and brings
    `edition` up to date; of two at once, one wins.
    """
    with transaction.atomic():
        row = _lock(edition)
        if row.is_published:
            raise TransitionRefused(f"{row}已經出版。")
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
            published_at=published_at or row.published_at or timezone.now(),
            frozen_imprint=imprint.as_dict(),
        )
        edition.refresh_from_db()
        request_pdf(row.pk)


def request_pdf(edition_id: int) -> None:
    """Have the PDF built after commit, of an edition that is new or has changed.

    Robust: without a broker nothing else is lost, and the first reader has it built. (Not a
    partial: Django logs the failure by a name that partials don't have.)
    """
    transaction.on_commit(lambda: build_edition_pdf.delay(edition_id), robust=True)


def withdraw_edition(edition: Edition) -> None:
    """Published → withdrawn: nobody but editors sees it, or finds it, from this commit on."""
    with transaction.atomic():
        row = _lock(edition)
        if not row.is_published:
            raise TransitionRefused(f"{row}並未出版，無從撤回。")
        _move(row, State.WITHDRAWN)
        edition.refresh_from_db()


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
    row.entries.update(state=state)
    row.entries.all().refresh_index()
