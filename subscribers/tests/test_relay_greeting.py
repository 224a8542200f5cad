"""Real SMTP servers, good ones and faulty ones, and what is made of their greetings."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from aiosmtpd.controller import Controller

from subscribers.domain_health.findings import Level
from subscribers.domain_health.greeting import greet
from subscribers.domain_health.relay import (
    TLS_REMEDIES,
    Greeting,
    RelayTrouble,
    Security,
    TLSTrouble,
    Wish,
    judge_relay,
    judge_relay_name,
)

NOW = datetime(2026, 11, 28, tzinfo=UTC)
CALLED = "web.cma.org.hk"
NAME = "mx.cma.org.hk"
AUTHORITY = trustme.CA()


def make_server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def make_trusting_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


def find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def greeted():
    """The greeting of an SMTP server with these properties of aiosmtpd's."""
    with ExitStack() as servers:

        def greeted(security=Security.STARTTLS, **properties) -> Greeting:
            port = find_port()
            server = Controller(
                object(), hostname="127.0.0.1", port=port, server_hostname=NAME, **properties
            )
            server.start()
            servers.callback(server.stop)
            wish = Wish("127.0.0.1", port, security, logs_in=False)
            return greet(wish, CALLED, make_trusting_context(), patience=5)

        yield greeted


STARTTLS = (b"220 x ESMTP\r\n", b"250-x\r\n250 STARTTLS\r\n", b"220 go\r\n")


@contextmanager
def answering(*lines: bytes, then: ssl.SSLContext | None = None) -> Iterator[int]:
    """Something on a port that sends a line at each turn, and then begins TLS or hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                for number, line in enumerate(lines):
                    if number:
                        connection.recv(1000)
                    connection.sendall(line)
                if then:
                    with suppress(ssl.SSLError):
                        then.wrap_socket(connection, server_side=True)

        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def greet_at(
    port: int,
    host: str = "127.0.0.1",
    security: Security = Security.NONE,
    oldest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
) -> Greeting:
    wish = Wish(host, port, security, logs_in=False)
    context = make_trusting_context()
    context.minimum_version = oldest
    return greet(wish, CALLED, context, patience=0.5)


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.NONE])
def test_starttls_is_tried_where_it_is_offered(greeted, security):
    certificate = AUTHORITY.issue_cert("127.0.0.1", not_after=NOW + timedelta(days=60))

    greeting = greeted(security, tls_context=make_server_context(certificate))

    assert greeting == Greeting(
        CALLED,
        name=NAME,
        offers_starttls=True,
        tls_version="TLSv1.3",
        valid_until=NOW + timedelta(days=60),
    )


def test_tls_from_the_first_byte_on_is_greeted_too(greeted):
    context = make_server_context(AUTHORITY.issue_cert("127.0.0.1"))

    greeting = greeted(Security.IMPLICIT, ssl_context=context)

    assert (greeting.name, greeting.tls_version) == (NAME, "TLSv1.3")


def test_without_starttls_nothing_is_encrypted(greeted):
    assert greeted() == Greeting(CALLED, name=NAME)


@pytest.mark.parametrize(
    ("authority", "names", "dates", "trouble"),
    [
        (AUTHORITY, ["127.0.0.1"], {"not_after": datetime(2020, 1, 2, tzinfo=UTC)}, "EXPIRED"),
        (AUTHORITY, ["127.0.0.1"], {"not_before": datetime(2090, 1, 2, tzinfo=UTC)}, "NOT_YET"),
        (AUTHORITY, ["mx.cma.org.hk"], {}, "WRONG_NAME"),
        (trustme.CA(), ["127.0.0.1"], {}, "UNTRUSTED"),
    ],
)
def test_a_certificate_that_is_not_good_is_known_by_its_fault(
    greeted, authority, names, dates, trouble
):
    if "not_before" in dates:
        dates |= {"not_after": datetime(2091, 1, 2, tzinfo=UTC)}
    certificate = authority.issue_cert(*names, **dates)

    greeting = greeted(tls_context=make_server_context(certificate))

    assert greeting.tls_trouble is TLSTrouble[trouble]


def test_a_certificate_signed_by_itself_is_known(greeted, tmp_path):
    root = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with root.private_key_pem.tempfile() as key, root.cert_pem.tempfile() as certificate:
        context.load_cert_chain(certificate, key)

    assert greeted(tls_context=context).tls_trouble is TLSTrouble.SELF_SIGNED


def test_old_versions_are_known():
    context = make_server_context(AUTHORITY.issue_cert("127.0.0.1"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1

    with answering(*STARTTLS, then=context) as port:
        # As Debian's Python leaves it.
        oldest = ssl.TLSVersion.MINIMUM_SUPPORTED
        greeting = greet_at(port, security=Security.STARTTLS, oldest=oldest)

    assert greeting.tls_trouble is TLSTrouble.OLD


def test_a_plain_server_on_a_port_for_tls_is_known(greeted):
    assert greeted(Security.IMPLICIT).tls_trouble is TLSTrouble.NOT_TLS


def test_hanging_up_at_starttls_is_known():
    with answering(*STARTTLS) as port:
        assert greet_at(port, security=Security.STARTTLS).tls_trouble is TLSTrouble.OTHER


def test_nobody_there_is_known():
    assert greet_at(find_port()).trouble is RelayTrouble.REFUSED


def test_a_name_that_is_none_is_known():
    assert greet_at(25, host="relay.invalid").trouble is RelayTrouble.NO_NAME


def test_no_way_there_is_known():
    assert greet_at(25, host="255.255.255.255").trouble is RelayTrouble.NO_NETWORK


def test_silence_is_known():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert greet_at(silent.getsockname()[1]).trouble is RelayTrouble.TIMEOUT


def test_a_server_that_is_not_ready_is_quoted():
    with answering(b"554 No service for you\r\n") as port:
        greeting = greet_at(port)

    assert (greeting.trouble, greeting.said) == (
        RelayTrouble.NOT_READY,
        "554 No service for you",
    )


@pytest.mark.parametrize("line", [b"", b"HTTP/1.1 400 Bad Request\r\n"])
def test_what_does_not_speak_smtp_is_known(line):
    with answering(line) as port:
        assert greet_at(port).trouble in {RelayTrouble.HUNG_UP, RelayTrouble.NOT_READY}


def test_a_server_may_decline_our_name():
    with answering(b"220 x ESMTP\r\n", b"550 who?\r\n", b"221 bye\r\n") as port:
        greeting = greet_at(port)

    assert (greeting.declined_name, greeting.said) == (True, "550 who?")


# ------------------------------------------------------------------------- what is made of them
def judge(greeting: Greeting, **wish):
    wish = {
        "host": "mx.cma.org.hk",
        "port": 587,
        "security": Security.STARTTLS,
        "logs_in": True,
    } | wish
    return {finding.code: finding for finding in judge_relay(Wish(**wish), greeting, NOW)}


def greeting_by(**properties) -> Greeting:
    good = {"called": CALLED, "name": NAME, "offers_starttls": True, "tls_version": "TLSv1.3"}
    return Greeting(**good | {"valid_until": NOW + timedelta(days=60)} | properties)


def test_a_good_relay_is_good():
    found = judge(greeting_by())

    assert {code: finding.level for code, finding in found.items()} == {
        "relay.good": Level.GOOD,
        "tls.good": Level.GOOD,
    }
    assert "TLS 1.3，憑證有效至 2027-01-27，尚餘 60 天" in found["tls.good"].found


@pytest.mark.parametrize("trouble", RelayTrouble)
def test_one_that_is_not_there_is_an_error(trouble):
    found = judge(Greeting(CALLED, trouble=trouble, said="554 no"))

    assert list(found) == ["relay.unreachable"]
    assert found["relay.unreachable"].level is Level.ERROR
    assert f"{trouble.value}：554 no" in found["relay.unreachable"].found


def test_one_that_declines_our_name_is_an_error():
    found = judge(Greeting("localhost", declined_name=True, said="504 need full name"))

    assert found["helo.declined"].level is Level.ERROR
    assert "localhost" in found["helo.declined"].found


@pytest.mark.parametrize("trouble", TLSTrouble)
def test_each_trouble_of_tls_is_an_error_with_its_remedy(trouble):
    found = judge(greeting_by(tls_trouble=trouble))
    (finding,) = (one for code, one in found.items() if code.startswith("tls."))

    assert (finding.level, finding.remedy) == (Level.ERROR, TLS_REMEDIES[trouble])


def test_where_tls_was_only_tried_it_is_a_caution():
    found = judge(greeting_by(tls_trouble=TLSTrouble.EXPIRED), security=Security.NONE)

    assert found["tls.unusable"].level is Level.CAUTION


def test_a_certificate_that_expires_soon_is_told():
    found = judge(greeting_by(valid_until=NOW + timedelta(days=3, hours=5)))

    assert found["tls.expiring"].level is Level.CAUTION
    assert "尚餘 3 天" in found["tls.expiring"].found


def test_without_starttls_nothing_is_sent_where_it_is_asked_for():
    assert judge(greeting_by(offers_starttls=False))["tls.not-offered"].level is Level.ERROR


def test_a_password_in_clear_is_an_error():
    found = judge(greeting_by(), security=Security.NONE)

    assert found["tls.password-in-clear"].level is Level.ERROR
    assert "smtp+tls" in found["tls.password-in-clear"].remedy


def test_mail_in_clear_is_a_caution():
    found = judge(greeting_by(offers_starttls=False), security=Security.NONE, logs_in=False)

    assert found["tls.none"].level is Level.CAUTION
    assert "開啟 STARTTLS" in found["tls.none"].remedy


def test_on_this_machine_nothing_need_be_encrypted_nor_named():
    greeting = greeting_by(called="laptop", offers_starttls=False)

    found = judge(greeting, host="localhost", port=25, security=Security.NONE)

    assert list(found) == ["relay.good", "tls.local"]


@pytest.mark.parametrize("called", ["laptop", "localhost.localdomain", "web.internal"])
def test_our_own_name_should_be_known_to_others(called):
    assert judge(greeting_by(called=called))["helo.own"].level is Level.CAUTION


@pytest.mark.parametrize(
    ("name", "zone", "code", "level"),
    [
        (NAME, {f"{NAME} A": ["101.78.0.25"]}, "helo.good", Level.GOOD),
        (NAME, {f"{NAME} AAAA": ["2400::1"]}, "helo.good", Level.GOOD),
        (NAME, {}, "helo.unresolved", Level.CAUTION),
        (NAME, {f"{NAME} A": "SERVFAIL"}, "helo.failure", Level.ERROR),
        ("mx", {}, "helo.name", Level.CAUTION),
    ],
)
def test_the_relays_name_should_be_known_to_others(look_up_in, name, zone, code, level):
    (finding,) = judge_relay_name(name, look_up_in(zone))

    assert (finding.code, finding.level) == (code, level)
