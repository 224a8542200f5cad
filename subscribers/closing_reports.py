"""The mail that says how a mailing ended: how many got it, who did not and why, what nobody knows.

It goes to who opened the mailing and to MAILING_REPORTS_TO, once to each: a mailing that is sent
again in part and ends again tells nobody anew. Each is claimed before it is sent and settled after;
if a worker is killed in between, nobody knows, and it is sent again with the same Message-ID.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Count, Exists, OuterRef
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from briefings.contexts import absolute_url
from briefings.history import name_person
from briefings.models import Publication
from subscribers.messages import Message, greet, one_line, write_address
from subscribers.models import (
    REPORTED_WITHIN,
    ClosingReport,
    Delivery,
    DeliveryQuerySet,
    DeliveryState,
    Mailing,
    MailingState,
    MailReport,
    RecordedKind,
)
from subscribers.permissions import may_see_whose
from subscribers.transport import Deferred, OutcomeUnknown, Refused, Relay, Unreachable

logger = logging.getLogger(__name__)

MOST_NAMED = 50  # of each reason; more are counted, and the desk has them all
MOST_WORDS = 200  # of what a server said
MOST_SENT = 20  # in one sweep


def send_reports(now: datetime) -> None:
    """Of mailings that ended; one that goes wrong stops no other. Two queries if there is none."""
    for mailing in _list_unreported(now):
        emails = _list_recipients(mailing)
        reports = [ClosingReport(mailing=mailing, email=email) for email in emails]
        ClosingReport.objects.bulk_create(reports, ignore_conflicts=True)
    due = ClosingReport.objects.due(now).select_related("mailing").order_by("pk")
    for report in due[:MOST_SENT]:
        if report.take(now):
            try:
                _send(report, now)
            except Exception:
                logger.exception("Closing report %s could not be made", report.pk)


def _list_unreported(now: datetime) -> Iterable[Mailing]:
    """Of those that ended lately and are over to the last copy."""
    unfinished = Delivery.objects.unfinished().filter(mailing=OuterRef("pk"))
    reports = ClosingReport.objects.filter(mailing=OuterRef("pk"))
    ended = Mailing.objects.filter(
        state__in=(MailingState.DONE, MailingState.CANCELLED),
        finished_at__gt=now - REPORTED_WITHIN,
    )
    return ended.filter(~Exists(unfinished), ~Exists(reports)).select_related("opened_by")


def _list_recipients(mailing: Mailing) -> list[str]:
    opener = mailing.opened_by
    own = [opener.email] if opener and opener.is_active and opener.email else []
    return list(dict.fromkeys(email.lower() for email in [*own, *settings.MAILING_REPORTS_TO]))


def _send(report: ClosingReport, now: datetime) -> None:
    """What the relay puts off stays due; what it may have taken is not sent again."""
    try:
        message = build_report(report)
        message.message()
        with Relay() as relay:
            relay.send(message)
    except (Deferred, Unreachable) as error:
        logger.warning("Closing report %s waits: %s", report.pk, error)
        return
    except (OutcomeUnknown, Refused, ValueError) as error:  # a BadAddress is a ValueError
        logger.warning("Closing report %s is given up: %s", report.pk, error)
    report.settle(now)


@dataclass(frozen=True)
class Group:
    """Those who did not get it, or may not have got it, for one reason."""

    name: str
    count: int
    meaning: str
    people: tuple[tuple[str, str, str], ...] = ()  # name, address, what was said
    reasons: tuple[tuple[str, int], ...] = ()

    @property
    def left_out(self) -> int:
        """How many the report doesn't name, where it names any."""
        return self.count - len(self.people) if self.people else 0


def build_report(report: ClosingReport) -> Message:
    """Names and addresses only for who sees them at the desk. Raises BadAddress."""
    mailing, publication = report.mailing, Publication.load()
    accounts = list(User.objects.filter(email__iexact=report.email, is_active=True, is_staff=True))
    counts = mailing.count_deliveries()
    name = name_person(accounts[0]) if accounts else ""
    is_cancelled = mailing.state == MailingState.CANCELLED
    subject = one_line(f"{'發送已取消' if is_cancelled else '發送完成'}：{mailing.subject}")
    context = {
        "subject": subject,
        "mailing": mailing,
        "greeting": greet(name),
        "ending": "取消" if is_cancelled else "完成",
        "figures": [
            ("共", sum(counts.values())),
            ("已寄出", counts[DeliveryState.SENT]),
            ("未寄出", counts[DeliveryState.FAILED] + counts[DeliveryState.SKIPPED]),
            ("結果不明", counts[DeliveryState.UNKNOWN]),
        ],
        "groups": list_groups(mailing, names_people=any(map(may_see_whose, accounts))),
        "held": counts[DeliveryState.UNKNOWN],
        "url": absolute_url(reverse("admin:subscribers_mailing_change", args=[mailing.pk])),
        "house": publication,
        "site_url": absolute_url("/"),
    }
    domain = publication.sender_email.rpartition("@")[2]
    message = Message(
        subject=subject,
        body=render_to_string("admin/mail/closing_report/body.txt", context),
        from_email=publication.sender_email,
        to=[report.email],
        headers={
            "From": write_address(publication.name, publication.sender_email),
            "To": write_address(name, report.email),
            "Date": format_datetime(timezone.localtime(mailing.finished_at)),
            "Message-ID": f"<report.{mailing.pk}.{report.pk}."
            f"{int(mailing.opened_at.timestamp()):x}@{domain}>",
            "Auto-Submitted": "auto-generated",
        },
    )
    html = render_to_string("admin/mail/closing_report/body.html", context)
    message.attach_alternative(html, "text/html")
    return message


def list_groups(mailing: Mailing, *, names_people: bool) -> list[Group]:
    """By what became of them; none that is empty. Some six queries."""
    failed = mailing.deliveries.filter(state=DeliveryState.FAILED)
    held = mailing.deliveries.held()
    skipped = mailing.deliveries.filter(state=DeliveryState.SKIPPED)
    came_back = MailReport.objects.exclude(kind=RecordedKind.COMPLAINT)
    returned = mailing.deliveries.filter(
        Exists(came_back.filter(delivery=OuterRef("pk"))), state=DeliveryState.SENT
    )
    reasons = skipped.order_by().values_list("reply").annotate(count=Count("pk"))
    groups = [
        Group(
            "失敗",
            failed.count(),
            "對方拒收，或多次延後仍未能寄出。",
            _name(failed, _quote) if names_people else (),
        ),
        Group(
            "退回",
            returned.count(),
            "寄出後被退回，已計入「已寄出」。",
            _name(returned, _quote_report) if names_people else (),
        ),
        Group(
            "結果不明",
            held.count(),
            "寄出時連線中斷，可能已收到，亦可能沒有。",
            _name(held, _quote) if names_people else (),
        ),
        Group(
            "略過",
            skipped.count(),
            "開始發送後情況有變，所以沒有寄出。",
            reasons=tuple((reply or "原因不詳", count) for reply, count in reasons),
        ),
    ]
    return [group for group in groups if group.count]


def _name(
    copies: DeliveryQuerySet, quote: Callable[[Delivery], str]
) -> tuple[tuple[str, str, str], ...]:
    """Those that were not erased since."""
    named = copies.exclude(email="").order_by("pk").prefetch_related("reports")[:MOST_NAMED]
    return tuple((one.name, one.email, _shorten(quote(one))) for one in named)


def _quote(copy: Delivery) -> str:
    return copy.reply


def _quote_report(copy: Delivery) -> str:
    reports = [one for one in copy.reports.all() if one.kind != RecordedKind.COMPLAINT]
    return " ".join((reports[-1].get_kind_display(), reports[-1].text)) if reports else ""


def _shorten(reply: str) -> str:
    words = " ".join(reply.split())
    return words if len(words) <= MOST_WORDS else f"{words[:MOST_WORDS]}…"
