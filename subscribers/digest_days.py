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
from django.db import OperationalError, transaction
from django.utils import timezone

from briefings.contexts import EditionContext, describe_edition
from briefings.models import Audience, Edition, Entry, Publication
from subscribers.digest_rules import (
    NOTHING,
    REACH,
    Account,
    Choice,
    Frequency,
    Offer,
    Standing,
    Wish,
    choose_due,
    choose_hits,
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
    SearchSubscription,
    find_corrections_due,
)
from subscribers.opening import (
    MailingRefused,
    describe_corrected,
    find_themes,
    is_open_to_public,
    make_copies,
    write_deliveries,
)
from subscribers.searches import find_hits
from subscribers.sending_days import Timetable
from subscribers.waking import wake_after_commit

logger = logging.getLogger(__name__)

BATCH = 1000  # keys that one statement names

Person = AbstractBaseUser | AnonymousUser | None


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
        try:
            open_digest(kind, due_on, now, waits=False)
        except OperationalError:
            # Another has the lock, most likely the sweep before; waiting would hold a worker.
            logger.info("The %s digest is being seen to", kind)


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


def open_digest(
    kind: DigestKind, due_on: date, now: datetime, by: Person = None, *, waits: bool = True
) -> DigestDay:
    """What came of that day: settled now, unless it was before. Wakes workers after commit.

    A person who sends early is refused when there is nothing, so that its day is still to come.
    With `waits` false OperationalError is raised while another opens something (PostgreSQL).
    """
    with transaction.atomic():
        DigestSchedule.hold(now, waits=waits)
        settled = DigestDay.objects.filter(kind=kind, due_on=due_on).first()
        if settled:
            return settled
        table = list_offers(now)
        readers = find_readers(kind, now)
        groups = group_readers(kind, table, readers, now)
        groups.pop(NOTHING, None)
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
        copies: list[tuple[Member, Digest]] = []
        if groups:
            contexts = describe_choices(kind, groups)
            day.mailing = _make_mailing(kind, contexts, now, by)
            day.save(update_fields=["mailing"])
            copies = make_copies(
                day.mailing,
                groups,
                lambda chosen, variant: freeze_digest(contexts[chosen], variant),
            )
        # Late, since from here on whoever changes something about themselves waits for the commit;
        # but before the deliveries: these hold the members' rows from being deleted, and who
        # deletes one holds it from being changed.
        _mark_served(day, readers)
        if day.mailing:
            write_deliveries(day.mailing, copies)
            wake_after_commit(day.mailing)
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


def _make_mailing(
    kind: DigestKind, contexts: dict[Choice, DigestContext], now: datetime, by: Person
) -> Mailing:
    """The ledger calls it by the fullest of what it brings."""
    publication = Publication.load()
    return Mailing.objects.create(
        kind=kind,
        subject=contexts[max(contexts, key=lambda chosen: len(chosen.entries))].subject,
        sender_name=publication.sender,
        sender_email=publication.sender_email,
        reply_to=publication.reply_to,
        opened_by_id=by.pk if by else None,
        opened_at=now,
    )


def describe_choices(kind: DigestKind, choices: Iterable[Choice]) -> dict[Choice, DigestContext]:
    """What a digest of each holds."""
    choices = list(choices)
    editions, corrected = describe_editions(choices), describe_corrected(choices)
    return {chosen: describe_digest(kind.label, editions, chosen, corrected) for chosen in choices}


def describe_editions(choices: Iterable[Choice]) -> list[tuple[EditionContext, bool]]:
    """Those that any of the choices is from, the newest first, and whether the public reads them.

    Some eight queries for each edition, however many choices and members.
    """
    chosen = {entry for choice in choices for entry in choice.entries}
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
    wish: Wish

    @property
    def since(self) -> datetime:
        return self.account.since or self.joined_at


def find_readers(kind: DigestKind, now: datetime) -> list[Reader]:
    """Each member once. One query: between two, somebody may come to be served. And one for what
    they search, of which nothing that comes between is due yet.
    """
    members = Member.objects.wants_digest(kind, now).order_by("pk")
    rows = members.values_list(
        *("pk", "frequency", "digests_from", "digests_until", "confirmed_at", "last_digest_day"),
        *("only_searches", "themes"),
    )
    searches = SearchSubscription.objects.by_member(members.order_by())
    readers: dict[int, Reader] = {}
    for pk, frequency, since, until, joined_at, last_day, only_searches, theme in rows:
        chosen = readers[pk].wish.themes if pk in readers else frozenset()
        account = Account(Frequency(frequency), since, until)
        themes = chosen | {theme} if theme else chosen
        wish = Wish(themes, searches.get(pk, ()), only_searches)
        readers[pk] = Reader(pk, account, joined_at, last_day, wish)
    return list(readers.values())


def group_readers(
    kind: DigestKind, table: Collection[Offer], readers: Collection[Reader], now: datetime
) -> dict[Choice, list[int]]:
    """Members by what they are due; those who are due nothing under NOTHING. Five queries, seven
    where there are corrections to tell, and one for each different search.

    The ledger is large: of what could be new to somebody all readers are asked about, of what
    came back only those to whom it did not come.
    """
    offered = _find_offered({reader.last_day for reader in readers if reader.last_day})
    ours = Delivery.objects.filter(member__in=Member.objects.wants_digest(kind, now))
    returned = ours.returned().entries_by_member(offer.entry for offer in table)
    received = ours.received().entries_by_member(_narrow(table, readers, offered))
    unlucky = ours.received().filter(member__in=ours.returned().values("member"))
    again = unlucky.entries_by_member(set().union(*returned.values()))
    for member, entries in again.items():
        received.setdefault(member, set()).update(entries)
    corrections = find_corrections_due(now)
    found = find_hits((reader.wish for reader in readers), table)
    no_entries: frozenset[int] = frozenset()
    groups: dict[Choice, list[int]] = {}
    for reader in readers:
        standing = Standing(
            since=reader.since,
            until=reader.account.until,
            wish=reader.wish,
            offered=offered.get(reader.last_day, no_entries),
            received=received.get(reader.pk, no_entries),
            returned=returned.get(reader.pk, no_entries),
        )
        due = choose_due(table, standing, found)
        hits = choose_hits(table, due, reader.wish, found)
        choice = Choice(due, corrections.get(reader.pk, ()), hits)
        groups.setdefault(choice, []).append(reader.pk)
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
    # Who has just paused is not served, and goes on from where they were.
    present = Member.objects.receiving(day.settled_at)
    for keys in _cut(staying):
        present.filter(pk__in=keys).update(last_digest_day=day)
    for keys in _cut(leaving):
        left = present.filter(
            pk__in=keys, frequency=Frequency.EVERY_EDITION, digests_until__lte=day.settled_at
        )
        left.update(digests_from=None, digests_until=None, last_digest_day=None)


def _cut(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    return (keys[start : start + BATCH] for start in range(0, len(keys), BATCH))
