"""The way out: a message at a time through Django's mail backend, with four ways in which that can
fail; and for mailings, a `WayOut`.
"""

import logging
import smtplib
import time
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

from anymail.exceptions import AnymailAPIError, AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.smtp import EmailBackend

from subscribers.smtp import engine
from subscribers.smtp.conversation import Settled
from subscribers.smtp.engine import Due, Ending, Engine, Journal, Overseer
from subscribers.smtp.journal import Mark
from subscribers.smtp.replies import Fate

logger = logging.getLogger(__name__)


class TransportError(Exception):
    """A message was not, or may not have been, accepted; `reply` is what the relay said."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


class Refused(TransportError):
    """Permanent: this message for this address can't be written, or the relay won't take it."""


class Deferred(TransportError):
    """Passing: not now; the same message may be taken later."""


class Unreachable(TransportError, engine.Unreachable):
    """The relay takes nothing from us at present; this message's fate is untouched."""


class OutcomeUnknown(TransportError):
    """The connection broke while sending. The relay may have accepted the message (RFC 1047)."""


class Relay:
    """One connection through Django's configured mail backend, opened when first needed.

    After a lost one, the next `open` or `send` opens a new one.
    """

    def __init__(self) -> None:
        self._connection = get_connection()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._hang_up()

    def open(self) -> None:
        """Connect, secure, log in and greet, unless that is done. Raises Unreachable."""
        try:
            self._connection.open()
            smtp = getattr(self._connection, "connection", None)
            if isinstance(smtp, smtplib.SMTP):
                smtp.ehlo_or_helo_if_needed()  # or smtplib greets within the first send
        except OSError as error:  # smtplib's exceptions are OSErrors too
            self._hang_up()
            raise Unreachable(str(error)) from error

    def send(self, message: EmailMessage) -> None:
        """Returns once the relay has accepted the message. Raises a TransportError.

        Whoever calls has seen that the message can be written (`message.message()`).

        On an open connection it waits six times at most: for the answers to MAIL, RCPT, DATA and
        RSET, for the message to be taken, and for the answer to that.
        """
        self.open()
        try:
            self._connection.send_messages([message])
        except smtplib.SMTPRecipientsRefused as error:
            raise self._judge(*next(iter(error.recipients.values()))) from error
        except smtplib.SMTPDataError as error:
            raise self._judge(error.smtp_code, error.smtp_error) from error
        except smtplib.SMTPNotSupportedError as error:
            raise Refused(str(error)) from error
        except smtplib.SMTPResponseException as error:
            # To HELO or MAIL FROM: it is us that the relay refuses, not the member.
            self._hang_up()
            raise Unreachable(_quote(error.smtp_code, error.smtp_error)) from error
        except AnymailRecipientsRefused as error:
            raise Refused(str(error)) from error
        except AnymailAPIError as error:
            raise self._judge_service(error) from error
        except OSError as error:
            self._hang_up()
            raise OutcomeUnknown(str(error)) from error
        except Exception as error:  # of ours or the backend's; how far it had come nobody knows
            logger.exception("A send broke off")
            self._hang_up()
            raise OutcomeUnknown(f"寄送中斷：{error!r}") from error

    def _judge(self, code: int, reply: bytes | str) -> TransportError:
        said = _quote(code, reply)
        if code == 421:  # the relay is closing; it says nothing of this message
            self._hang_up()
            return Unreachable(said)
        return Deferred(said) if 400 <= code < 500 else Refused(said)

    def _judge_service(self, error: AnymailAPIError) -> TransportError:
        """By the status of HTTP with which a mail service said no."""
        status = getattr(error, "status_code", None)
        if status is None:
            return OutcomeUnknown(str(error))
        # It doesn't know us, or is busy; any other 4xx is about the message.
        if status in (401, 403, 408, 429) or status >= 500:
            return Unreachable(str(error))
        return Refused(str(error))

    def _hang_up(self) -> None:
        with suppress(OSError):  # the other end may be gone
            self._connection.close()


def _quote(code: int, reply: bytes | str) -> str:
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
    return f"{code} {text}"


# -------------------------------------------------------------------------------- for mailings


class WayOut(Protocol):
    """What a mailing's copies leave by."""

    takes_bytes: bool  # copies as `Copy`; or as messages

    def open(self) -> None:
        """Before anything is claimed. Raises engine.Unreachable."""

    def send(self, due: Sequence[Due], journal: Journal, overseer: Overseer) -> Ending:
        """Settles with the overseer whatever it comes to; what it says nothing of is untouched."""

    def close(self) -> None: ...


def open_way_out() -> WayOut:
    """To a relay by SMTP, or through whatever other mail backend is set."""
    if f"{EmailBackend.__module__}.{EmailBackend.__qualname__}" != settings.EMAIL_BACKEND:
        return OneByOne()
    return Engine(_dial, connections=settings.SMTP_CONNECTIONS, timeout=settings.EMAIL_TIMEOUT)


def _dial() -> smtplib.SMTP:
    """As Django's settings say: secured, logged in and greeted. Raises OSError."""
    backend = EmailBackend()
    backend.open()
    smtp = backend.connection
    assert smtp is not None  # noqa: S101  (open raises else)
    smtp.ehlo_or_helo_if_needed()
    return smtp


class OneByOne:
    """Through any mail backend of Django's: a mail service's, or the captured mailbox."""

    takes_bytes = False

    def __init__(self) -> None:
        self._relay = Relay()

    def open(self) -> None:
        self._relay.open()

    def send(self, due: Sequence[Due], journal: Journal, overseer: Overseer) -> Ending:
        for place, start in due:
            time.sleep(max(0, start - time.monotonic()))
            if not overseer.goes_on() or overseer.must_end():
                break
            message = overseer.compose(place) if overseer.is_wanted(place) else None
            if message is None:
                continue
            try:
                self._relay.open()  # or connecting would make its fate unknown
                journal.mark(place, Mark.UNDER_WAY)
                settled = self._send(place, message)
            except Unreachable as error:
                journal.mark(place, Mark.UNTOUCHED)
                return Ending(error.reply)
            if settled.fate is not Fate.UNKNOWN:
                is_in = settled.fate is Fate.ACCEPTED
                journal.mark(place, Mark.ACCEPTED if is_in else Mark.UNTOUCHED)
            overseer.settle(settled)
        return Ending()

    def close(self) -> None:
        self._relay.__exit__(None, None, None)

    def _send(self, place: int, message: EmailMessage) -> Settled:
        """Raises Unreachable."""
        try:
            self._relay.send(message)
        except Refused as error:
            return Settled(place, Fate.REFUSED, error.reply)
        except Deferred as error:
            return Settled(place, Fate.DEFERRED, error.reply)
        except OutcomeUnknown as error:
            return Settled(place, Fate.UNKNOWN, error.reply)
        return Settled(place, Fate.ACCEPTED)
