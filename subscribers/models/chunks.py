"""A chunk of the ledger, and what is asked and told of each on its way out.

There are thousands, so what is asked of each is in statements that were put together once.
"""

from collections.abc import Iterable
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple, cast
from uuid import UUID, uuid4

from django.db.models import Exists, F, Field, Q
from django.db.models.sql import UpdateQuery
from django.utils import timezone

from subscribers.models.compiled import Argument, Statement
from subscribers.models.deliveries import Delivery, DeliveryQuerySet, may_go
from subscribers.models.mailings import Mailing
from subscribers.models.states import DeliveryState, MailingState


class ClaimedDelivery(NamedTuple):
    pk: int
    member_id: int | None
    digest_id: int
    email: str
    name: str
    attempts: int  # this one included


class Claim(NamedTuple):
    """Deliveries that one sender has, until its lease is over."""

    key: UUID
    deliveries: list[ClaimedDelivery]


class Standing(NamedTuple):
    """How it is with a mailing and a chunk of it."""

    state: MailingState
    woken_at: object  # as the database has it; it only tells one from another
    has_waiting: bool  # whether the time of some of the chunk has come


class Chunk(NamedTuple):
    """The deliveries of a mailing from one key to another: what a task is to send."""

    mailing_id: int
    first_id: int
    last_id: int

    def find_standing(self, now: datetime) -> Standing:
        """Raises Mailing.DoesNotExist."""
        rows = _prepare_standing().execute(**self._asdict(), now=now)
        if not rows:
            raise Mailing.DoesNotExist(f"No mailing {self.mailing_id}")
        state, woken_at, has_waiting = rows[0]
        return Standing(MailingState(state), woken_at, bool(has_waiting))

    def claim(self, now: datetime) -> Claim:
        """queued → sending, all of these that may be sent now; of all who try at once, each
        delivery is given to one. One statement.

        Not what the member no longer wants, what may not go to its address, nor what was withdrawn.
        """
        key = uuid4()
        statement = _prepare_claim(timezone.localdate(now))
        rows = statement.execute(**self._asdict(), key=key, now=now)
        return Claim(key, sorted(ClaimedDelivery(*row) for row in rows))

    def skip_unwanted(self, now: datetime) -> None:
        """As `DeliveryQuerySet.skip_unwanted`, if any is queued: mostly none is."""
        ours = Delivery.objects.filter(
            mailing=self.mailing_id, pk__range=(self.first_id, self.last_id)
        )
        if ours.filter(state=DeliveryState.QUEUED).exists():
            ours.skip_unwanted(now)


def mark_sent(keys: Iterable[int], now: datetime) -> None:
    """→ sent, even if the claim was taken away meanwhile: who knows wins over who supposes.

    By ranges: to write down two hundred keys costs more than to look for them.
    """
    ranges = _find_ranges(keys)
    if not ranges:
        return
    # Of few sizes, so that there are few statements: the last range fills up what is left.
    size = 1 << (len(ranges) - 1).bit_length()
    ranges += ranges[-1:] * (size - len(ranges))
    arguments = {f"first{n}": first for n, (first, _) in enumerate(ranges)}
    arguments |= {f"last{n}": last for n, (_, last) in enumerate(ranges)}
    _prepare_sent(size).execute(**arguments, now=now)


def is_unfinished(mailing_id: int) -> bool:
    """Whether the machine still has to do something about a delivery of it."""
    return bool(_prepare_unfinished().execute(mailing_id=mailing_id))


def _find_ranges(keys: Iterable[int]) -> list[tuple[int, int]]:
    """From one to another, of keys that have no other between them: they are whole numbers."""
    ranges: list[tuple[int, int]] = []
    for key in sorted(keys):
        if ranges and key == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], key)
        else:
            ranges.append((key, key))
    return ranges


# ------------------------------------------------------------------------------- the statements


def _argument(name: str, field: str) -> Argument:
    """Typed as a column of the ledger."""
    return Argument(name, cast("Field[Any, Any]", Delivery._meta.get_field(field)))


def _of_chunk() -> DeliveryQuerySet:
    keys = (_argument("first_id", "id"), _argument("last_id", "id"))
    return Delivery.objects.filter(mailing_id=_argument("mailing_id", "id"), pk__range=keys)


@cache
def _prepare_standing() -> Statement:
    waiting = _of_chunk().waiting(_argument("now", "not_before"))
    asked = Mailing.objects.order_by().filter(pk=_argument("mailing_id", "id"))
    return Statement(asked.values_list("state", "woken_at", Exists(waiting)).query)


@lru_cache(maxsize=2)
def _prepare_claim(today: date) -> Statement:
    now = _argument("now", "not_before")
    ready = _of_chunk().waiting(now).filter(may_go(today))
    changes = {
        "state": DeliveryState.SENDING,
        "claim": _argument("key", "claim"),
        "claimed_at": now,
        "attempts": F("attempts") + 1,
    }
    return Statement(_make_update(ready, changes), ("id", *ClaimedDelivery._fields[1:]))


@cache
def _prepare_sent(size: int) -> Statement:
    keys = [(_argument(f"first{n}", "id"), _argument(f"last{n}", "id")) for n in range(size)]
    among = Q(*(Q(pk__range=span) for span in keys), _connector=Q.OR)
    unsent = Delivery.objects.filter(among).exclude(state=DeliveryState.SENT)
    changes = {
        "state": DeliveryState.SENT,
        "sent_at": _argument("now", "sent_at"),
        "claim": None,
        "reply": "",
    }
    return Statement(_make_update(unsent, changes))


@cache
def _prepare_unfinished() -> Statement:
    ours = Delivery.objects.filter(mailing_id=_argument("mailing_id", "id"))
    return Statement(ours.unfinished().query.exists())


def _make_update(rows: DeliveryQuerySet, changes: dict[str, Any]) -> UpdateQuery:
    query = cast("UpdateQuery", rows.order_by().query.chain(UpdateQuery))
    query.add_update_values(changes)
    return query
