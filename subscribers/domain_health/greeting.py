"""The one place that asks the relay: connect, EHLO, STARTTLS, good-bye. No mail is sent."""

import smtplib
import socket
import ssl
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime

from subscribers.domain_health.relay import Greeting, RelayTrouble, Security, TLSTrouble, Wish

PATIENCE = 5.0  # seconds, for each answer

# What OpenSSL says of a certificate (X509_V_ERR_…).
_CERTIFICATE_TROUBLES = {
    9: TLSTrouble.NOT_YET,
    10: TLSTrouble.EXPIRED,
    18: TLSTrouble.SELF_SIGNED,
    19: TLSTrouble.UNTRUSTED,
    20: TLSTrouble.UNTRUSTED,
    21: TLSTrouble.UNTRUSTED,
    62: TLSTrouble.WRONG_NAME,
    64: TLSTrouble.WRONG_NAME,
}
_TLS_TROUBLES = {
    "UNSUPPORTED_PROTOCOL": TLSTrouble.OLD,
    "TLSV1_ALERT_PROTOCOL_VERSION": TLSTrouble.OLD,
    "WRONG_VERSION_NUMBER": TLSTrouble.NOT_TLS,
}


def greet(wish: Wish, called: str, context: ssl.SSLContext, patience: float = PATIENCE) -> Greeting:
    """`called` is the name we give. The context verifies as that of sending does; it is told to
    refuse what is older than TLS 1.2 (RFC 8996), which all Pythons do but Debian's. That leaves it
    to the system, and then what is too old fails in ways that don't say so.

    STARTTLS is tried wherever it is offered, even where the settings do without.
    """
    greeting = Greeting(called)
    context.minimum_version = max(context.minimum_version, ssl.TLSVersion.TLSv1_2)
    try:
        with closing(_connect(wish, called, context, patience)) as smtp:
            greeting = _say_hello(smtp, greeting)
            if greeting.offers_starttls:
                smtp.starttls(context=context)
            greeting = _read_tls(smtp, greeting)
            with suppress(OSError):  # all is told by now
                smtp.quit()
    except smtplib.SMTPConnectError as error:
        said = _quote(error.smtp_code, error.smtp_error)
        return replace(greeting, trouble=RelayTrouble.NOT_READY, said=said)
    except ssl.SSLError as error:
        return replace(greeting, tls_trouble=_judge_tls(error))
    except OSError as error:  # smtplib's exceptions are OSErrors too
        if greeting.offers_starttls:
            return replace(greeting, tls_trouble=TLSTrouble.OTHER)
        return replace(greeting, trouble=_judge_trouble(error))
    return greeting


def _say_hello(smtp: smtplib.SMTP, greeting: Greeting) -> Greeting:
    code, answer = smtp.ehlo()
    if code != 250:
        return replace(greeting, declined_name=True, said=_quote(code, answer))
    name = answer.decode(errors="replace").split()[:1]
    return replace(
        greeting, name=name[0] if name else "", offers_starttls=smtp.has_extn("starttls")
    )


def _connect(wish: Wish, called: str, context: ssl.SSLContext, patience: float) -> smtplib.SMTP:
    if wish.security is Security.IMPLICIT:
        return smtplib.SMTP_SSL(
            wish.host, wish.port, local_hostname=called, timeout=patience, context=context
        )
    return smtplib.SMTP(wish.host, wish.port, local_hostname=called, timeout=patience)


def _read_tls(smtp: smtplib.SMTP, greeting: Greeting) -> Greeting:
    if not isinstance(smtp.sock, ssl.SSLSocket):
        return greeting
    certificate = smtp.sock.getpeercert() or {}
    until = str(certificate.get("notAfter", ""))
    valid_until = datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC) if until else None
    return replace(greeting, tls_version=smtp.sock.version() or "", valid_until=valid_until)


def _judge_tls(error: ssl.SSLError) -> TLSTrouble:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATE_TROUBLES.get(error.verify_code, TLSTrouble.UNTRUSTED)
    return _TLS_TROUBLES.get(error.reason or "", TLSTrouble.OTHER)


def _judge_trouble(error: OSError) -> RelayTrouble:
    kinds: list[tuple[type[OSError], RelayTrouble]] = [
        (socket.gaierror, RelayTrouble.NO_NAME),
        (TimeoutError, RelayTrouble.TIMEOUT),
        (ConnectionRefusedError, RelayTrouble.REFUSED),
        (ConnectionError, RelayTrouble.HUNG_UP),
        (smtplib.SMTPException, RelayTrouble.HUNG_UP),
    ]
    # smtplib says of whatever ends a wait for an answer that the other end hung up.
    reason = error.__context__ if isinstance(error, smtplib.SMTPServerDisconnected) else None
    faults = [fault for fault in (reason, error) if isinstance(fault, OSError)]
    return next(
        (trouble for kind, trouble in kinds if isinstance(faults[0], kind)),
        RelayTrouble.NO_NETWORK,
    )


def _quote(code: int, answer: bytes | str) -> str:
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    return f"{code} {text}"
