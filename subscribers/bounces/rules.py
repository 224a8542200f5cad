"""When an address that takes nothing for the time being has done so for too long."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

# Counted in copies, not in days alone: an edition comes every few weeks, and a mailbox may well be
# full over a holiday. Four in a row, over a fortnight at least.
COPIES_IN_A_ROW = 4
SHORTEST_SPAN = timedelta(days=14)

# Mail systems try for five days before they send a copy back; one that is not back after a week
# has arrived.
BACK_WITHIN = timedelta(days=7)


@dataclass(frozen=True)
class Copy:
    sent_at: datetime
    came_back: bool


def keeps_coming_back(copies: Iterable[Copy], now: datetime) -> bool:
    """Whether the last four of which it is known all came back, over fourteen days or more."""
    known = [copy for copy in copies if copy.came_back or copy.sent_at <= now - BACK_WITHIN]
    latest_first = sorted(known, key=lambda copy: copy.sent_at, reverse=True)
    row = list(takewhile(lambda copy: copy.came_back, latest_first))
    return len(row) >= COPIES_IN_A_ROW and row[0].sent_at - row[-1].sent_at >= SHORTEST_SPAN
