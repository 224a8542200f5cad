"""What became of one mailing: as numbers, and as a plot over its first days.

Counted from what mail systems and members tell of themselves. Nobody is watched: no picture in
mail tells that it was opened, and no link who followed it.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from subscribers.models import (
    ConsentAct,
    ConsentRecord,
    DeliveryState,
    Mailing,
    MailReport,
    RecordedKind,
)

DAYS = 14
# Who leaves later than that hardly does so for this mailing.
LEAVING_WITHIN = timedelta(days=7)


@dataclass(frozen=True)
class Events:
    """When each thing happened; in no order."""

    sent: tuple[datetime, ...]
    returned: tuple[datetime, ...]  # of those that were sent
    complained: tuple[datetime, ...]
    left: tuple[datetime, ...]
    kinds: Counter[str]  # copies by RecordedKind, also of those that the relay refused

    @property
    def delivered(self) -> int:
        return len(self.sent) - len(self.returned)


@dataclass(frozen=True)
class Standing:
    """How many until the end of a day, counted from the opening."""

    day: int
    delivered: int
    returned: int
    complained: int
    left: int


def collect_events(mailing: Mailing) -> Events:
    """Three queries. Of several reports of one kind on one copy the first counts."""
    copies = mailing.deliveries.filter(state=DeliveryState.SENT)
    sent = {pk: at for pk, at in copies.values_list("pk", "sent_at") if at}
    first: dict[tuple[str, int], datetime] = {}
    reports = MailReport.objects.filter(delivery__mailing=mailing).order_by("received_at")
    for kind, delivery, at in reports.values_list("kind", "delivery_id", "received_at"):
        first.setdefault((kind, delivery), at)
    returned: dict[int, datetime] = {}
    for (kind, delivery), at in first.items():
        if kind != RecordedKind.COMPLAINT and delivery in sent:
            returned[delivery] = min(at, returned.get(delivery, at))
    return Events(
        sent=tuple(sent.values()),
        returned=tuple(returned.values()),
        complained=tuple(at for (kind, _), at in first.items() if kind == RecordedKind.COMPLAINT),
        left=tuple(_list_leavings(mailing)),
        kinds=Counter(kind for kind, _ in first),
    )


def describe_results(events: Events) -> list[tuple[str, int, str, str]]:
    """(name, how many, their share of what was sent, what it means), in the editors' words."""
    rows = [
        ("送達", events.delivered, "寄出後沒有退回"),
        ("地址無效", events.kinds[RecordedKind.HARD], "已停止寄往這些地址"),
        ("暫時退信", events.kinds[RecordedKind.SOFT], "信箱已滿或郵件系統故障；屢次如此才停止寄送"),
        ("對方拒收本刊", events.kinds[RecordedKind.POLICY], "與會員無關；請管理員檢查寄件網域"),
        ("投訴", len(events.complained), "已停止寄送，並取消訂閱"),
        ("取消訂閱", len(events.left), f"發送後{LEAVING_WITHIN.days}日內，不論原因"),
    ]
    return [(name, count, _share(count, len(events.sent)), note) for name, count, note in rows]


def _share(count: int, whole: int) -> str:
    return f"{count / whole:.1%}" if whole else "—"


def _list_leavings(mailing: Mailing) -> Iterable[datetime]:
    """Of those it went to; who was erased since is counted no longer."""
    within = (mailing.opened_at, mailing.opened_at + LEAVING_WITHIN)
    withdrawn = ConsentRecord.objects.filter(
        act=ConsentAct.WITHDRAWN,
        happened_at__range=within,
        member__in=mailing.deliveries.exclude(member=None).values("member"),
    )
    first: dict[int | None, datetime] = {}
    for member, at in withdrawn.values_list("member_id", "happened_at"):
        first.setdefault(member, at)
    return first.values()


def follow(events: Events, opened_at: datetime, now: datetime) -> list[Standing]:
    """Day by day, the current one last; two weeks at most."""
    lists = [sorted(times) for times in (events.sent, events.returned, events.complained)]
    left = sorted(events.left)
    standings = []
    for day in range(1, DAYS + 1):
        if day > 1 and opened_at + timedelta(days=day - 1) > now:
            break
        end = opened_at + timedelta(days=day)
        sent, returned, complained = (bisect_right(times, end) for times in lists)
        standings.append(
            Standing(day, sent - returned, returned, complained, bisect_right(left, end))
        )
    return standings


def draw_results(standings: list[Standing]) -> bytes:
    """The plot as SVG, readable on light and on dark ground; what was delivered has its own scale,
    at the right, or the others would lie on the ground.
    """
    import pygal
    from pygal.style import Style

    quiet = "#7d8a95"
    chart = pygal.Line(
        js=[],  # it would load its tooltips from another site
        style=Style(
            background="transparent",
            plot_background="transparent",
            foreground=quiet,
            foreground_strong=quiet,
            foreground_subtle=quiet,
            colors=("#c2593f", "#a8853a", "#7c6bb0", "#3d7ba8"),
            # An image has no language, and without one the system may choose brush letters.
            font_family="'PingFang HK', 'Microsoft JhengHei', 'Noto Sans CJK HK', sans-serif",
            label_font_size=16,
            major_label_font_size=16,
            legend_font_size=16,
        ),
        width=760,
        height=320,
        margin=4,
        legend_at_bottom=True,
        legend_at_bottom_columns=4,
        truncate_legend=-1,
        truncate_label=-1,
        min_scale=2,
        max_scale=4,
        dots_size=3,
        value_formatter=lambda value: f"{value:.0f}",
        no_data_text="",
    )
    chart.x_labels = [f"第{standing.day}日" for standing in standings]
    few = [(s.returned, s.complained, s.left) for s in standings]
    top = _find_top(max(max(numbers) for numbers in few))
    chart.range = (0, top)
    chart.y_labels = [top // 4 * step for step in range(5)]
    chart.secondary_range = (0, _find_top(max(s.delivered for s in standings)))
    for name, numbers in zip(("退回", "投訴", "取消訂閱"), zip(*few, strict=True), strict=True):
        chart.add(name, list(numbers))
    chart.add("送達（右軸）", [s.delivered for s in standings], secondary=True)
    drawn: bytes = chart.render()
    return drawn


def _find_top(highest: int) -> int:
    """Of a scale whose four steps are whole numbers."""
    return max(4, -(-highest // 4) * 4)
