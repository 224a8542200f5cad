"""The least valid rows, and a relay that does what a test tells it."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from briefings.models import Edition
from briefings.tests.makers import make_published
from subscribers.models import Chunk, Claim, Delivery, Mailing, Member, MemberState
from subscribers.opening import open_mailing

_numbers = count(1)

# What a form that holds a member sends beside the rest.
VARIANT = {"script": "hant", "notice_language": "both"}


def make_member(**fields) -> Member:
    """An active member who wants every edition."""
    themes = fields.pop("themes", [])
    defaults = {
        "email": f"member{next(_numbers)}@example.com",
        "state": MemberState.ACTIVE,
        "consented_at": timezone.now(),
        "confirmed_at": timezone.now(),
    }
    member = Member.objects.create(**defaults | fields)
    member.themes.set(themes)
    return member


def make_mail_editor(name: str = "chan") -> User:
    """Writes an edition's mail, and asks for approval."""
    return _make_staff(name, "view_edition", "change_edition")


def make_mail_publisher(name: str = "wong") -> User:
    """Approves and sends it."""
    codes = ("view_edition", "change_edition", "publish_edition", "view_mailing", "add_mailing")
    return _make_staff(name, *codes)


def _make_staff(name: str, *codenames: str) -> User:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def make_mailing(members: int = 1, edition: Edition | None = None) -> Mailing:
    for _ in range(members):
        make_member()
    return open_mailing(edition or make_published(number=next(_numbers) + 1000), by=None)


def make_delivery(**fields) -> Delivery:
    delivery = make_mailing().deliveries.get()
    Delivery.objects.filter(pk=delivery.pk).update(**fields)
    delivery.refresh_from_db()
    return delivery


def claim_all(mailing: Mailing, now: datetime) -> Claim:
    return Chunk(mailing.pk, 0, 2**62).claim(now)


def take(delivery: Delivery, now: datetime) -> bool:
    """Whether it could be claimed."""
    claim = Chunk(delivery.mailing_id, delivery.pk, delivery.pk).claim(now)
    for taken in claim.deliveries:
        delivery.claim, delivery.attempts = claim.key, taken.attempts
    return bool(claim.deliveries)


def read_message(source: bytes) -> EmailMessage:
    return message_from_bytes(source, policy=policy.default)


class FaultyRelay:
    """An SMTP server on this machine that keeps what it accepts and answers as it is told.

    `on_rcpt` and `on_data` get the recipient's address and return an answer, or None to go on;
    the answer "hang up" closes the connection. `look` may ask the database, and so may
    `look_at_greeting`.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.is_pipelining = False
        self.accepted: list[tuple[str, bytes]] = []
        self.senders: list[str] = []
        self.on_rcpt: Callable[[str], str | None] = lambda address: None
        self.on_data: Callable[[str], str | None] = lambda address: None
        self.look: Callable[[str], object] = lambda address: None
        self.look_at_greeting: Callable[[], object] = lambda: None
        self.take_time: Callable[[], Awaitable[None]] = lambda: asyncio.sleep(0)

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, name: str, answers: list[str]
    ) -> list[str]:
        session.host_name = name
        await asyncio.to_thread(self.look_at_greeting)
        return [*answers[:1], *["250-PIPELINING"] * self.is_pipelining, *answers[1:]]

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.on_rcpt(address)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        address = envelope.rcpt_tos[0]
        answer = self.on_data(address)
        await asyncio.to_thread(self.look, address)
        await self.take_time()
        if answer is None or answer == "hang up":
            self.accepted.append((address, envelope.original_content))
            self.senders.append(envelope.mail_from)
        if answer == "hang up":
            server.transport.close()
        return answer or "250 OK"


@contextmanager
def running_relay(**properties: object) -> Iterator[FaultyRelay]:
    """The relay, with Django's mail settings pointing to it; `properties` are aiosmtpd's."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        relay = FaultyRelay(port=probe.getsockname()[1])
    controller = Controller(relay, hostname="127.0.0.1", port=relay.port, **properties)
    controller.start()
    with override_settings(
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=relay.port,
    ):
        yield relay
    controller.stop()


def at_once(number: int, work: Callable[[], object]) -> list[object]:
    """What `work` returns in each of so many threads started together."""
    results: list[object] = []
    barrier = threading.Barrier(number)

    def run() -> None:
        barrier.wait()
        try:
            results.append(work())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
