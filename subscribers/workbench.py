"""What the desk's first page shows of members and mail: numbers, nobody's address."""

from datetime import timedelta

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from briefings.workbench import Card
from subscribers.desk import OPEN_MAILING
from subscribers.growth import count_members_by_month
from subscribers.models import DeliveryState, Mailing, Member, find_undecided

SHOWN = 6
TROUBLES = (DeliveryState.FAILED, DeliveryState.UNKNOWN)


def list_cards(request: HttpRequest) -> list[Card]:
    """Those that this person may see; some six queries."""
    if not request.user.has_perm("subscribers.view_mailing"):
        return []
    undecided = show_undecided_corrections() if request.user.has_perm(OPEN_MAILING) else None
    may_see_members = request.user.has_perm("subscribers.view_member")
    cards = [show_last_mailing(), show_members(is_linked=may_see_members)]
    return [undecided, *cards] if undecided else cards


def show_last_mailing() -> Card:
    mailing = Mailing.objects.select_related("edition").order_by("-opened_at").first()
    counts = mailing.count_deliveries() if mailing else {}
    return Card(
        "last-mailing",
        "最近一次發送",
        "subscribers/desk/last_mailing.html",
        address=reverse("admin:subscribers_mailing_changelist"),
        about={
            "mailing": mailing,
            "total": sum(counts.values()),
            "sent": counts.get(DeliveryState.SENT, 0),
            "troubles": [
                (state.label, counts[state]) for state in TROUBLES if counts.get(state, 0)
            ],
        },
    )


def show_undecided_corrections() -> Card | None:
    """None if there is nothing to decide."""
    corrections = find_undecided(timezone.now()).select_related("entry__edition")[:SHOWN]
    if not corrections:
        return None
    return Card(
        "undecided-corrections",
        "更正：未決定是否通知會員",
        "subscribers/desk/undecided_corrections.html",
        about={"corrections": corrections},
    )


def show_members(*, is_linked: bool) -> Card:
    now = timezone.now()
    month_ago = now - timedelta(days=30)
    joined, left = Q(confirmed_at__gte=month_ago), Q(unsubscribed_at__gte=month_ago)
    return Card(
        "members",
        "會員人數",
        "subscribers/desk/members.html",
        address=reverse("admin:subscribers_member_changelist") if is_linked else "",
        about={
            "count": Member.objects.active().count(),
            "joined": Member.objects.active().filter(joined).count(),
            "left": Member.objects.filter(left).exclude(pk__in=Member.objects.active()).count(),
            "months": count_members_by_month(now),
        },
    )
