"""Bounces fetched from a mailbox of their own, by IMAP over TLS."""

import imaplib
import ssl
from collections.abc import Sequence
from datetime import datetime
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from django.conf import settings

from subscribers.bounces.intake import record_report
from subscribers.bounces.reading import LARGEST, read_report
from subscribers.models import ReportWay

# What is read goes here, reports and everything else, so that the next poll finds what is new.
READ_FOLDER = "Processed"
MOST_AT_ONCE = 500
TLS_PORT = 993
TIMEOUT = 60  # seconds, for each answer of the server
LONGEST_POLL = 240  # seconds, after which no more is asked for: in five minutes comes the next


class MailboxTrouble(Exception):
    """The mailbox can't be read at present; whatever was not read stays in it."""


class Mailbox(NamedTuple):
    host: str
    port: int
    user: str
    password: str
    folder: str


def read_url(url: str) -> Mailbox:
    """Raises MailboxTrouble; its words don't repeat the password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or TLS_PORT
        named = (unquote(part or "") for part in (parts.username, parts.password))
        user, password = (text.encode("ascii").decode() for text in named)
        folder = unquote(parts.path.lstrip("/")).encode("ascii").decode() or "INBOX"
    except ValueError:
        host = ""
    if not host or parts.scheme != "imaps" or '"' in folder:
        raise MailboxTrouble(
            "BOUNCE_IMAP_URL 必須是 imaps://user:password@host:port/folder，只用 ASCII 字元。"
        )
    return Mailbox(host, port, user, password, folder)


def poll_mailbox(now: datetime) -> int:
    """How many reports had an effect. Raises MailboxTrouble."""
    mailbox = read_url(settings.BOUNCE_IMAP_URL)
    try:
        with imaplib.IMAP4_SSL(
            mailbox.host,
            mailbox.port,
            ssl_context=ssl.create_default_context(),
            timeout=TIMEOUT,
        ) as connection:
            connection.login(mailbox.user, mailbox.password)
            return read_folder(connection, mailbox.folder, now)
    except (OSError, imaplib.IMAP4.error) as error:
        raise MailboxTrouble(str(error)) from error


def read_folder(connection: imaplib.IMAP4, folder: str, now: datetime) -> int:
    """Record each message and move it away, in this order: who dies between reads it again, and
    the intake counts it once.
    """
    _ask(*connection.select(f'"{folder}"'))
    uids = _ask(*connection.uid("SEARCH", "UNDELETED"))[0].split()[:MOST_AT_ONCE]
    if uids:
        connection.create(READ_FOLDER)  # which says NO if it is there
    recorded, over_at = 0, monotonic() + LONGEST_POLL
    for uid in uids:
        report = read_report(_fetch(connection, uid.decode()))
        recorded += record_report(report, way=ReportWay.IMAP, now=now) is not None
        _move(connection, uid.decode())
        if monotonic() > over_at:
            break
    return recorded


def _fetch(connection: imaplib.IMAP4, uid: str) -> bytes:
    """Its beginning; nothing if somebody else has moved it meanwhile."""
    answer = _ask(*connection.uid("FETCH", uid, f"(BODY.PEEK[]<0.{LARGEST}>)"))
    return next((part[1] for part in answer if isinstance(part, tuple)), b"")


def _move(connection: imaplib.IMAP4, uid: str) -> None:
    """By RFC 6851, or as it was done before."""
    if "MOVE" in connection.capabilities:
        _ask(*connection.uid("MOVE", uid, READ_FOLDER))
        return
    _ask(*connection.uid("COPY", uid, READ_FOLDER))
    _ask(*connection.uid("STORE", uid, "+FLAGS.SILENT", r"(\Deleted)"))
    connection.expunge()


def _ask(kind: str, answer: Sequence[Any]) -> list[Any]:
    if kind != "OK":
        said = answer[0]
        raise imaplib.IMAP4.error(
            said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        )
    return [part for part in answer if part is not None] or [b""]
