"""All that is known of what one member did, was sent, and had changed, in order."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.urls import reverse

from subscribers.models import ConsentWay, Member


@dataclass(frozen=True)
class Event:
    at: datetime
    what: str
    detail: str = ""
    address: str = ""  # of a page that tells more
    by: str = ""  # the editor who did it


def tell_history(member: Member, *, may_see_deliveries: bool) -> list[Event]:
    """The latest first; six queries. Logins are nobody's business."""
    events = [*_tell_stamps(member), *_tell_consent(member), *_tell_reports(member)]
    events += [*_tell_changes(member), *_tell_searches(member)]
    if may_see_deliveries:
        events += _tell_deliveries(member)
    return sorted(events, key=lambda event: event.at, reverse=True)


def _tell_stamps(member: Member) -> Iterator[Event]:
    came_by = member.member_import
    if came_by:
        address = reverse("admin:subscribers_memberimport_change", args=[came_by.pk])
        yield Event(member.created_at, "匯入", came_by.name, address)
    else:
        yield Event(member.created_at, "登記")
    if member.asked_at:
        waits = "未寄出" if member.confirmation_due_at else ""
        yield Event(member.asked_at, "要求確認信", waits)


def _tell_consent(member: Member) -> Iterator[Event]:
    for record in member.consent_records.select_related("wording", "by"):
        way = ConsentWay(record.way)
        source = member.consent_source if way == ConsentWay.LIST else ""
        told = [way.label, f"同意聲明{record.wording}" if record.wording else "", source]
        if record.email != member.email:
            told.append(record.email)
        person = record.by.get_full_name() or record.by.get_username() if record.by else ""
        yield Event(
            record.happened_at, record.get_act_display(), "，".join(filter(None, told)), by=person
        )


def _tell_reports(member: Member) -> Iterator[Event]:
    for report in member.reports.all():
        told = [report.get_way_display(), report.address, report.status, report.text]
        yield Event(report.received_at, report.get_kind_display(), "，".join(filter(None, told)))


def _tell_changes(member: Member) -> Iterator[Event]:
    content_type = ContentType.objects.get_for_model(Member)
    log = LogEntry.objects.filter(content_type=content_type, object_id=str(member.pk))
    for entry in log.select_related("user"):
        person = entry.user.get_full_name() or entry.user.get_username()
        what = "在編輯台新增" if entry.is_addition() else "在編輯台修改"
        yield Event(entry.action_time, what, entry.get_change_message(), by=person)


def _tell_searches(member: Member) -> Iterator[Event]:
    """Those that they still have: what somebody was once interested in is nobody's business."""
    for search in member.searches.all():
        yield Event(search.subscribed_at, "訂閱搜尋", search.query)


def _tell_deliveries(member: Member) -> Iterator[Event]:
    for delivery in member.deliveries.select_related("mailing"):
        at = delivery.sent_at or delivery.claimed_at or delivery.mailing.opened_at
        address = reverse("admin:subscribers_delivery_change", args=[delivery.pk])
        detail = f"{delivery.mailing.subject}：{delivery.get_state_display()}"
        yield Event(at, "投遞", detail, address)
