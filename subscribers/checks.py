"""Whether what would be used only later is spelt right; celery asks before it starts a worker."""

import sqlite3
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection

from subscribers.bounces.imap import MailboxTrouble, read_url
from subscribers.bounces.webhooks import ESPS
from subscribers.domain_health.resolver import read_server

CHOICES = ("resend", "hold")
OLDEST_SQLITE = (3, 35)

# With a delivery's number and tag the local part must stay within 64 characters (RFC 5321).
LONGEST_BOUNCE_NAME = 27


@checks.register
def check_unknown_deliveries(**kwargs: Any) -> list[checks.Error]:  # noqa: ARG001
    value = settings.UNKNOWN_DELIVERIES
    if value in CHOICES:
        return []
    message = f"UNKNOWN_DELIVERIES 不能是「{value}」。"
    hint = "請設為 resend（再寄一次）或 hold（留待編輯決定）。"
    return [checks.Error(message, hint=hint, id="subscribers.E001")]


@checks.register
def check_sqlite(**kwargs: Any) -> list[checks.Error]:  # noqa: ARG001
    """Deliveries are claimed by an UPDATE that returns them (SQLite 3.35)."""
    if connection.vendor != "sqlite" or sqlite3.sqlite_version_info >= OLDEST_SQLITE:
        return []
    message = f"SQLite {sqlite3.sqlite_version} 太舊。"
    hint = f"請用 SQLite {'.'.join(map(str, OLDEST_SQLITE))} 或以上，或 PostgreSQL。"
    return [checks.Error(message, hint=hint, id="subscribers.E006")]


@checks.register
def check_bounce_address(**kwargs: Any) -> list[checks.Error]:  # noqa: ARG001
    address = settings.BOUNCE_ADDRESS
    if not address or _may_be_tagged(address):
        return []
    message = f"BOUNCE_ADDRESS 不能是「{address}」。"
    hint = f"請設為一個電郵地址，@ 前最多 {LONGEST_BOUNCE_NAME} 個字元。"
    return [checks.Error(message, hint=hint, id="subscribers.E002")]


def _may_be_tagged(address: str) -> bool:
    try:
        validate_email(address)
    except ValidationError:
        return False
    return len(address.rpartition("@")[0]) <= LONGEST_BOUNCE_NAME


@checks.register
def check_bounce_mailbox(**kwargs: Any) -> list[checks.Error]:  # noqa: ARG001
    try:
        if settings.BOUNCE_IMAP_URL:
            read_url(settings.BOUNCE_IMAP_URL)
    except MailboxTrouble as trouble:
        hint = "用戶名稱和密碼中的 @、:、/、% 請寫成 %40、%3A、%2F、%25。"
        return [checks.Error(str(trouble), hint=hint, id="subscribers.E005")]
    return []


@checks.register
def check_esp(**kwargs: Any) -> list[checks.Error]:  # noqa: ARG001
    secrets = settings.ANYMAIL_WEBHOOK_SECRET
    if settings.ESP and settings.ESP not in ESPS:
        message = f"ESP 不能是「{settings.ESP}」。"
        hint = f"請設為其中之一：{'、'.join(ESPS)}。"
    elif secrets and not settings.ESP:
        message = "設了 ANYMAIL_WEBHOOK_SECRET，卻沒有設 ESP。"
        hint = "請以 ESP 說明是哪一個郵件服務商。"
    elif not all(0 < secret.find(":") < len(secret) - 1 for secret in secrets):
        message = "ANYMAIL_WEBHOOK_SECRET 不對。"
        hint = "請設為 user:password，兩者都不可留空。"
    elif secrets and settings.ESP == "mailgun" and not settings.ANYMAIL_MAILGUN_WEBHOOK_SIGNING_KEY:
        message = "未設定 MAILGUN_WEBHOOK_SIGNING_KEY。"
        hint = "請在 Mailgun 的 Webhooks 頁面複製 HTTP webhook signing key。"
    else:
        return []
    return [checks.Error(message, hint=hint, id="subscribers.E004")]


@checks.register
def check_name_servers(**kwargs: Any) -> list[checks.Error]:  # noqa: ARG001
    faulty = [server for server in settings.DNS_SERVERS if not is_name_server(server)]
    if not faulty:
        return []
    message = f"DNS_SERVERS 不能有「{'」「'.join(faulty)}」。"
    hint = "請寫 IP 位址，需要時加上連接埠：9.9.9.9、9.9.9.9:5353、[2620:fe::fe]:53。"
    return [checks.Error(message, hint=hint, id="subscribers.E003")]


def is_name_server(server: str) -> bool:
    try:
        ip_address(read_server(server).address)
    except ValueError:
        return False
    return True
