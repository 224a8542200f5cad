"""All that is known of what one member did, was sent, and had changed, in order."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.urls import reverse

from subscribers.models import Member


@dataclass(frozen=True)
class Event:
    at: datetime
    what: str
    detail: str = ""
    address: str = ""  # of a page that tells more
    by: str = ""  # the editor who did it


def tell_history(member: Member, *, may_see_deliveries: bool) -> list[Event]:
    """The latest first; three queries. Logins are nobody's business."""
    events = [*_tell_stamps(member), *_tell_changes(member)]
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
    stamps = [
        (member.consented_at, "同意", member.consent_source),
        (member.asked_at, "要求確認信", "未寄出" if member.confirmation_due_at else ""),
        (member.confirmed_at, "確認", ""),
        (member.unsubscribed_at, "取消訂閱", ""),
    ]
    for at, what, detail in stamps:
        if at:
            yield Event(at, what, detail)


def _tell_changes(member: Member) -> Iterator[Event]:
    content_type = ContentType.objects.get_for_model(Member)
    log = LogEntry.objects.filter(content_type=content_type, object_id=str(member.pk))
    for entry in log.select_related("user"):
        person = entry.user.get_full_name() or entry.user.get_username()
        what = "在編輯台新增" if entry.is_addition() else "在編輯台修改"
        yield Event(entry.action_time, what, entry.get_change_message(), by=person)


def _tell_deliveries(member: Member) -> Iterator[Event]:
    for delivery in member.deliveries.select_related("mailing"):
        at = delivery.sent_at or delivery.claimed_at or delivery.mailing.opened_at
        address = reverse("admin:subscribers_delivery_change", args=[delivery.pk])
        detail = f"{delivery.mailing.subject}：{delivery.get_state_display()}"
        yield Event(at, "投遞", detail, address)
