"""Bounces and complaints about the deliveries of a test."""

from itertools import count
from pathlib import Path

from subscribers.bounces.envelopes import make_return_path
from subscribers.links import Purpose, make_url
from subscribers.messages import make_message_id
from subscribers.models import Delivery

SPECIMENS = Path(__file__).parent / "bounces"
HARD, SOFT = "hard/postfix-user-unknown", "soft/postfix-mailbox-size"
POLICY, COMPLAINT = "policy/gmail-dmarc", "complaint/yahoo-cfl"

WRITTEN_TO = b"bounces+42-aaaaaaaaaaaaaaaa@news.example.org"
_numbers = count(1)


def read_specimen(name: str) -> bytes:
    return (SPECIMENS / f"{name}.eml").read_bytes()


def make_report(name: str, delivery: Delivery) -> bytes:
    """The specimen, as if it were about this delivery, with a Message-ID of its own."""
    return_path = (make_return_path(delivery.pk) or "").encode()
    numbered = f"Message-ID: <report{next(_numbers)}.".encode()
    source = read_specimen(name).replace(WRITTEN_TO, return_path)
    return source.replace(b"Message-ID: <", numbered, 1)


def make_redacted_complaint(delivery: Delivery | None = None, unsubscribe: str = "") -> bytes:
    """One that came round the return path: of our mail it has only some headers.

    The Message-ID of the delivery, or of none; the link to unsubscribe, or none.
    """
    source = read_specimen(COMPLAINT).replace(WRITTEN_TO, b"redacted@example.net")
    link = f"List-Unsubscribe: <{unsubscribe}>\nList-Id:" if unsubscribe else "List-Id:"
    own_id = make_message_id(delivery.pk, delivery.mailing) if delivery else "<a@b.example>"
    source = source.replace(b"<m7.d42.6904193a@news.example.org>", own_id.encode())
    return source.replace(b"List-Id:", link.encode())


def make_unsubscribe_url(delivery: Delivery) -> str:
    return make_url(Purpose.UNSUBSCRIBE, delivery.member_id or 0)
