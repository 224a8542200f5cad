"""How far a mailing is: numbers only, counted from the ledger."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Min
from django.utils.formats import date_format
from django.utils.timezone import localtime

from subscribers.models import DeliveryState, Mailing, MailingState

MINUTE = timedelta(minutes=1)
# As they are said; the exact figure stands beside the bar.
PARTS = ("一成", "兩成", "三成", "四成", "一半", "六成", "七成", "八成", "九成")
TENTHS = ("未足一成", *(f"已過{part}" for part in PARTS), "已全部處理")


@dataclass(frozen=True)
class Progress:
    state: MailingState
    counts: dict[str, int]  # by DeliveryState, all of them
    deferred: int  # of those queued, what was tried and put off
    next_try: datetime | None  # of what was put off, the earliest
    rate: float  # sent in a minute, over the last one

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def remaining(self) -> int:
        return self.counts[DeliveryState.QUEUED] + self.counts[DeliveryState.SENDING]

    @property
    def settled(self) -> int:
        return self.total - self.remaining

    @property
    def percent(self) -> int:
        """100 only when nothing remains."""
        return 100 * self.settled // self.total if self.total else 100

    @property
    def is_over(self) -> bool:
        return self.state in (MailingState.DONE, MailingState.CANCELLED) and not self.remaining

    @property
    def time_left(self) -> timedelta | None:
        """For what is not put off; None where nobody can tell."""
        ready = self.remaining - self.deferred
        if self.state != MailingState.SENDING or not self.rate or not ready:
            return None
        return MINUTE * (ready / self.rate)


def measure(mailing: Mailing, now: datetime) -> Progress:
    """Three queries, each by an index, however many deliveries there are."""
    deferred = mailing.deliveries.deferred().aggregate(count=Count("pk"), first=Min("not_before"))
    return Progress(
        state=MailingState(mailing.state),
        counts=mailing.count_deliveries(),
        deferred=deferred["count"],
        next_try=deferred["first"],
        rate=_find_rate(mailing, now),
    )


def _find_rate(mailing: Mailing, now: datetime) -> float:
    """The claim is asked for too, since that has an index, and none is older than its lease."""
    lease = timedelta(seconds=settings.DELIVERY_LEASE)
    sent = mailing.deliveries.filter(
        claimed_at__gt=now - MINUTE - lease, sent_at__gt=now - MINUTE, sent_at__lte=now
    )
    span = min(MINUTE, max(now - mailing.opened_at, timedelta(seconds=1)))
    return sent.count() * (MINUTE / span)


def describe_progress(progress: Progress) -> list[tuple[str, int, str]]:
    """(name, how many, what that means), in the editors' words."""
    counts = progress.counts
    return [
        ("已寄出", counts[DeliveryState.SENT], "對方的郵件系統已接收"),
        ("尚餘", progress.remaining - progress.deferred, "等候寄出，或正在寄出"),
        ("延後", progress.deferred, _describe_deferred(progress)),
        ("失敗", counts[DeliveryState.FAILED], "對方拒收，或多次延後仍未能寄出"),
        ("結果不明", counts[DeliveryState.UNKNOWN], "寄出時連線中斷，由人決定"),
        ("略過", counts[DeliveryState.SKIPPED], "會員已不收取、停止寄送、撤回或取消"),
    ]


def _describe_deferred(progress: Progress) -> str:
    told = "對方請我們稍後再試，會自動再寄"
    if progress.next_try is None or progress.state != MailingState.SENDING:
        return told
    return f"{told}，最早於 {date_format(localtime(progress.next_try), 'n月j日 H:i')}"


def describe_pace(progress: Progress) -> str:
    """How fast it goes and how long it takes; empty where there is nothing to say."""
    if progress.state != MailingState.SENDING:
        return ""
    told = f"過去一分鐘寄出 {progress.rate:,.0f} 份"
    if progress.time_left is not None:
        return f"{told}，估計尚需{describe_span(progress.time_left)}。"
    return f"{told}。"


def describe_span(span: timedelta) -> str:
    minutes = round(span / MINUTE)
    if minutes < 1:
        return "不足一分鐘"
    if minutes < 90:
        return f"約 {minutes} 分鐘"
    return f"約 {round(minutes / 60)} 小時"


def tell_progress(progress: Progress) -> str:
    """For who listens; another text only with each tenth, or it would be read out without end."""
    label = progress.state.label
    return label if progress.is_over else f"{label}，{TENTHS[progress.percent // 10]}"
