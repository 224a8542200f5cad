"""The one place where every report ends, whichever way it came, and where it has its effect.

A report counts when it carries a delivery's signed return path, or a complaint a member's signed
link to unsubscribe, and once. What follows from it:

- HARD: the address gets nothing more, at once;
- COMPLAINT: neither, and the member is unsubscribed;
- SOFT: the address gets nothing more once `rules.keeps_coming_back`;
- POLICY: nothing; it is we who have something to mend.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from uuid import uuid4

from django.core.signing import BadSignature
from django.db import transaction

from subscribers.addresses import normalise_email
from subscribers.bounces.envelopes import read_return_path
from subscribers.bounces.judging import find_status, judge
from subscribers.bounces.reports import Report, ReportKind
from subscribers.bounces.rules import Copy, keeps_coming_back
from subscribers.bounces.traces import Traces
from subscribers.links import Purpose, read_token
from subscribers.messages import make_message_id, read_message_id
from subscribers.models import (
    ConsentWay,
    Delivery,
    MailReport,
    Member,
    RecordedKind,
    ReportWay,
    Suppression,
    SuppressionReason,
)

logger = logging.getLogger(__name__)

# Of an address, more than `COPIES_IN_A_ROW` only since some say nothing.
COPIES_LOOKED_AT = 30


def record_report(
    report: Report, *, recipients: Iterable[str] = (), way: ReportWay, now: datetime
) -> MailReport | None:
    """The row it became; None of what is no report, not about a delivery of ours, or known."""
    if report.kind not in RecordedKind.values:
        return None
    delivery = _find_by_return_path([*recipients, *report.traces.return_paths])
    if delivery is None and report.kind == ReportKind.COMPLAINT:
        delivery = _find_by_unsubscribe_link(report.traces)
    if delivery is None:
        logger.warning("A report (%s) with no signature of ours does nothing", report.kind)
        return None
    return _record(report, delivery, way, now)


def record_event(report: Report, now: datetime) -> MailReport | None:
    """What our mail service tells, which has proved by its secret that it is the one. So the
    Message-ID is believed, where the service has given the mail a return path of its own; but
    only of a copy that went to the address the service names.
    """
    if report.kind not in (*RecordedKind.values, ReportKind.UNSUBSCRIBED):
        return None
    delivery = _find_by_recipient(report)
    if delivery is None:
        logger.warning("An event (%s) about no copy of ours does nothing", report.kind)
        return None
    if report.kind == ReportKind.UNSUBSCRIBED:
        if delivery.member:
            delivery.member.unsubscribe(now, way=ConsentWay.SERVICE)
        return None
    return _record(report, delivery, ReportWay.WEBHOOK, now)


def record_refusal(delivery: Delivery, reply: str, now: datetime) -> MailReport | None:
    """The relay's own refusal while sending."""
    report = Report(judge(find_status(reply), reply), str(uuid4()), find_status(reply), reply)
    return _record(report, delivery, ReportWay.SENDING, now)


def _find_by_return_path(return_paths: Iterable[str]) -> Delivery | None:
    """The first that was signed by us and is still in the ledger."""
    ids = (read_return_path(path) for path in return_paths)
    signed = next((delivery_id for delivery_id in ids if delivery_id is not None), None)
    return Delivery.objects.filter(pk=signed).first() if signed else None


def _find_by_unsubscribe_link(traces: Traces) -> Delivery | None:
    """The copy that a mail system sends back with a complaint, its return path taken away.

    The link is signed and says whose copy it is: who has it could unsubscribe the member by it
    anyhow, which is what a complaint does. The Message-ID is made of numbers that can be guessed,
    so alone it proves nothing, and only tells which of that member's copies it is. Bounces are
    believed by neither: they come to the return path, which nobody has to find in them.
    """
    ids = (_read_unsubscribe_token(token) for token in traces.unsubscribe_tokens)
    member_id = next(filter(None, ids), None)
    if member_id is None:
        return None
    copies = Delivery.objects.filter(member_id=member_id, claimed_at__isnull=False)
    named = [pk for pk in map(read_message_id, traces.message_ids) if pk]
    return copies.filter(pk__in=named).first() or copies.order_by("-claimed_at").first()


def _find_by_recipient(report: Report) -> Delivery | None:
    signed = {*filter(None, map(read_return_path, report.traces.return_paths))}
    named = {*filter(None, map(read_message_id, report.traces.message_ids))}
    message_ids = {f"<{message_id}>".lower() for message_id in report.traces.message_ids}
    recipient = normalise_email(report.address).lower()
    copies = Delivery.objects.filter(pk__in=signed | named)
    for copy in copies.select_related("mailing", "member"):
        is_meant = (
            copy.pk in signed or make_message_id(copy.pk, copy.mailing).lower() in message_ids
        )
        if is_meant and recipient and normalise_email(copy.email).lower() == recipient:
            return copy
    return None


def _read_unsubscribe_token(token: str) -> int | None:
    """The member's key; 0 of one who was deleted before the mail was made."""
    try:
        return read_token(Purpose.UNSUBSCRIBE, token)
    except BadSignature:
        return None


def _record(report: Report, delivery: Delivery, way: ReportWay, now: datetime) -> MailReport | None:
    with transaction.atomic():
        # Or of two reports at once neither would see the other's.
        member = Member.objects.hold().filter(deliveries=delivery).first()
        row, is_new = MailReport.objects.get_or_create(
            delivery=delivery,
            message_id=report.message_id,
            defaults={
                "member": member,
                "kind": report.kind,
                "status": report.status,
                "text": report.text,
                "address": report.address,
                "way": way,
                "received_at": now,
            },
        )
        if not is_new:
            return None
        _act(row, delivery, member, now)
    return row


def _act(row: MailReport, delivery: Delivery, member: Member | None, now: datetime) -> None:
    if row.kind == RecordedKind.COMPLAINT:
        _suppress(delivery.email, SuppressionReason.COMPLAINT, row, now)
        if member:
            member.unsubscribe(now, way=ConsentWay.COMPLAINT)
    elif _was_sent_before_lifting(delivery, now):
        return
    elif row.kind == RecordedKind.HARD:
        _suppress(delivery.email, SuppressionReason.HARD, row, now)
    elif row.kind == RecordedKind.SOFT and _keeps_coming_back(member, delivery, now):
        _suppress(delivery.email, SuppressionReason.SOFT, row, now)


def _suppress(email: str, reason: SuppressionReason, row: MailReport, now: datetime) -> None:
    if email:  # a forgotten copy has none
        Suppression.objects.get_or_create(
            address=email.lower(),
            lifted_at=None,
            defaults={"reason": reason, "report": row, "since": now},
        )


def _was_sent_before_lifting(delivery: Delivery, now: datetime) -> bool:
    """A person has decided since that mail goes there again."""
    sent_at = delivery.claimed_at or now
    return Suppression.objects.of(delivery.email).filter(lifted_at__gte=sent_at).exists()


def _keeps_coming_back(member: Member | None, delivery: Delivery, now: datetime) -> bool:
    return member is not None and keeps_coming_back(_list_copies(member, delivery.email), now)


def _list_copies(member: Member, email: str) -> list[Copy]:
    """What was sent to the address since mail last began to go there."""
    lifts = Suppression.objects.of(email).exclude(lifted_at=None).order_by("-lifted_at")
    lifted_at = lifts.values_list("lifted_at", flat=True).first()
    copies = member.deliveries.filter(email=email, claimed_at__isnull=False)
    if lifted_at:
        copies = copies.filter(claimed_at__gt=lifted_at)
    latest = copies.order_by("-claimed_at").prefetch_related("reports")[:COPIES_LOOKED_AT]
    return [
        Copy(copy.claimed_at, came_back=RecordedKind.SOFT in kinds)
        for copy in latest
        if copy.claimed_at
        and RecordedKind.POLICY not in (kinds := {report.kind for report in copy.reports.all()})
    ]
