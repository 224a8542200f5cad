"""The ways between states of an edition and its entries, each one act in one transaction."""

from datetime import datetime
from functools import partial

from django.db import transaction
from django.utils import timezone

from briefings.contexts import describe_imprint
from briefings.models import Audience, Edition, Entry, State
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
    published already or lacks something. Of two at once, one wins.
    """
    if obstacles := find_obstacles(edition):
        raise TransitionRefused(*obstacles)
    if audience == Audience.PUBLIC:
        public_from = None
    imprint = describe_imprint(
        edition.imprint,
        is_for_public=audience == Audience.PUBLIC or public_from is not None,
    )
    with transaction.atomic():
        edition.save()  # its slug follows a date that was just set
        claimed = (
            Edition.objects.filter(pk=edition.pk)
            .exclude(state=State.PUBLISHED)
            .update(
                state=State.PUBLISHED,
                audience=audience,
                public_from=public_from,
                published_at=published_at or edition.published_at or timezone.now(),
                frozen_imprint=imprint.as_dict(),
            )
        )
        if not claimed:
            raise TransitionRefused(f"{edition}已經出版。")
        edition.refresh_from_db()
        _move_entries(edition, State.PUBLISHED)
        transaction.on_commit(partial(build_edition_pdf.delay, edition.pk))


def withdraw_edition(edition: Edition) -> None:
    """Published → withdrawn: nobody but editors sees it, or finds it, from this commit on."""
    with transaction.atomic():
        if not Edition.objects.filter(pk=edition.pk, state=State.PUBLISHED).update(
            state=State.WITHDRAWN
        ):
            raise TransitionRefused(f"{edition}並未出版，無從撤回。")
        edition.refresh_from_db()
        _move_entries(edition, State.WITHDRAWN)


def _move_entries(edition: Edition, state: State) -> None:
    for entry in Entry.objects.filter(edition=edition):
        entry.state = state
        entry.save()
