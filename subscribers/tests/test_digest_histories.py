"""Random histories of publishing and of what members want, on the database, against an oracle.

The oracle keeps its own books in plain Python, entry by entry and member by member. The clock is a
number that each step moves on; days of rest, missed sweeps and late ones come of it.
"""

import re
from collections import Counter
from datetime import datetime, timedelta
from itertools import count
from random import Random
from types import SimpleNamespace

from django.contrib.auth.models import AnonymousUser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from briefings.corrections import correcting
from briefings.models import Audience, Correction, Edition, Entry, State, Theme
from briefings.publishing import (
    publish_edition,
    restore_entry,
    withdraw_edition,
    withdraw_entry,
)
from briefings.tests.makers import make_draft
from subscribers.catching_up import CATCH_UP_WITHIN, catch_up
from subscribers.correction_mails import decide
from subscribers.delivery import send_again
from subscribers.digest_days import load_timetable, open_due_digests, open_if_due
from subscribers.digest_rules import DIGESTS, Frequency
from subscribers.models import (
    CorrectionWay,
    Delivery,
    DeliveryState,
    Digest,
    DigestDay,
    DigestKind,
    Mailing,
    MailingState,
    Member,
    mark_sent,
)
from subscribers.models.states import HALTED
from subscribers.opening import MailingRefused, open_mailing
from subscribers.searches import subscribe_to_search
from subscribers.sending_days import HONG_KONG
from subscribers.steering import cancel, pause, resume
from subscribers.tests.makers import take
from subscribers.waking import finish_mailings

EVERY, PAUSED = Frequency.EVERY_EDITION, Frequency.PAUSED
START = datetime(2026, 1, 5, 8, tzinfo=HONG_KONG)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ENDED = (MailingState.DONE, MailingState.CANCELLED)
BAD = (DeliveryState.FAILED, DeliveryState.SKIPPED)
HITS = re.compile(r"^你訂閱的搜尋：(.+)　新增(\d+)篇$", re.MULTILINE)

# As members type them: which asks for the same, and whether an entry of these words and themes is
# found.
SEARCHES = {
    "關稅": ("關稅", lambda words, themes: "關稅" in words),
    "关税": ("關稅", lambda words, themes: "關稅" in words),
    "港口 OR 芯片": ("港口 OR 芯片", lambda words, themes: bool({"港口", "芯片"} & words)),
    "關稅 -港口": ("關稅 -港口", lambda words, themes: "關稅" in words and "港口" not in words),
    "芯片 theme:甲": ("芯片 theme:甲", lambda words, themes: "芯片" in words and "甲" in themes),
}

STEPS = (
    *("publish", "publish", "publish", "publish", "withdraw", "restore", "restore"),
    *("withdraw_entry", "restore_entry", "restore_entry", "mail", "mail"),
    *("correct", "correct", "decide", "decide"),
    *("join", "leave", "rejoin", "choose_frequency", "choose_frequency", "choose_frequency"),
    *("follow", "follow", "follow", "unfollow", "choose_only"),
    *("choose_themes", "choose_themes", "pause", "unpause", "send", "send", "send", "send_again"),
    *("pause_mailing", "resume_mailing", "cancel_mailing", "catch_up"),
)
# While an edition's mailing is open, and soon after.
STEPS_OF_A_MAILING = (
    *("join", "join_for_every_edition", "join_for_every_edition", "join_for_every_edition"),
    *("leave", "rejoin", "choose_frequency", "choose_frequency", "choose_themes"),
    *("pause", "unpause", "withdraw", "restore", "restore", "sweep", "pass_time"),
    *("send", "send_again", "pause_mailing", "resume_mailing", "resume_mailing"),
    *("cancel_mailing", "publish", "mail", "mail"),
    *("send_and_catch_up" for _ in range(8)),
)


class History:
    """Does each step to the database, and writes down what it should come to."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.now = START
        self.themes = [Theme.objects.create(name=name) for name in "甲乙丙"]
        self.numbers = count(1)
        self.members: list[SimpleNamespace] = []
        self.entries: dict[int, SimpleNamespace] = {}
        self.corrections: dict[int, SimpleNamespace] = {}
        open_due_digests(self.now)  # from here on digests are sent at all

    # ------------------------------------------------------------------------ what may happen

    def pass_time(self) -> None:
        """And the sweep comes by, or it is missed."""
        self.now += self.random.choice([2 * HOUR, DAY, DAY + HOUR, 4 * DAY, 9 * DAY])
        if self.random.random() < 0.7:
            self.sweep()

    def publish(self) -> None:
        lag = self.random.choice([0, 0, 60, 200])
        chosen = [
            {"themes": self.some_themes(), "headline": "與".join(["一篇", *self.some_words()])}
            for _ in range(self.random.randint(1, 3))
        ]
        edition = make_draft(
            *chosen,
            date=(self.now - lag * DAY).date(),
            number=next(self.numbers),
        )
        audience = self.random.choice(list(Audience))
        publish_edition(edition, audience=audience, published_at=self.now)
        for entry in edition.entries.all():
            self.entries[entry.pk] = SimpleNamespace(
                themes=set(entry.themes.all()),
                words=set(entry.headline.split("與")),
                published_at=self.now,
                is_old=lag > 92,
            )

    def withdraw(self) -> None:
        if edition := self.pick(Edition.objects.filter(state=State.PUBLISHED)):
            withdraw_edition(edition)

    def restore(self) -> None:
        edition = self.pick(Edition.objects.filter(state=State.WITHDRAWN))
        if edition and edition.entries.filter(withdrawn_at=None).exists():
            publish_edition(edition, audience=Audience.PUBLIC)

    def withdraw_entry(self) -> None:
        edition = self.pick(Edition.objects.filter(state=State.PUBLISHED))
        if edition and (entry := self.pick(edition.entries.filter(state=State.PUBLISHED))):
            withdraw_entry(entry, note="有誤")

    def restore_entry(self) -> None:
        edition = self.pick(Edition.objects.filter(state=State.PUBLISHED))
        if edition and (entry := self.pick(edition.entries.filter(state=State.WITHDRAWN))):
            restore_entry(entry)

    def mail(self) -> None:
        edition = self.pick(Edition.objects.filter(state=State.PUBLISHED, mailing=None))
        if edition is None:
            return
        expected = self.expect_edition(edition)
        try:
            mailing = open_mailing(edition, by=None, now=self.now)
        except MailingRefused:
            assert not expected
        else:
            assert read_mailing(mailing) == expected

    def correct(self) -> None:
        if entry := self.pick(Entry.objects.filter(state=State.PUBLISHED)):
            with correcting(entry, note="數字有誤。", by=None):
                Entry.objects.filter(pk=entry.pk).update(lead=f"第{next(self.numbers)}稿")
            made = entry.corrections.last()
            entry.corrections.filter(pk=made.pk).update(made_at=self.now)
            self.corrections[made.pk] = SimpleNamespace(
                entry=entry.pk, made_at=self.now, way=None, is_mailed=False
            )

    def decide(self) -> None:
        """To tell at once reaches exactly whom the oracle says, or is refused."""
        pk = self.pick(pk for pk, made in self.corrections.items() if not made.is_mailed)
        if pk is None:
            return
        way = self.random.choice(list(CorrectionWay))
        expected = {
            member.pk: {-pk}
            for member in self.members
            if self.can_be_reached(member)
            and member.frequency != PAUSED
            and self.is_told_of(member, pk)
        }
        try:
            decided = decide(Correction.objects.get(pk=pk), way, AnonymousUser(), self.now)
        except MailingRefused:
            is_readable = self.is_readable(self.corrections[pk].entry)
            assert way == CorrectionWay.AT_ONCE
            assert not (is_readable and expected)
            return
        assert (decided.mailing is None) == (way != CorrectionWay.AT_ONCE)
        if decided.mailing:
            assert read_mailing(decided.mailing) == expected
        self.corrections[pk].way, self.corrections[pk].is_mailed = way, bool(decided.mailing)

    def join_for_every_edition(self) -> None:
        self.join(EVERY)

    def join(self, frequency: Frequency | None = None) -> None:
        frequency = frequency or self.random.choice([*DIGESTS, *DIGESTS, EVERY])
        row = Member.objects.sign_up(
            email=f"m{next(self.numbers)}@example.com",
            name="",
            frequency=frequency,
            themes=self.some_themes(),
            now=self.now,
        )
        row.confirm(self.now)
        self.members.append(SimpleNamespace(pk=row.pk, frequency=frequency))
        self.begin(self.members[-1])

    def leave(self) -> None:
        if member := self.pick(self.members):
            self.row(member).unsubscribe(self.now)
            member.is_active, member.searches = False, {}

    def rejoin(self) -> None:
        if member := self.pick([m for m in self.members if not m.is_active]):
            row = self.row(member)
            themes = list(row.themes.all())
            frequency = self.random.choice([*DIGESTS, EVERY])
            self.now += HOUR
            row = Member.objects.sign_up(
                email=row.email, name="", frequency=frequency, themes=themes, now=self.now
            )
            row.confirm(self.now)
            member.frequency = frequency
            self.begin(member)

    def choose_themes(self) -> None:
        if member := self.pick(self.members):
            self.row(member).themes.set(self.some_themes())

    def follow(self) -> None:
        if member := self.pick([m for m in self.members if m.is_active]):
            typed = self.random.choice(list(SEARCHES))
            is_new = subscribe_to_search(self.row(member), typed, self.now)
            assert is_new == (SEARCHES[typed][0] not in member.searches)
            member.searches.setdefault(SEARCHES[typed][0], (typed, self.now))

    def unfollow(self) -> None:
        member = self.pick([m for m in self.members if m.searches])
        if member:
            same = self.random.choice(list(member.searches))
            self.row(member).searches.of_query(same).delete()
            del member.searches[same]

    def choose_only(self) -> None:
        if member := self.pick(self.members):
            member.only_searches = not member.only_searches
            Member.objects.filter(pk=member.pk).update(only_searches=member.only_searches)

    def pause(self) -> None:
        if member := self.pick(self.members):
            days = self.random.randint(1, 40)
            until = (self.now + days * DAY).date()
            Member.objects.filter(pk=member.pk).update(paused_until=until)

    def unpause(self) -> None:
        if member := self.pick(self.members):
            Member.objects.filter(pk=member.pk).update(paused_until=None)

    def choose_frequency(self) -> None:
        member = self.pick([m for m in self.members if m.is_active])
        if member is None:
            return
        to = self.random.choice(list(Frequency))
        self.row(member).change_frequency(to, self.now)
        was, member.frequency = member.frequency, to
        if was == to:
            return
        if was == EVERY and member.until is None and to in DIGESTS:
            mailed = Mailing.objects.exclude(edition=None).values_list(
                "edition__published_at", flat=True
            )
            member.since = max([member.joined_at, *mailed])
        if was == PAUSED and member.was_every and to in DIGESTS:
            member.since = self.now
        if to == PAUSED:
            member.was_every = was == EVERY and member.until is None
        elif to == EVERY:
            if not (was == PAUSED and member.was_every) and was != EVERY:
                member.until = member.until or self.now
            member.was_every = False
        else:
            member.until, member.was_every = None, False

    def send(self) -> None:
        """A worker comes by; of each copy becomes what its relay says."""
        Delivery.objects.all().skip_unwanted(self.now)
        for delivery in Delivery.objects.filter(state=DeliveryState.QUEUED):
            outcome = self.random.choice(["sent", "sent", "failed", "unknown", "doubt", "away"])
            if outcome == "away":
                continue
            if delivery.mailing.state in HALTED:
                assert not take(delivery, self.now)
                continue
            assert take(delivery, self.now)
            assert delivery.member.is_active, "after unsubscribing nothing is sent"
            if outcome == "sent":
                mark_sent([delivery.pk], self.now)
            elif outcome == "failed":
                delivery.mark_failed("550")
            elif outcome == "doubt":
                delivery.requeue_in_doubt(not_before=self.now, reply="?")
            else:
                delivery.hold("?")
        finish_mailings(self.now)

    def send_again(self) -> None:
        send_again(Delivery.objects.all(), self.now)

    def catch_up(self) -> None:
        """It reaches exactly who would get it now and has, or may have, no copy; nobody twice."""
        mailing = self.pick(Mailing.objects.filter(kind="edition", state=MailingState.DONE))
        if mailing is None:
            return
        missed = mailing.deliveries.filter(state=DeliveryState.SKIPPED, in_doubt=False)
        has_copy = set(mailing.deliveries.exclude(pk__in=missed).values_list("member", flat=True))
        expected = {
            member: brought
            for member, brought in self.expect_edition(mailing.edition).items()
            if member not in has_copy
        }
        try:
            count = catch_up(mailing, None, self.now)
        except MailingRefused:
            is_late = self.now - mailing.opened_at > CATCH_UP_WITHIN
            assert is_late or mailing.edition.state != State.PUBLISHED or not expected
            return
        queued = mailing.deliveries.filter(state=DeliveryState.QUEUED)
        got = {delivery.member_id: read_digest(delivery.digest) for delivery in queued}
        assert got == expected
        assert count == len(expected)

    def send_and_catch_up(self) -> None:
        for _ in range(3):
            self.send()
        self.catch_up()

    def pause_mailing(self) -> None:
        if mailing := self.pick(Mailing.objects.filter(state=MailingState.SENDING)):
            assert pause(mailing, None, "", self.now)

    def resume_mailing(self) -> None:
        if mailing := self.pick(Mailing.objects.filter(state=MailingState.PAUSED)):
            assert resume(mailing, None, self.now)

    def cancel_mailing(self) -> None:
        if mailing := self.pick(Mailing.objects.exclude(state__in=ENDED)):
            assert cancel(mailing, None, self.now)
            assert not mailing.deliveries.unfinished().exists()

    def sweep(self) -> None:
        """Each kind that opens now serves exactly whom, and with what, the oracle says."""
        seen = set(DigestDay.objects.values_list("pk", flat=True))
        for kind in ("weekly", "monthly"):
            expected = self.expect(kind)
            open_if_due(DigestKind(kind), self.now)
            for day in DigestDay.objects.exclude(pk__in=seen).filter(kind=kind):
                assert load_timetable().may_send(self.now)
                assert read_mailing(day.mailing) == {
                    pk: entries for pk, entries in expected.items() if entries
                }
                self.serve(expected)
                seen.add(day.pk)

    # -------------------------------------------------------------------------- the oracle

    def begin(self, member) -> None:
        member.is_active, member.joined_at = True, self.now
        member.since, member.until, member.table = self.now, None, set()
        member.was_every = False
        member.searches, member.only_searches = {}, False

    def expect(self, kind: str) -> dict[int, set]:
        readable = self.readable()
        due = {
            member.pk: {pk for pk in readable if self.is_due(member, pk)}
            for member in self.members
            if self.is_served(member, kind)
        }
        return {
            member.pk: due[member.pk]
            | self.expect_hits(member, due[member.pk])
            | self.expect_corrections(member)
            for member in self.members
            if member.pk in due
        }

    def expect_hits(self, member, entries: set[int]) -> set[tuple[str, int]]:
        """Each search as they typed it, and how many of the entries it found."""
        found = {
            typed: sum(self.is_hit(member, same, pk) for pk in entries)
            for same, (typed, _) in member.searches.items()
        }
        return {(typed, count) for typed, count in found.items() if count}

    def expect_edition(self, edition: Edition) -> dict[int, set[int]]:
        entries = set(edition.entries.filter(state=State.PUBLISHED).values_list("pk", flat=True))
        due = {
            member.pk: {
                pk for pk in entries if self.is_wanted(member, pk) and not self.has_had(member, pk)
            }
            for member in self.members
            if member.frequency == EVERY and self.can_be_reached(member)
        }
        return {
            member.pk: due[member.pk]
            | self.expect_hits(member, due[member.pk])
            | self.expect_corrections(member)
            for member in self.members
            if due.get(member.pk)
        }

    def expect_corrections(self, member) -> set[int]:
        """By their keys made negative, to stand beside entries."""
        return {
            -pk
            for pk, made in self.corrections.items()
            if made.way in (CorrectionWay.AT_ONCE, CorrectionWay.WITH_NEXT)
            and self.is_readable(made.entry)
            and self.is_told_of(member, pk)
        }

    def is_told_of(self, member, pk: int) -> bool:
        made = self.corrections[pk]
        live = Delivery.objects.filter(member=member.pk).exclude(state__in=BAD)
        had = live.filter(digest__items__entry=made.entry, mailing__opened_at__lte=made.made_at)
        return had.exists() and not live.filter(digest__corrections__correction=pk).exists()

    def is_readable(self, pk: int) -> bool:
        published = Entry.objects.filter(state=State.PUBLISHED, edition__state=State.PUBLISHED)
        return published.filter(pk=pk).exists()

    def can_be_reached(self, member) -> bool:
        row = self.row(member)
        return member.is_active and not (row.paused_until and row.paused_until > self.now.date())

    def is_served(self, member, kind: str) -> bool:
        is_leaving = member.frequency == EVERY and member.until is not None
        return self.can_be_reached(member) and (member.frequency == kind or is_leaving)

    def is_wanted(self, member, pk: int) -> bool:
        if any(self.is_hit(member, same, pk) for same in member.searches):
            return True
        wanted = set(self.row(member).themes.all())
        has_theme = not wanted or bool(wanted & self.entries[pk].themes)
        return has_theme and not member.only_searches

    def is_hit(self, member, same: str, pk: int) -> bool:
        entry, (typed, since) = self.entries[pk], member.searches[same]
        is_found = SEARCHES[typed][1](entry.words, {theme.name for theme in entry.themes})
        return is_found and since < entry.published_at

    def has_had(self, member, pk: int) -> bool:
        copies = Delivery.objects.filter(member=member.pk, digest__items__entry=pk)
        return copies.exclude(state__in=BAD).exists()

    def is_due(self, member, pk: int) -> bool:
        entry = self.entries[pk]
        if not self.is_wanted(member, pk) or self.has_had(member, pk):
            return False
        copies = Delivery.objects.filter(member=member.pk, digest__items__entry=pk)
        if copies.filter(mailing__opened_at__gt=member.joined_at).exists():
            return True
        is_in_time = member.since < entry.published_at <= (member.until or self.now)
        return is_in_time and pk not in member.table

    def readable(self) -> set[int]:
        published = Entry.objects.filter(
            state=State.PUBLISHED, edition__state=State.PUBLISHED
        ).values_list("pk", flat=True)
        return {
            pk
            for pk in published
            if not self.entries[pk].is_old and self.entries[pk].published_at > self.now - 400 * DAY
        }

    def serve(self, expected: dict[int, set[int]]) -> None:
        for member in self.members:
            if member.pk in expected:
                member.table = self.readable()
                if member.frequency == EVERY:
                    member.since, member.until, member.table = member.joined_at, None, set()

    def check_nothing_twice(self) -> None:
        live = Delivery.objects.exclude(state__in=BAD)
        had = Counter(live.values_list("member", "digest__items__entry"))
        assert not [pair for pair, times in had.items() if times > 1 and pair[1]]
        # A failed edition that is sent again by hand may tell what was told since.
        by_itself = live.exclude(mailing__kind="edition")
        told = Counter(by_itself.values_list("member", "digest__corrections__correction"))
        assert not [pair for pair, times in told.items() if times > 1 and pair[1]]

    # ------------------------------------------------------------------------------- drawing

    def some_themes(self) -> list[Theme]:
        return self.random.sample(self.themes, self.random.choice([0, 1, 1, 2]))

    def some_words(self) -> list[str]:
        return self.random.sample(["關稅", "港口", "芯片"], self.random.choice([0, 1, 1, 2, 3]))

    def pick(self, rows):
        rows = list(rows)
        return self.random.choice(rows) if rows else None

    def row(self, member) -> Member:
        return Member.objects.get(pk=member.pk)


def read_mailing(mailing: Mailing | None) -> dict[int, set]:
    """By member: entries, corrections by their keys made negative, and what each search found."""
    found: dict[int, set] = {}
    if mailing:
        for delivery in mailing.deliveries.select_related("digest"):
            found[delivery.member_id] = read_digest(delivery.digest)
    return found


def read_digest(digest: Digest) -> set:
    """As `read_mailing`."""
    entries = {item.entry_id for item in digest.items.all()}
    corrections = {-told.correction_id for told in digest.corrections.all()}
    hits = {(query, int(count)) for query, count in HITS.findall(digest.text)}
    return entries | corrections | hits


class Histories(TestCase):
    # Random's own numbers: hypothesis's favour the small, and by them little happens.
    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.randoms(use_true_random=True))
    def test_nobody_gets_twice_misses_or_gets_what_they_did_not_ask_for(self, random):
        history = History(random)
        for step in ("join", "join", "join", "publish"):
            getattr(history, step)()

        for _ in range(40):
            history.pass_time()
            getattr(history, random.choice(STEPS))()
            history.check_nothing_twice()

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.randoms(use_true_random=True))
    def test_who_missed_an_edition_catches_up_and_nobody_gets_it_twice(self, random):
        history = History(random)
        for step in (*["join_for_every_edition"] * 5, "publish", "mail"):
            getattr(history, step)()

        for _ in range(30):
            getattr(history, random.choice(STEPS_OF_A_MAILING))()
            history.check_nothing_twice()
