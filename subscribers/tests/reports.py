"""Bounces and complaints about the deliveries of a test."""

from itertools import count
from pathlib import Path

from subscribers.bounces.envelopes import make_return_path
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
