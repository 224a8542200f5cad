"""What a member is due in a digest, and what a change of frequency does to that.

Pure: no database, no clock. `docs/decisions/0012-digest-rules.md` says it in words, and why.
"""

from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.db.models import TextChoices
from django.utils.translation import gettext_noop


class Frequency(TextChoices):
    EVERY_EDITION = "every", gettext_noop("每期寄送")
    WEEKLY = "weekly", gettext_noop("每週摘要")
    MONTHLY = "monthly", gettext_noop("每月摘要")
    PAUSED = "paused", gettext_noop("暫停寄送")


DIGESTS = frozenset((Frequency.WEEKLY, Frequency.MONTHLY))

# How far back a digest reaches at most: a little more than the longest pause.
REACH = timedelta(days=400)

# What comes out so long after its own date was put into the archive, and is no news.
LATEST = timedelta(days=92)


@dataclass(frozen=True)
class Hits:
    """Which of the entries of a mail a search has found that its reader subscribed to."""

    query: str  # as they typed it
    entries: tuple[int, ...]


@dataclass(frozen=True)
class Choice:
    """What one mail brings, by keys, in its order; false if that is nothing."""

    entries: tuple[int, ...] = ()
    corrections: tuple[int, ...] = ()  # to entries that the member has had before
    searches: tuple[Hits, ...] = ()  # among the entries

    def __bool__(self) -> bool:
        return bool(self.entries or self.corrections)


NOTHING = Choice()


@dataclass(frozen=True)
class Offer:
    """An entry that members may read at this moment."""

    entry: int
    themes: frozenset[int]
    published_at: datetime


@dataclass(frozen=True)
class Search:
    """One that a member subscribed to."""

    key: str  # the same for all who ask for the same
    query: str  # as typed
    since: datetime  # what was published until then it doesn't bring


@dataclass(frozen=True)
class Wish:
    """What a member wants of all that they may read."""

    themes: frozenset[int] = frozenset()  # none means all
    searches: tuple[Search, ...] = ()
    only_searches: bool = False  # nothing but what these find


Found = Mapping[str, Set[int]]  # by the keys of searches, the entries that each finds
NO_SEARCHES: Found = {}


@dataclass(frozen=True)
class Standing:
    """Where a member stands when a digest is opened."""

    since: datetime  # what was published until then is no concern of theirs
    until: datetime | None = None  # nor, if it is set, what is published later
    wish: Wish = Wish()
    offered: Set[int] = frozenset()  # what they could have had on the last day they were served
    received: Set[int] = frozenset()
    returned: Set[int] = frozenset()  # what was addressed to them and didn't go out


def is_news(published_at: datetime, edition_date: date, now: datetime) -> bool:
    """Whether digests look at it at all. `published_at` is in Hong Kong's time."""
    return published_at > now - REACH and published_at.date() - edition_date <= LATEST


def choose_wanted(
    table: Iterable[Offer], wish: Wish, found: Found = NO_SEARCHES
) -> tuple[int, ...]:
    """The entries that somebody wants, in the order of the table."""
    return tuple(offer.entry for offer in table if _is_wanted(offer, wish, found))


def choose_due(
    table: Iterable[Offer], member: Standing, found: Found = NO_SEARCHES
) -> tuple[int, ...]:
    """The entries that the member is due, in the order of the table."""
    return tuple(offer.entry for offer in table if _is_due(offer, member, found))


def choose_hits(
    table: Iterable[Offer], chosen: Collection[int], wish: Wish, found: Found
) -> tuple[Hits, ...]:
    """Of the entries chosen for a mail, which each search finds; not those that find none."""
    if not wish.searches:
        return ()
    offers = [offer for offer in table if offer.entry in chosen]
    hits = (
        Hits(search.query, tuple(o.entry for o in offers if _is_hit(o, search, found)))
        for search in wish.searches
    )
    return tuple(each for each in hits if each.entries)


def _is_due(offer: Offer, member: Standing, found: Found) -> bool:
    if offer.entry in member.received or not _is_wanted(offer, member.wish, found):
        return False
    if offer.entry in member.returned:
        return True
    is_in_time = member.since < offer.published_at <= (member.until or offer.published_at)
    return is_in_time and offer.entry not in member.offered


def _is_wanted(offer: Offer, wish: Wish, found: Found) -> bool:
    has_theme = not wish.themes or bool(wish.themes & offer.themes)
    is_hit = any(_is_hit(offer, search, found) for search in wish.searches)
    return is_hit or (has_theme and not wish.only_searches)


def _is_hit(offer: Offer, search: Search, found: Found) -> bool:
    return search.since < offer.published_at and offer.entry in found.get(search.key, ())


@dataclass(frozen=True)
class Erratum:
    """A correction that who received the original is to be told of."""

    correction: int
    entry: int
    made_at: datetime


def choose_corrections(
    errata: Iterable[Erratum], had: Mapping[int, datetime], told: Set[int]
) -> tuple[int, ...]:
    """Those of texts that the member was sent as they were before, in the order given.

    `had` says of each entry when the mailing that brought it was opened.
    """
    return tuple(
        erratum.correction
        for erratum in errata
        if erratum.correction not in told
        and erratum.entry in had
        and had[erratum.entry] <= erratum.made_at
    )


@dataclass(frozen=True)
class Account:
    """What is kept of a member between digests.

    Open (`since` is set, or the frequency is a digest's) until a digest has settled it. Who left
    digests for every edition has it open with `until`: one more digest brings what came out
    before.
    """

    frequency: Frequency
    since: datetime | None = None  # None: since they joined
    until: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.frequency in DIGESTS or self.since is not None


def change_frequency(
    account: Account,
    to: Frequency,
    *,
    joined_at: datetime,
    mailed_until: datetime | None,
    now: datetime,
) -> Account:
    """`mailed_until` is when the latest of the editions that were mailed had been published."""
    if to == account.frequency:
        return account
    if not account.is_open:
        if to in DIGESTS:
            return Account(to, since=_begin(account, joined_at, mailed_until, now))
        return Account(to)
    since = account.since or joined_at
    if to == Frequency.EVERY_EDITION:
        return Account(to, since, until=account.until or now)
    return replace(
        account, frequency=to, since=since, until=None if to in DIGESTS else account.until
    )


def _begin(
    account: Account, joined_at: datetime, mailed_until: datetime | None, now: datetime
) -> datetime:
    """Who had every edition goes on from the last that was mailed: one that is published already
    and mailed tomorrow would else reach them in no way. Who only paused begins now.
    """
    if account.frequency == Frequency.PAUSED:
        return now
    return max(joined_at, mailed_until or joined_at)


def settle(account: Account) -> Account:
    """After a digest: closed, for who has left digests."""
    return account if account.frequency in DIGESTS else Account(account.frequency)
