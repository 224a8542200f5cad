"""Who would get an edition by mail, who would not, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, CharField, Count, Q, Value, When
from django.utils import timezone

from briefings.contexts import describe_edition
from briefings.models import Edition
from subscribers.digest_rules import NOTHING
from subscribers.digests import group_by_choice
from subscribers.models import Frequency, Member, MemberState
from subscribers.models.suppressions import is_suppressed
from subscribers.opening import find_edition_hits, find_received, find_wishes, offer_edition

WANTS_EVERY_EDITION = "every"

# Why a member gets no edition: the first that is true of them.
REASONS = {
    "pending": "未確認訂閱",
    "suppressed": "因退信或投訴已停止寄送",
    "paused": "選了「暫停寄送」",
    "away": "暫停至某日",
    "weekly": "選了「每週摘要」",
    "monthly": "選了「每月摘要」",
}
OTHER_THEMES = "未選這一期的主題"
NO_HITS = "只收訂閱的搜尋，這一期沒有符合的"
HAD_IT = "已在摘要收過"


@dataclass(frozen=True)
class Readership:
    """Everybody who has not left is counted once."""

    whole: int
    part: int  # by their themes or searches, or since a digest brought them the rest
    left_out: tuple[tuple[str, int], ...]  # why, and how many; none of nobody

    @property
    def gets_it(self) -> int:
        return self.whole + self.part

    @property
    def total(self) -> int:
        return self.gets_it + sum(count for _, count in self.left_out)

    def __str__(self) -> str:
        return "，".join(self._tell()) + "。"

    def _tell(self) -> Iterator[str]:
        yield f"將寄給 {self.gets_it} 位會員"
        if self.part:
            yield f"其中 {self.part} 位只收部分短評"
        for reason, count in self.left_out:
            yield f"不寄給 {count} 位（{reason}）"


def count_readership(edition: Edition, now: datetime | None = None) -> Readership:
    """Five queries, one for each different search, and those that describe the edition."""
    now = now or timezone.now()
    table, wishes = offer_edition(edition, describe_edition(edition), now), find_wishes(now)
    found = find_edition_hits(edition, table, wishes)
    entries = tuple(offer.entry for offer in table)
    wanted = group_by_choice(table, wishes.items(), {}, found)
    due = group_by_choice(table, wishes.items(), find_received(entries), found)
    whole = sum(len(members) for chosen, members in due.items() if chosen.entries == entries)
    nothing, unwanted = len(due.get(NOTHING, [])), wanted.get(NOTHING, [])
    no_hits = sum(wishes[member].only_searches for member in unwanted)
    by_reason = count_by_reason(now)
    left_out = [(REASONS[reason], by_reason.get(reason, 0)) for reason in REASONS]
    left_out += [(OTHER_THEMES, len(unwanted) - no_hits), (NO_HITS, no_hits)]
    left_out += [(HAD_IT, nothing - len(unwanted))]
    return Readership(
        whole=whole if entries else 0,
        part=len(wishes) - nothing - whole if entries else 0,
        left_out=tuple((reason, count) for reason, count in left_out if count),
    )


def count_by_reason(now: datetime) -> dict[str, int]:
    """By keys of REASONS, and WANTS_EVERY_EDITION for those to whom none applies. One query."""
    members = Member.objects.exclude(state=MemberState.UNSUBSCRIBED).order_by()
    return dict(members.values_list(_find_reason(now)).annotate(Count("pk")))


def explain_absence(member: Member, now: datetime) -> str:
    """Why an edition, of which it would bring them nothing, isn't mailed to the member."""
    if member.state == MemberState.UNSUBSCRIBED:
        return "已取消訂閱"
    reason = Member.objects.filter(pk=member.pk).values_list(_find_reason(now), flat=True).get()
    return REASONS.get(reason, "這一期沒有這位會員要收而未收過的短評")


def _find_reason(now: datetime) -> Case:
    rules = {
        "pending": Q(state=MemberState.PENDING),
        "suppressed": Q(is_suppressed()),
        "paused": Q(frequency=Frequency.PAUSED),
        "away": Q(paused_until__gt=timezone.localdate(now)),
        "weekly": Q(frequency=Frequency.WEEKLY),
        "monthly": Q(frequency=Frequency.MONTHLY),
    }
    return Case(
        *(When(rule, then=Value(name)) for name, rule in rules.items()),
        default=Value(WANTS_EVERY_EDITION),
        output_field=CharField(),
    )
