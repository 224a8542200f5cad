"""What we hold of one person: shown to them, deleted when they ask, forgotten in time.

PDPO: access (data protection principle 6), no longer than needed (principle 2). UEMO, Cap. 593A:
what was unsubscribed is recorded for three years. What the law wants kept is the consent record
alone; `docs/operations.md` has the periods.
"""

import json
import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone

from briefings.retention import Rule, make_row_rule
from subscribers.addresses import normalise_email
from subscribers.messages import Message, build_erase, build_personal_data
from subscribers.models import (
    AddressChange,
    ConsentAct,
    ConsentRecord,
    ConsentWay,
    Delivery,
    DeliveryState,
    Digest,
    ImportedRow,
    JoiningRequest,
    MailReport,
    Member,
    MemberState,
    Suppression,
)
from subscribers.transport import Relay, TransportError

logger = logging.getLogger(__name__)

RECORDS_KEPT = timedelta(days=3 * 365 + 1)
COPIES_KEPT = timedelta(days=2 * 365)  # of who got which mailing
UNCONFIRMED_KEPT = timedelta(days=30)
UNFINISHED = (DeliveryState.QUEUED, DeliveryState.SENDING)


def export_member(member: Member) -> dict[str, Any]:
    """All that we hold of them, with Chinese headings, to be written as JSON."""
    return {
        "電郵": member.email,
        "稱呼": member.name,
        "狀態": member.get_state_display(),
        "寄送頻率": member.get_frequency_display(),
        "字體": member.get_script_display(),
        "通知語言": member.get_notice_language_display(),
        "附上PDF": "是" if member.wants_pdf else "否",
        "暫停至": member.paused_until and member.paused_until.isoformat(),
        "政策主題": [theme.name for theme in member.themes.order_by("name")],
        "訂閱的搜尋": [
            {"搜尋字詞": search.query, "訂閱時間": _tell(search.subscribed_at)}
            for search in member.searches.all()
        ],
        "只收訂閱的搜尋": member.only_searches,
        "同意來源": member.consent_source,
        "建立時間": _tell(member.created_at),
        "同意紀錄": [
            {
                "時間": _tell(record.happened_at),
                "事項": record.get_act_display(),
                "途徑": record.get_way_display(),
                "電郵": record.email,
                "同意聲明": record.wording.text if record.wording else "",
            }
            for record in member.consent_records.select_related("wording")
        ],
        "更改電郵": [
            {
                "時間": _tell(change.asked_at),
                "由": change.old_email,
                "至": change.new_email,
                "確認時間": _tell(change.confirmed_at),
                "取消時間": _tell(change.cancelled_at),
            }
            for change in member.address_changes.all()
        ],
        "收過的郵件": [
            {
                "主旨": delivery.digest.subject,
                "電郵": delivery.email,
                "狀態": delivery.get_state_display(),
                "寄出時間": _tell(delivery.sent_at),
                "郵件伺服器的回覆": delivery.reply,
            }
            for delivery in member.deliveries.select_related("digest")
        ],
        "退信及投訴": [
            {
                "時間": _tell(report.received_at),
                "類別": report.get_kind_display(),
                "所指地址": report.address,
                "對方的說明": report.text,
            }
            for report in member.reports.all()
        ],
        "停止寄送": [
            {
                "電郵": suppression.address,
                "原因": suppression.get_reason_display(),
                "開始": _tell(suppression.since),
                "恢復": _tell(suppression.lifted_at),
            }
            for suppression in Suppression.objects.filter(address__in=find_addresses(member))
        ],
        "登入": [{"有效至": _tell(session.expire_date)} for session in member.sessions.all()],
    }


def _tell(moment: datetime | None) -> str | None:
    return timezone.localtime(moment).isoformat(timespec="seconds") if moment else None


def send_personal_data(member_id: int) -> None:
    """To their own address: the link to the preferences may have been sent on."""
    member = Member.objects.active().filter(pk=member_id).first()
    if member:
        data = json.dumps(export_member(member), ensure_ascii=False, indent=2)
        _send(build_personal_data(member, data), member)


def send_erase_link(member_id: int) -> None:
    member = Member.objects.filter(pk=member_id).first()
    if member:
        _send(build_erase(member), member)


def _send(message: Message, member: Member) -> None:
    """Who gets none asks again."""
    try:
        with Relay() as relay:
            relay.send(message)
    except (TransportError, ValueError) as error:  # a BadAddress is a ValueError
        logger.warning("A mail to member %s was not sent: %s", member.pk, error)


def erase_member(member: Member, now: datetime, *, way: ConsentWay, by: User | None = None) -> None:
    """All but the consent records, and the bare fact that a copy was sent."""
    with transaction.atomic():
        held = Member.objects.hold().filter(pk=member.pk).first()
        if held is None:
            return
        if held.state != MemberState.UNSUBSCRIBED:
            held.unsubscribe(now, way=way, by=by)
        held.record(ConsentAct.ERASED, way, now, by=by)
        _forget_copies(held.deliveries.all())
        JoiningRequest.objects.filter(email__iexact=held.email).delete()
        MailReport.objects.filter(member=held).forget()
        addresses = find_addresses(held)
        Suppression.objects.filter(address__in=addresses).delete()
        _forget_rows_of_lists(addresses)
        held.delete()


def find_addresses(member: Member) -> set[str]:
    """Theirs, now or before a change, in lower case; not what is another member's by now."""
    emails = member.consent_records.order_by().values_list("email", flat=True).distinct()
    former = {email.lower() for email in emails} - {member.email.lower()}
    others = Member.objects.alias(key=Lower("email")).filter(key__in=former)
    return {member.email.lower()} | former - {other.email.lower() for other in others}


def _forget_rows_of_lists(addresses: Iterable[str]) -> None:
    """What lists that were handed in said of them, which else is kept for a while."""
    for address in addresses:
        local = address.rpartition("@")[0]
        rows = ImportedRow.objects.filter(cells__icontains=f"{local}@").order_by()
        named = [
            row.pk
            for row in rows.iterator(chunk_size=1000)
            if address in (normalise_email(cell).lower() for cell in row.cells)
        ]
        ImportedRow.objects.filter(pk__in=named).delete()


def _forget_copies(deliveries: QuerySet[Delivery]) -> None:
    """Whose copies they were, and what they alone searched for; what is being sent at this moment,
    the next time.
    """
    naming = Digest.objects.filter(names_searches=True, deliveries__in=deliveries)
    digests = list(naming.values_list("pk", flat=True).distinct())
    deliveries.filter(state=DeliveryState.QUEUED).update(
        state=DeliveryState.SKIPPED, reply="會員已不收取"
    )
    MailReport.objects.filter(delivery__in=deliveries).forget()
    deliveries.exclude(state__in=UNFINISHED).update(email="", name="", reply="")
    somebodys = Delivery.objects.exclude(email="").filter(digest=OuterRef("pk"))
    Digest.objects.filter(~Exists(somebodys), pk__in=digests).update(text="", html="")


def forget_unconfirmed(member: Member) -> None:
    """Whoever typed the address, its owner never said a word: there is nothing to record.

    Nothing happens to who has confirmed, ever or just now.
    """
    unconfirmed = Member.objects.filter(state=MemberState.PENDING, confirmed_at=None)
    with transaction.atomic():
        held = unconfirmed.hold().filter(pk=member.pk).first()
        if held:
            ConsentRecord.objects.forget_of(held)
            held.delete()


# ------------------------------------------------------------------------------ whose time is over
def _find_unconfirmed(limit: datetime) -> QuerySet[Member]:
    pending = Member.objects.filter(
        state=MemberState.PENDING, created_at__lte=limit, confirmed_at=None
    )
    return pending.exclude(consented_at__gt=limit)


def _find_gone(limit: datetime) -> QuerySet[Member]:
    gone = Member.objects.filter(state=MemberState.UNSUBSCRIBED, unsubscribed_at__lte=limit)
    return gone.exclude(consented_at__gt=limit)


def _find_old_copies(limit: datetime) -> QuerySet[Delivery]:
    is_old = Q(member=None) | Q(mailing__opened_at__lte=limit)
    return Delivery.objects.filter(is_old).exclude(email="")


def _find_old_records(limit: datetime) -> QuerySet[ConsentRecord]:
    return ConsentRecord.objects.filter(member=None, happened_at__lte=limit)


def _list_keys(find: Callable[[datetime], QuerySet[Any]]) -> Callable[[datetime], Iterable[int]]:
    return lambda limit: find(limit).order_by("pk").values_list("pk", flat=True)


def _drop_unconfirmed(keys: list[int], now: datetime) -> None:
    for member in _find_unconfirmed(now - UNCONFIRMED_KEPT).filter(pk__in=keys):
        forget_unconfirmed(member)


def _drop_gone(keys: list[int], now: datetime) -> None:
    for member in _find_gone(now - RECORDS_KEPT).filter(pk__in=keys):
        erase_member(member, now, way=ConsentWay.RETENTION)


def _drop_copies(keys: list[int], now: datetime) -> None:  # noqa: ARG001
    _forget_copies(Delivery.objects.filter(pk__in=keys).exclude(email=""))


def _drop_records(keys: list[int], now: datetime) -> None:
    ConsentRecord.objects.filter(pk__in=keys).forget(before=now - RECORDS_KEPT)


RULES = (
    Rule("沒有確認的會員", UNCONFIRMED_KEPT, _list_keys(_find_unconfirmed), _drop_unconfirmed),
    Rule("取消訂閱已久的會員", RECORDS_KEPT, _list_keys(_find_gone), _drop_gone),
    make_row_rule(
        "更改電郵的紀錄",
        UNCONFIRMED_KEPT,
        lambda limit: AddressChange.objects.filter(asked_at__lte=limit),
    ),
    Rule("投遞中的姓名和電郵", COPIES_KEPT, _list_keys(_find_old_copies), _drop_copies),
    Rule("離開者的同意紀錄", RECORDS_KEPT, _list_keys(_find_old_records), _drop_records),
)
