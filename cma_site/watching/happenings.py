"""What happens now and then, on whichever machine: written down where all of them can read it."""

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from celery import signals
from django.db import DatabaseError, transaction
from django.db.models import F
from django.utils import timezone

logger = logging.getLogger(__name__)

TICK = "tick"  # beat queued, and a worker took up, what comes each half minute
FAILED_TASK = "failed task"
BACKUP = "backup"
PRINTED = {"edition": "printed edition", "volume": "printed volume"}

TICKING = "subscribers.tasks.send_due"
# Seconds; the last of them is beyond what a document is given.
PRINTING_BOUNDS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 1000.0)


def note_happening(kind: str, detail: str = "", *, seconds: float = 0) -> None:
    """Whoever did it is not to fail because it can't be noted."""
    from cma_site.models import Happening

    now = timezone.now()
    try:
        with transaction.atomic():
            row, _ = Happening.objects.get_or_create(
                kind=kind, detail=detail, defaults={"last_at": now}
            )
            Happening.objects.filter(pk=row.pk).update(
                count=F("count") + 1, seconds=F("seconds") + seconds, last_at=now
            )
    except DatabaseError:
        logger.warning("%s was not noted", kind, exc_info=True)


def note_printing(of: str, seconds: float) -> None:
    """Of an "edition" or a "volume"; counted by how long it took."""
    bound = find_bound(seconds, PRINTING_BOUNDS)
    note_happening(PRINTED[of], f"{bound:g}", seconds=seconds)


def find_bound(seconds: float, bounds: Iterable[float]) -> float:
    """The first that it doesn't exceed."""
    return next((bound for bound in bounds if seconds <= bound), float("inf"))


def read_last(kind: str) -> datetime | None:
    """When it last happened; None if never."""
    from cma_site.models import Happening

    last: datetime | None = (
        Happening.objects.filter(kind=kind).values_list("last_at", flat=True).first()
    )
    return last


@signals.task_success.connect
def note_tick(sender: Any, **kwargs: Any) -> None:  # noqa: ARG001
    if sender.name == TICKING:
        note_happening(TICK)


@signals.task_failure.connect
def note_failure(sender: Any, **kwargs: Any) -> None:  # noqa: ARG001
    note_happening(FAILED_TASK, sender.name)
