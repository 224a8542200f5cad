"""Opening a week's or a month's digest, when its day has come or a person says so.

What each member is due, `subscribers.digest_rules` decides. Everything of one digest is written in
one transaction, so a worker killed half-way leaves nothing of it, and the next sweep begins anew.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.utils import timezone

from briefings.contexts import EditionContext, describe_edition
from briefings.models import Audience, Edition, Entry, Publication
from subscribers.delivery import (
    MailingRefused,
    find_themes,
    is_open_to_public,
    wake_after_commit,
    write_deliveries,
)
from subscribers.digest_rules import (
    REACH,
    Account,
    Frequency,
    Offer,
    Standing,
    choose_due,
    is_news,
    settle,
)
from subscribers.digests import DigestContext, describe_digest, freeze_digest
from subscribers.models import (
    Delivery,
    Digest,
    DigestDay,
    DigestDayState,
    DigestKind,
    DigestSchedule,
    Mailing,
    Member,
)
from subscribers.sending_days import Timetable
from subscribers.variants import Variant

logger = logging.getLogger(__name__)

BATCH = 1000  # keys that one statement names

Person = AbstractBaseUser | AnonymousUser | None
Choice = tuple[int, ...]


def load_timetable() -> Timetable:
    return Timetable(
        hour=settings.DIGEST_HOUR,
        weekday=settings.DIGEST_WEEKDAY,
        on_rest_days=settings.DIGEST_ON_REST_DAYS,
    )


# -------------------------------------------------------------------------------- when it is due


def open_due_digests(now: datetime) -> None:
    """One that fails doesn't stop the other; the next sweep tries again."""
    for kind in DigestKind:
        try:
            open_if_due(kind, now)
        except Exception:
            logger.exception("The %s digest could not be opened", kind)


def open_if_due(kind: DigestKind, now: datetime) -> None:
    """Only the latest day that was due: of several that were missed, the others are part of it."""
    timetable = load_timetable()
    due_on = timetable.last_due(Frequency(kind), now)
    if is_pending(kind, due_on, now) and timetable.may_send(now):
        open_digest(kind, due_on, now)


def is_pending(kind: DigestKind, due_on: date, now: datetime) -> bool:
    """Not settled yet, and not before digests of the kind were sent at all."""
    since = find_beginning(kind, now)
    is_settled = DigestDay.objects.filter(kind=kind, due_on=due_on).exists()
    return load_timetable().moment(due_on) >= since and not is_settled


def find_beginning(kind: DigestKind, now: datetime) -> datetime:
    """Since when this kind is sent: what was due before has not been missed."""
    schedule = DigestSchedule.objects.filter(kind=kind).first()
    if schedule:
        return schedule.since
    with transaction.atomic():
        return DigestSchedule.hold(now)[kind]


def find_coming_day(kind: DigestKind, now: datetime) -> date:
    """The day of the next digest; one in the past is late, and waits for the next sending day."""
    timetable = load_timetable()
    day = timetable.last_due(Frequency(kind), now)
    while not is_pending(kind, day, now):
        day = timetable.next_due(Frequency(kind), day)
    return day


# ------------------------------------------------------------------------------------- opening


def open_digest(kind: DigestKind, due_on: date, now: datetime, by: Person = None) -> DigestDay:
    """What came of that day: settled now, unless it was before. Wakes workers after commit.

    A person who sends early is refused when there is nothing, so that its day is still to come.
    """
    with transaction.atomic():
        DigestSchedule.hold(now)
        settled = DigestDay.objects.filter(kind=kind, due_on=due_on).first()
        if settled:
            return settled
        table = list_offers(now)
        readers = find_readers(kind, now)
        groups = group_readers(table, readers)
        groups.pop((), None)
        if by and not groups:
            raise MailingRefused("現時沒有會員有新的短評可收。")
        day = DigestDay.objects.create(
            kind=kind,
            due_on=due_on,
            state=DigestDayState.SENT if groups else DigestDayState.NOTHING,
            settled_at=now,
            settled_by_id=by.pk if by else None,
        )
        day.entries.set(offer.entry for offer in table)
        # Before the deliveries: these hold the members' rows from being deleted, and who deletes
        # one holds it from being changed.
        _mark_served(day, readers)
        if groups:
            day.mailing = _open_mailing(kind, groups, now, by)
            day.save(update_fields=["mailing"])
    return day


def skip_digest(kind: DigestKind, due_on: date, now: datetime, by: Person) -> DigestDay:
    """Nobody gets one on that day; what they were due comes with the next."""
    with transaction.atomic():
        DigestSchedule.hold(now)
        day, _ = DigestDay.objects.get_or_create(
            kind=kind,
            due_on=due_on,
            defaults={
                "state": DigestDayState.SKIPPED,
                "settled_at": now,
                "settled_by_id": by.pk if by else None,
            },
        )
    return day


def _open_mailing(
    kind: DigestKind, groups: dict[Choice, list[int]], now: datetime, by: Person
) -> Mailing:
    descriptions = describe_editions(groups)
    contexts = {chosen: describe_digest(kind.label, descriptions, chosen) for chosen in groups}
    publication = Publication.load()
    mailing = Mailing.objects.create(
        kind=kind,
        subject=_find_fullest(contexts).subject,
        sender_name=publication.sender,
        sender_email=publication.sender_email,
        reply_to=publication.reply_to,
        opened_by_id=by.pk if by else None,
        opened_at=now,
    )

    def freeze(chosen: Choice, variant: Variant) -> Digest:
        return freeze_digest(contexts[chosen], variant)

    write_deliveries(mailing, groups, freeze)
    wake_after_commit(mailing)
    return mailing


def _find_fullest(contexts: dict[Choice, DigestContext]) -> DigestContext:
    """What the ledger calls the mailing by."""
    return contexts[max(contexts, key=len)]


def describe_editions(choices: Iterable[Choice]) -> list[tuple[EditionContext, bool]]:
    """Those that any of the choices is from, the newest first, and whether the public reads them.

    Some eight queries for each edition, however many choices and members.
    """
    chosen = {entry for choice in choices for entry in choice}
    editions = Edition.objects.filter(entries__in=chosen).distinct().newest_first()
    return [(describe_edition(edition), is_open_to_public(edition)) for edition in editions]


# ---------------------------------------------------------------------------- who is due what


def list_offers(now: datetime) -> tuple[Offer, ...]:
    """What members may read now and is news, the newest edition first. Two queries."""
    entries = Entry.objects.visible_to(Audience.MEMBERS, now).newest_first()
    recent = entries.filter(edition__published_at__gt=now - REACH).values_list(
        "pk", "edition__published_at", "edition__date"
    )
    published = {
        pk: published_at
        for pk, published_at, day in recent
        if published_at and day and is_news(timezone.localtime(published_at), day, now)
    }
    themes = find_themes(published)
    return tuple(Offer(pk, frozenset(themes[pk]), at) for pk, at in published.items())


@dataclass(frozen=True)
class Reader:
    """A member whom a digest of some kind serves."""

    pk: int
    account: Account
    joined_at: datetime
    last_day: int | None
    themes: frozenset[int]

    @property
    def since(self) -> datetime:
        return self.account.since or self.joined_at


def find_readers(kind: DigestKind, now: datetime) -> list[Reader]:
    """Each member once. Two queries."""
    members = Member.objects.wants_digest(kind, now).order_by("pk")
    themes: dict[int, set[int]] = {}
    for member, theme in members.filter(themes__isnull=False).values_list("pk", "themes"):
        themes.setdefault(member, set()).add(theme)
    rows = members.values_list(
        *("pk", "frequency", "digests_from", "digests_until", "confirmed_at", "last_digest_day"),
    )
    return [
        Reader(
            pk,
            Account(Frequency(frequency), since, until),
            joined_at,
            last_day,
            frozenset(themes.get(pk, ())),
        )
        for pk, frequency, since, until, joined_at, last_day in rows
    ]


def group_readers(table: Collection[Offer], readers: Collection[Reader]) -> dict[Choice, list[int]]:
    """Members by what they are due; those who are due nothing under `()`. Three queries."""
    offered = _find_offered({reader.last_day for reader in readers if reader.last_day})
    served = Delivery.objects.filter(member__in=Member.objects.active())
    returned = served.returned().entries_by_member(offer.entry for offer in table)
    received = served.received().entries_by_member(
        _narrow(table, readers, offered).union(*returned.values())
    )
    nothing: frozenset[int] = frozenset()
    groups: dict[Choice, list[int]] = {}
    for reader in readers:
        standing = Standing(
            since=reader.since,
            until=reader.account.until,
            themes=reader.themes,
            offered=offered.get(reader.last_day, nothing),
            received=received.get(reader.pk, nothing),
            returned=returned.get(reader.pk, nothing),
        )
        groups.setdefault(choose_due(table, standing), []).append(reader.pk)
    return groups


def _narrow(
    table: Collection[Offer],
    readers: Collection[Reader],
    offered: Mapping[int | None, Set[int]],
) -> set[int]:
    """What could be new to any of them: of all else nobody need ask who had it."""
    earliest: dict[int | None, datetime] = {}
    for reader in readers:
        earliest[reader.last_day] = min(reader.since, earliest.get(reader.last_day, reader.since))
    return {
        offer.entry
        for offer in table
        for last_day, since in earliest.items()
        if offer.published_at > since and offer.entry not in offered.get(last_day, ())
    }


def _find_offered(days: Collection[int]) -> dict[int | None, set[int]]:
    offered: dict[int | None, set[int]] = {}
    rows = DigestDay.entries.through.objects.filter(digestday__in=days)
    for day, entry in rows.values_list("digestday_id", "entry_id"):
        offered.setdefault(day, set()).add(entry)
    return offered


def _mark_served(day: DigestDay, readers: Iterable[Reader]) -> None:
    """Whoever changes their frequency in this moment changes it from where this leaves them."""
    staying: list[int] = []
    leaving: list[int] = []
    for reader in readers:
        (staying if settle(reader.account).is_open else leaving).append(reader.pk)
    for keys in _cut(staying):
        Member.objects.filter(pk__in=keys).update(last_digest_day=day)
    for keys in _cut(leaving):
        left = Member.objects.filter(
            pk__in=keys, frequency=Frequency.EVERY_EDITION, digests_until__lte=day.settled_at
        )
        left.update(digests_from=None, digests_until=None, last_digest_day=None)


def _cut(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    return (keys[start : start + BATCH] for start in range(0, len(keys), BATCH))
