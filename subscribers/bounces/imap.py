"""Bounces fetched from a mailbox of their own, by IMAP over TLS."""

import imaplib
import ssl
from collections.abc import Sequence
from datetime import datetime
from typing import Any
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


class MailboxTrouble(Exception):
    """The mailbox can't be read at present; whatever was not read stays in it."""


def poll_mailbox(now: datetime) -> int:
    """How many reports had an effect. Raises MailboxTrouble."""
    url = urlsplit(settings.BOUNCE_IMAP_URL)
    if url.scheme != "imaps" or not url.hostname:
        raise MailboxTrouble("BOUNCE_IMAP_URL 必須是 imaps://user:password@host/folder。")
    try:
        with imaplib.IMAP4_SSL(
            url.hostname,
            url.port or TLS_PORT,
            ssl_context=ssl.create_default_context(),
            timeout=TIMEOUT,
        ) as connection:
            connection.login(unquote(url.username or ""), unquote(url.password or ""))
            return read_folder(connection, unquote(url.path.lstrip("/")) or "INBOX", now)
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
    recorded = 0
    for uid in uids:
        report = read_report(_fetch(connection, uid.decode()))
        recorded += record_report(report, way=ReportWay.IMAP, now=now) is not None
        _move(connection, uid.decode())
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
