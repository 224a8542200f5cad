"""What the clock does: publishing what is due, then what was ticked to be done with it.

Killed anywhere and run again, or run twice at once, it publishes once and carries out once: an
edition moves in one transaction, and each option is carried out and crossed off in another.
"""

import logging
from datetime import datetime

from django.db import transaction

from briefings.history import name_person, record_act
from briefings.hooks import PublishOption, publish_options
from briefings.models import Edition, State
from briefings.publishing import publish_if_due

logger = logging.getLogger(__name__)


def publish_due_editions(now: datetime) -> None:
    """One that fails neither stops the others nor is forgotten: the next minute tries again."""
    due = Edition.objects.filter(state=State.SCHEDULED, scheduled_for__lte=now)
    for edition in due.order_by("scheduled_for", "pk"):
        try:
            publish_if_due(edition, now)
        except Exception:
            logger.exception("%s could not be published as scheduled", edition)
    pending = Edition.objects.filter(state=State.PUBLISHED).exclude(scheduled_options=[])
    for edition in pending.order_by("pk"):
        for name in edition.scheduled_options:
            _carry_out_once(edition, name)


def _carry_out_once(edition: Edition, name: str) -> None:
    try:
        with transaction.atomic():
            row = _lock(edition)
            if not row.is_published or name not in row.scheduled_options:
                return
            result = _carry_out(row, name)
            _note(row, name, result)
            rest = [other for other in row.scheduled_options if other != name]
            Edition.objects.filter(pk=row.pk).update(scheduled_options=rest)
            record_act(row, by=row.scheduled_by, why=result)
    except Exception:
        logger.exception("%s of %s could not be carried out", name, edition)
        with transaction.atomic():
            _note(_lock(edition), name, "未能完成，系統會再試。")


def _lock(edition: Edition) -> Edition:
    """Against all who would change it. Who only has a row of theirs lead to it need not wait: what
    an option does may wait for them.
    """
    return Edition.objects.select_for_update(no_key=True).get(pk=edition.pk)


def _carry_out(edition: Edition, name: str) -> str:
    """What was done, or what was in the way."""
    option, user = _find_option(name), edition.scheduled_by
    if option is None:
        return "未有進行：已沒有這個選項。"
    if user is None or not user.has_perm(option.permission):
        return f"未有進行：排程的{name_person(user) or '用戶'}已沒有這項權限。"
    return option.carry_out(edition, user)


def _find_option(name: str) -> PublishOption | None:
    return next((option for option in publish_options if option.name == name), None)


def _note(row: Edition, name: str, result: str) -> None:
    """In place of what was last noted of this option."""
    option = _find_option(name)
    heading = f"「{option.label if option else name}」："
    kept = [line for line in row.schedule_note.splitlines() if not line.startswith(heading)]
    note = "\n".join([*kept, heading + result])
    Edition.objects.filter(pk=row.pk).update(schedule_note=note)
