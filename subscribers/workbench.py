"""What the desk's first page shows of members and mail: numbers, nobody's address."""

from datetime import timedelta

from django.db.models import Case, Q, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from briefings.workbench import Card
from subscribers.growth import count_members_by_month
from subscribers.models import (
    DeliveryState,
    MailDraft,
    MailDraftState,
    Mailing,
    MailingState,
    Member,
    SteeringAct,
    SteeringRecord,
    find_undecided,
)
from subscribers.permissions import OPEN_MAILING, VIEW_MAILING, may_write_mail

SHOWN = 6
TROUBLES = (DeliveryState.FAILED, DeliveryState.UNKNOWN)


def list_cards(request: HttpRequest) -> list[Card]:
    """Those that this person may see; some eight queries."""
    cards = list_mails_to_do() if may_write_mail(request.user) else []
    if request.user.has_perm(VIEW_MAILING):
        if request.user.has_perm(OPEN_MAILING) and (undecided := show_undecided_corrections()):
            cards.append(undecided)
        may_see_members = request.user.has_perm("subscribers.view_member")
        cards += [show_last_mailing(), show_members(is_linked=may_see_members)]
    return cards


def list_mails_to_do() -> list[Card]:
    """What could not be sent, what waits for approval, what was returned, what is scheduled; no
    card when there is nothing.
    """
    urgency = Case(
        When(state=MailDraftState.REFUSED, then=0),
        When(state=MailDraftState.IN_REVIEW, then=1),
        When(state=MailDraftState.DRAFT, then=2),
        default=3,
    )
    pending = MailDraft.objects.pending().exclude(state=MailDraftState.DRAFT, note="")
    drafts = pending.select_related("edition", "moved_by").order_by(
        urgency, "scheduled_for", "moved_at"
    )
    about = {"drafts": list(drafts)}
    template = "subscribers/desk/pending_mails.html"
    return [Card("pending-mails", "郵件審批和排程", template, about=about)] if drafts else []


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
            "halted": list_halted(mailing) if mailing else [],
            "pause": find_pause(mailing) if mailing else None,
            "total": sum(counts.values()),
            "sent": counts.get(DeliveryState.SENT, 0),
            "troubles": [
                (state.label, counts[state]) for state in TROUBLES if counts.get(state, 0)
            ],
        },
    )


def list_halted(last: Mailing) -> list[Mailing]:
    """Earlier ones that stand still until somebody resumes or cancels them."""
    earlier = Mailing.objects.filter(state=MailingState.PAUSED).exclude(pk=last.pk)
    return list(earlier.order_by("-opened_at")[:SHOWN])


def find_pause(mailing: Mailing) -> SteeringRecord | None:
    """Why the mailing stands still; None if it doesn't."""
    if mailing.state != MailingState.PAUSED:
        return None
    pauses = mailing.steering_records.filter(act=SteeringAct.PAUSED).select_related("by")
    return pauses.order_by("-at", "-pk").first()


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
