"""Counting what readers looked for and did not find, and nothing about the readers.

It belongs to a page that must come whatever happens here: a database that can't be written, or is
busy, costs the count and no more.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.utils import timezone

from briefings.models import SearchMiss
from briefings.search.fold import fold

logger = logging.getLogger(__name__)

MAX_LENGTH = 60  # characters; what is longer is a passage somebody pasted, not a subject
MAX_DIGITS = 5  # a year and a number, but no telephone or identity card
MOST_KEPT = 5000  # rows; a robot that tries every word fills no disk
DROPPED_AT_ONCE = 500
LONGEST_WAIT = 250  # milliseconds, for a database that is busy
_DIGIT = re.compile(r"\d")


def record_miss(text: str, today: date | None = None) -> None:
    """One more search for this text that found nothing; of personal data nothing is kept."""
    text = " ".join(text.split())
    if not may_be_kept(text):
        return
    try:
        with _waiting_briefly():
            _count_up(text, today or timezone.localdate())
    except DatabaseError:
        logger.warning("A search without result was not counted", exc_info=True)


def may_be_kept(text: str) -> bool:
    """Not what looks like a mail address, a telephone number, an identity card or a passage."""
    return 0 < len(text) <= MAX_LENGTH and not (
        "@" in text or "＠" in text or len(_DIGIT.findall(text)) > MAX_DIGITS
    )


def _count_up(text: str, today: date) -> None:
    """Each statement is whole by itself, so that of many at once none is lost."""
    row = SearchMiss.objects.filter(folded=fold(text))
    counted_up = {"count": F("count") + 1, "last_day": today}
    if row.update(**counted_up):
        return
    _make_room()
    new = SearchMiss(text=text, folded=fold(text), last_day=today)
    SearchMiss.objects.bulk_create([new], ignore_conflicts=True)
    row.update(**counted_up)


def _make_room() -> None:
    if SearchMiss.objects.count() >= MOST_KEPT:
        rarest = SearchMiss.objects.order_by("count", "last_day", "pk")
        ids = list(rarest.values_list("pk", flat=True)[:DROPPED_AT_ONCE])
        SearchMiss.objects.filter(pk__in=ids).delete()


@contextmanager
def _waiting_briefly() -> Iterator[None]:
    """A transaction that gives up where others would wait for a lock, which may be 20 seconds."""
    if connection.vendor == "postgresql":
        with transaction.atomic():
            _run(f"SET LOCAL lock_timeout = {LONGEST_WAIT}")
            yield
        return
    usual = _run("PRAGMA busy_timeout")
    _run(f"PRAGMA busy_timeout = {LONGEST_WAIT}")
    try:
        with transaction.atomic():
            yield
    finally:
        _run(f"PRAGMA busy_timeout = {usual}")


def _run(sql: str) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None
