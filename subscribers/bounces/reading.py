"""What a received message says became of a delivery: bytes in, `Report` out.

RFC 3464 (delivery status) and RFC 5965 (complaints) by the standard library first; then, for
systems that follow neither, what flufl.bounce and our own list of words make of them. Never
raises, whatever comes.
"""

import base64
import binascii
import logging
import quopri
import re
from collections.abc import Iterable
from email import message_from_bytes
from email.message import Message
from email.policy import compat32
from hashlib import sha256

from flufl.bounce import all_failures

from subscribers.bounces.judging import find_status, has_code, judge, judge_words
from subscribers.bounces.reports import LONGEST_TEXT, Report, ReportKind
from subscribers.bounces.texts import (
    LONGEST,
    make_storable,
    read_header,
    read_own_words,
    walk_own,
)
from subscribers.bounces.traces import find_traces

logger = logging.getLogger(__name__)

# A report may carry all that was sent, and its sender anything; the beginning tells.
LARGEST = 1024 * 1024
# Of that, what is taken apart: its words and statuses come before the mail that it sends back.
LARGEST_TAKEN_APART = 128 * 1024
_POLICY = compat32.clone(max_line_length=0)

_STATUS_TYPES = {"message/delivery-status", "message/global-delivery-status"}
_ADDRESS = re.compile(r"[\w.!#$%&*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_DAEMON = re.compile(
    r"mailer-?daemon|postmaster|mail delivery|邮件(投递|系统)|郵件(傳送|系統)", re.I
)
_FAILURE = re.compile(
    r"undeliver|failure|failed|returned|退信|退回|无法(投递|送达)|未能(投遞|傳送|送達)", re.I
)
_WAITING = re.compile(
    r"(will|continue to|still) (be )?(retry|try|keep trying|being retried)|not? need to re-?send"
    r"|will be retried|(继续|繼續|再次)(尝试|嘗試)|无需重发|毋須重新",
    re.I,
)
_AWAY = re.compile(
    r"out of (the )?office|automatic reply|auto(matic)?[- ]?(reply|response|responder)|vacation"
    r"|自動(回覆|回復|答覆)|自动(回复|答复)|不在(辦公室|办公室)|休假",
    re.I,
)
# Of RFC 5965 and its registry; "not-spam" and "auth-failure" complain of nothing.
_COMPLAINTS = {"abuse", "fraud", "virus", "other", "opt-out", "opt-out-list", "miscategorized"}


Reading = tuple[ReportKind, str, str, str]  # kind, status, text, address


def read_report(source: bytes) -> Report:
    beginning = source[:LARGEST]
    identity = sha256(beginning).hexdigest()
    kind, status, text, address = ReportKind.OTHER, "", "", ""
    try:
        message = message_from_bytes(beginning[:LARGEST_TAKEN_APART], policy=_POLICY)
        identity = read_header(message, "Message-ID") or identity
        kind, status, text, address = (
            _read_complaint(message) or _read_statuses(message) or _read_unlike_any(message)
        )
    except Exception:  # parts within parts without end, say
        logger.warning("A report cannot be read", exc_info=True)
    return Report(
        kind=kind,
        message_id=make_storable(identity)[:250],
        status=status[:20],
        text=make_storable(text)[:LONGEST_TEXT],
        address=address[:254],
        traces=find_traces(beginning),
    )


# ---------------------------------------------------------------------------------- complaints


def _read_complaint(message: Message) -> Reading | None:
    """RFC 5965; or Hotmail's, which attaches the message and names the mailbox in it."""
    for part in walk_own(message):
        if part.get_content_type() == "message/feedback-report":
            return _read_feedback(message, _read_fields(part))
        if part.get_content_type() == "message/rfc822":
            for original in _list_blocks(part):
                if address := read_header(original, "X-HmXmrOriginalRecipient"):
                    return ReportKind.COMPLAINT, "", read_own_words(message), address.strip("<>")
    return None


def _read_feedback(message: Message, blocks: list[Message]) -> Reading:
    fields = blocks[0] if blocks else Message()
    feedback = read_header(fields, "Feedback-Type").lower()
    kind = ReportKind.COMPLAINT if feedback in _COMPLAINTS else ReportKind.OTHER
    recipient = _find_address(
        read_header(fields, name) for name in ("Original-Rcpt-To", "Removal-Recipient")
    )
    return kind, "", read_own_words(message) or f"Feedback-Type: {feedback}", recipient


# ------------------------------------------------------------------------------ delivery status


def _read_statuses(message: Message) -> Reading | None:
    """RFC 3464. Of several recipients the one who came off worst: a delivery has but one."""
    words = read_own_words(message)
    readings = [
        _read_status(fields, words)
        for part in walk_own(message)
        if part.get_content_type() in _STATUS_TYPES
        for fields in _read_fields(part)
        if "Status" in fields or "Action" in fields or "Final-Recipient" in fields
    ]
    worst_first = list(ReportKind)
    return min(readings, key=lambda reading: worst_first.index(reading[0]), default=None)


def _read_status(fields: Message, words: str) -> Reading:
    status = find_status(read_header(fields, "Status"))
    said = re.sub(r"^[\w-]+;\s*", "", read_header(fields, "Diagnostic-Code"))[:LONGEST]
    better = find_status(said)
    if better and (not status or status.endswith(".0.0")):
        status = better
    address = _find_address(
        read_header(fields, name)
        for name in ("Original-Recipient", "Final-Recipient", "X-Actual-Recipient")
    )
    text = said or words or f"Status: {status}"
    return _judge_action(fields, status, said, words), status, text, address


def _judge_action(fields: Message, status: str, said: str, words: str) -> ReportKind:
    action = read_header(fields, "Action").lower() or {"5": "failed", "4": "delayed"}.get(
        status[:1], ""
    )
    if action.startswith(("fail", "error")):
        return judge(status, said if judge_words(said) or not words else f"{words} {said}")
    return ReportKind.DELAYED if action.startswith("delay") else ReportKind.OTHER


def _read_fields(part: Message) -> list[Message]:
    """The groups of fields; in Base64 too, which RFC 3464 forbids and some write."""
    raw = b"\n\n".join(block.as_bytes() for block in _list_blocks(part))
    encoding = read_header(part, "Content-Transfer-Encoding").lower()
    if encoding == "base64":
        try:
            raw = base64.b64decode(b"".join(raw.split()))
        except binascii.Error:
            logger.info("A report's status is not the Base64 that it says")
    elif encoding == "quoted-printable":
        raw = quopri.decodestring(raw)
    groups = re.split(rb"\r?\n(?:[ \t]*\r?\n)+", raw.strip())
    return [message_from_bytes(group + b"\n\n", policy=_POLICY) for group in groups]


def _list_blocks(part: Message) -> list[Message]:
    payload = part.get_payload()
    if isinstance(payload, list):
        return [block for block in payload if isinstance(block, Message)]
    block = Message(policy=_POLICY)
    block.set_payload(payload)
    return [block]


# ------------------------------------------------------------------------- whatever else there is


def _read_unlike_any(message: Message) -> Reading:
    subject = read_header(message, "Subject")
    is_daemon = bool(
        _DAEMON.search(f"{read_header(message, 'From')} {read_header(message, 'Sender')}")
    )
    if not is_daemon and _is_auto_reply(message, subject):
        return ReportKind.AUTO_REPLY, "", subject, ""
    words = read_own_words(message)
    waiting, failed = _find_failures(message)
    named = read_header(message, "X-Failed-Recipients")
    address = _find_address([*failed, named, *waiting, words])
    has_failed = bool(failed or named) or (is_daemon and _tells_failure(subject, words))
    if not has_failed and not waiting:
        return ReportKind.OTHER, "", subject, ""
    status = find_status(words)
    if _WAITING.search(words) or not has_failed:
        return ReportKind.DELAYED, status, words, address
    return judge(status, words), status, words, address


def _tells_failure(subject: str, words: str) -> bool:
    return bool(judge_words(words) or _FAILURE.search(subject) or has_code(words))


def _is_auto_reply(message: Message, subject: str) -> bool:
    """RFC 3834, and those who don't follow it."""
    submitted = read_header(message, "Auto-Submitted").lower()
    return (
        submitted.startswith(("auto-replied", "auto-generated"))
        or any(name in message for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Reply"))
        or read_header(message, "Precedence").lower() in ("auto_reply", "auto-reply")
        or bool(_AWAY.search(subject))
    )


def _find_failures(message: Message) -> tuple[list[str], list[str]]:
    try:
        waiting, failed = all_failures(message)
    except Exception:  # it reads messages that follow no rules, and raises what they make it
        logger.info("flufl.bounce cannot read a report", exc_info=True)
        return [], []
    return _in_text(waiting), _in_text(failed)


def _in_text(addresses: Iterable[bytes]) -> list[str]:
    return sorted(address.decode("utf-8", "replace") for address in addresses)


def _find_address(texts: Iterable[str]) -> str:
    found = (_ADDRESS.search(text) for text in texts)
    return next((address[0] for address in found if address), "")
