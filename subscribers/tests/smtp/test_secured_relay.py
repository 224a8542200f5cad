"""A chunk through a relay that asks for TLS and a password, as those of mail services do."""

import ssl

import pytest
import trustme
from aiosmtpd.smtp import AuthResult, LoginPassword

from subscribers.delivery import send_chunk
from subscribers.models import DeliveryState, Digest
from subscribers.tests.makers import make_mailing, read_message, running_relay

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),  # TLS was there
]

AUTHORITY = trustme.CA()
# Longer than a socket takes at once, and than is handed over at once.
LONG = "<p>[[greeting]]</p>" + "<p>北部都會區</p>\n" * 12_000


def know(server, session, envelope, mechanism, data) -> AuthResult:
    return AuthResult(success=data == LoginPassword(b"research", b"lion-rock"))


@pytest.fixture(params=["STARTTLS", "TLS from the first byte on"])
def relay(request, settings, monkeypatch, tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)
    AUTHORITY.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    properties = {"authenticator": know, "auth_required": True}
    if request.param == "STARTTLS":
        settings.EMAIL_USE_TLS = True
        properties |= {"tls_context": context, "require_starttls": True}
    else:
        settings.EMAIL_USE_SSL = True
        properties |= {"ssl_context": context, "auth_require_tls": False}
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "research", "lion-rock"
    with running_relay(**properties, data_size_limit=10_000_000) as relay:
        yield relay


def send_all(mailing) -> None:
    keys = list(mailing.deliveries.order_by("pk").values_list("pk", flat=True))
    send_chunk(mailing.pk, keys[0], keys[-1])


@pytest.mark.parametrize("is_pipelining", [True, False])
def test_each_member_gets_the_whole_message(relay, is_pipelining):
    relay.is_pipelining = is_pipelining
    mailing = make_mailing(members=3)
    Digest.objects.update(html=LONG)

    send_all(mailing)

    assert {one.state for one in mailing.deliveries.all()} == {DeliveryState.SENT}
    assert len(relay.accepted) == 3
    for delivery in mailing.deliveries.all():
        source = dict(relay.accepted)[delivery.email]
        html = read_message(source).get_body(["html"]).get_content()
        assert delivery.name in html.splitlines()[0]
        assert html.count("北部都會區") == 12_000


def test_a_wrong_password_counts_against_nobody(relay, settings):
    settings.EMAIL_HOST_PASSWORD = "wrong"
    settings.EMAIL_TIMEOUT = 2  # after several tries it says nothing more
    mailing = make_mailing()

    send_all(mailing)

    delivery = mailing.deliveries.get()
    assert (delivery.state, delivery.attempts) == (DeliveryState.QUEUED, 0)
    assert relay.accepted == []


def test_a_relay_that_nobody_vouches_for_gets_nothing(relay, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    mailing = make_mailing()

    send_all(mailing)

    assert mailing.deliveries.get().attempts == 0
    assert relay.accepted == []
