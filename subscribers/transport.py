"""The way out: one connection to the relay, and four ways in which a send can fail."""

import logging
import smtplib
from contextlib import suppress
from types import TracebackType
from typing import Self

from django.core.mail import EmailMessage, get_connection

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


class Unreachable(TransportError):
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

    def _hang_up(self) -> None:
        with suppress(OSError):  # the other end may be gone
            self._connection.close()


def _quote(code: int, reply: bytes | str) -> str:
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
    return f"{code} {text}"
