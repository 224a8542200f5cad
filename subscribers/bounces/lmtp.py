"""Bounces handed over by the mail system itself, as they arrive, by LMTP (RFC 2033)."""

import asyncio
import logging

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope, Session
from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from subscribers.bounces.intake import record_report
from subscribers.bounces.reading import read_report
from subscribers.models import ReportWay

logger = logging.getLogger(__name__)

# What is bigger is refused; a report sends back at most one of our mails, which are far smaller.
LARGEST_MESSAGE = 10 * 1024 * 1024


class PatientLMTP(LMTP):
    line_length_limit = 64 * 1024  # there are systems that send back longer lines than RFC 5321's


class Handler:
    async def handle_RCPT(  # noqa: N802
        self,
        server: LMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if envelope.rcpt_tos:
            # LMTP answers for each recipient of a message, aiosmtpd once for all of them.
            return "452 4.5.3 One recipient at a time"
        if not _is_ours(address):
            return "550 5.1.1 No such mailbox"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802
        self,
        server: LMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
    ) -> str:
        """Taken once it is recorded, or has nothing to say; else the mail system tries again."""
        try:
            await asyncio.to_thread(_record, envelope.original_content or b"", envelope.rcpt_tos)
        except DatabaseError:
            logger.exception("A report cannot be recorded now")
            return "451 4.3.0 Try again later"
        return "250 2.0.0 OK"


async def listen(host: str, port: int) -> asyncio.Server:
    return await asyncio.get_running_loop().create_server(
        lambda: PatientLMTP(Handler(), data_size_limit=LARGEST_MESSAGE, hostname="localhost"),
        host,
        port,
    )


def _is_ours(address: str) -> bool:
    """The address for bounces itself, where complaints come in, or with any tag."""
    local, _, domain = address.lower().rpartition("@")
    own_local, _, own_domain = settings.BOUNCE_ADDRESS.lower().rpartition("@")
    return bool(own_local) and (local.partition("+")[0], domain) == (own_local, own_domain)


def _record(source: bytes, recipients: list[str]) -> None:
    close_old_connections()
    try:
        report = read_report(source)
        record_report(report, recipients=recipients, way=ReportWay.LMTP, now=timezone.now())
    finally:
        close_old_connections()
