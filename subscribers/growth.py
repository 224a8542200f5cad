"""How many members there were, month by month: as numbers, and as a small plot."""

from datetime import date, datetime, timedelta

from django.db.models import Count, F, Q
from django.utils import timezone

from subscribers.models import Member

MONTHS = 12


def count_members_by_month(now: datetime) -> list[tuple[date, int]]:
    """(first of the month, active members at its end) of the last twelve, the current one last.

    One query. Who left and came back counts from coming back: a member keeps only the last
    confirmation.
    """
    months = list_months(timezone.localdate(now))
    ends = [*map(_start_of, months[1:]), now]
    counts = Member.objects.aggregate(
        **{
            f"{month:%Y_%m}": Count("pk", filter=_was_active(end))
            for month, end in zip(months, ends, strict=True)
        }
    )
    return [(month, counts[f"{month:%Y_%m}"]) for month in months]


def list_months(today: date) -> list[date]:
    """The first days of the last twelve months, oldest first."""
    months = [today.replace(day=1)]
    while len(months) < MONTHS:
        months.append((months[-1] - timedelta(days=1)).replace(day=1))
    return months[::-1]


def _start_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=timezone.get_default_timezone())


def _was_active(end: datetime) -> Q:
    still_there = Q(unsubscribed_at=None) | Q(unsubscribed_at__gt=end)
    came_back = Q(unsubscribed_at__lt=F("confirmed_at"))
    return Q(confirmed_at__lte=end) & (still_there | came_back)


def draw_growth(counts: list[tuple[date, int]]) -> bytes:
    """The plot as SVG, readable on light and on dark ground; costs some 20 ms."""
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
            colors=("#3d7ba8",),
            font_family="sans-serif",
            label_font_size=16,
            major_label_font_size=16,
        ),
        width=640,
        height=240,
        margin=4,
        show_legend=False,
        fill=True,
        show_minor_x_labels=False,
        x_labels_major_every=3,
        min_scale=2,
        max_scale=4,
        dots_size=3,
        range=(0, max(4, *(count for _, count in counts))),
        value_formatter=lambda value: f"{value:.0f}",
        no_data_text="",
        truncate_label=-1,
    )
    chart.x_labels = [f"{month.month}月" for month, _ in counts]
    chart.add("會員", [count for _, count in counts])
    drawn: bytes = chart.render()
    return drawn
