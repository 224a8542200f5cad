"""The whole check, command and page, against a name server and a relay that are really there."""

import json
import ssl
from io import StringIO

import pytest
import trustme
from aiosmtpd.controller import Controller
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.urls import reverse

from briefings.models import Publication
from conftest import find_free_port
from subscribers.tests.name_server import SERVFAIL, serving
from subscribers.tests.test_dkim import make_rsa

pytestmark = pytest.mark.django_db

SOURCE = "101.78.0.25"
ZONE = {
    "cma.org.hk TXT": [f"v=spf1 ip4:{SOURCE} -all"],
    "s1._domainkey.cma.org.hk TXT": [f"v=DKIM1; k=rsa; p={make_rsa(2048)}"],
    "_dmarc.cma.org.hk TXT": ["v=DMARC1; p=reject; rua=mailto:dmarc@cma.org.hk"],
    "cma.org.hk MX": ["10 mx.cma.org.hk."],
    "mx.cma.org.hk A": [SOURCE],
    "25.0.78.101.in-addr.arpa PTR": ["mx.cma.org.hk."],
}
# Of this machine, and yet no name that says so: as good as a relay elsewhere.
ELSEWHERE = "127.0.0.2"


class Postbox:
    """What a relay's handler would be told of mail."""

    def __init__(self) -> None:
        self.senders: list[str] = []

    async def handle_MAIL(self, server, session, envelope, address, options) -> str:  # noqa: N802
        self.senders.append(address)
        return "250 OK"


@pytest.fixture
def relay(settings, monkeypatch, tmp_path):
    """A relay with a certificate that the settings' own way of sending trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(ELSEWHERE).configure_cert(context)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = ELSEWHERE, find_free_port()
    settings.EMAIL_USE_TLS = True
    settings.MAILBOX_DIR = None
    settings.RELAY_ADDRESSES, settings.DKIM_SELECTORS = [SOURCE], ["s1"]
    server = Controller(
        Postbox(),
        hostname=ELSEWHERE,
        port=settings.EMAIL_PORT,
        server_hostname="mx.cma.org.hk",
        tls_context=context,
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
def published(settings):
    """The world's name server, with all in order unless a test changes it."""
    with serving(ZONE) as server:
        settings.DNS_SERVERS = [server.address]
        yield server


@pytest.fixture
def called(monkeypatch):
    """This machine has a full name, whatever it is really called."""
    from django.core.mail import DNS_NAME

    monkeypatch.setattr(DNS_NAME, "_fqdn", "web.cma.org.hk", raising=False)


def check(*options: str) -> tuple[str, int]:
    """What the command says, and its exit status."""
    out = StringIO()
    try:
        call_command("check_domain", *options, stdout=out)
    except SystemExit as end:
        return out.getvalue(), end.code
    return out.getvalue(), 0


def check_as_json() -> dict[str, str]:
    """The level by code."""
    return {one["code"]: one["level"] for one in json.loads(check("--json")[0])["findings"]}


def test_with_all_in_order_all_is_good(relay, published, called):
    assert check_as_json() == dict.fromkeys(
        [
            *("relay.good", "tls.good", "helo.good", "reverse.good", "spf.record", "spf.pass"),
            *("dkim.good", "dmarc.policy", "dmarc.aligned", "mx.good"),
        ],
        "good",
    )
    assert check()[1] == 0


def test_an_error_is_told_with_its_remedy_and_ends_the_command_with_1(relay, published, called):
    del published.zone["_dmarc.cma.org.hk txt"]

    said, status = check()

    assert status == 1
    assert "錯誤  DMARC         cma.org.hk 沒有 DMARC 紀錄。" in said
    assert '紀錄：_dmarc.cma.org.hk. TXT "v=DMARC1; p=none;' in said
    assert said.endswith("錯誤 1 項，注意 0 項，良好 8 項。\n")


def test_the_document_says_all_that_a_program_may_want(relay, published, called):
    published.zone["cma.org.hk mx"] = SERVFAIL

    document = json.loads(check("--json")[0])

    assert (document["sender"], document["level"]) == ("research@cma.org.hk", "error")
    (finding,) = (one for one in document["findings"] if one["level"] == "error")
    assert finding["code"] == "mx.failure"
    assert finding["subject"] == "MX"
    assert all(finding[part] for part in ("found", "why", "remedy"))


def test_no_mail_is_begun(relay, published, called):
    check()

    assert relay.handler.senders == []


def test_captured_mail_is_told_kindly(published, settings, tmp_path):
    settings.MAILBOX_DIR = tmp_path
    settings.EMAIL_BACKEND = "subscribers.mailbox.CapturingBackend"

    found = check_as_json()

    assert found["relay.captured"] == "caution"
    assert "error" not in found.values()
    assert check()[1] == 0


def test_a_service_that_is_no_smtp_is_told(published, settings):
    settings.MAILBOX_DIR = None
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    assert check_as_json()["relay.other"] == "caution"


def test_a_relay_on_this_machine_leaves_its_address_outside_to_be_told(
    relay, published, called, settings
):
    settings.EMAIL_HOST, settings.RELAY_ADDRESSES = "localhost", []

    assert check_as_json()["source.unset"] == "caution"


def test_a_relay_elsewhere_is_thought_to_send_by_itself(relay, published, called, settings):
    settings.RELAY_ADDRESSES = []

    assert check_as_json()["source.private"] == "caution"  # it has but an address of the house


def test_the_reverse_name_to_publish_is_the_relays_own(relay, published, called):
    del published.zone["25.0.78.101.in-addr.arpa ptr"]

    assert "紀錄：25.0.78.101.in-addr.arpa. PTR mx.cma.org.hk." in check()[0]


def test_replies_have_to_arrive_as_well(relay, published, called):
    Publication(reply_to="desk@replies.org").save()

    said, status = check()

    assert "replies.org 沒有 MX" in said
    assert status == 1


def test_a_sender_that_is_no_address_is_told(relay, published, called):
    Publication(sender_email="research@＠.hk").save()

    assert check_as_json()["sender.bad"] == "error"


def test_a_domain_that_is_not_there_is_told_once(relay, published, called):
    Publication(sender_email="research@cma.example").save()

    found = check_as_json()

    assert found["sender.no-domain"] == "error"
    assert not any(code.startswith(("spf.", "dmarc.", "mx.")) for code in found)


def test_without_a_network_nothing_fails():
    found = check_as_json()

    assert {"spf.no-network", "dmarc.no-network", "mx.no-network"} <= set(found)
    assert "error" not in found.values()


# ------------------------------------------------------------------------------------- the page
@pytest.fixture
def publisher(client):
    user = User.objects.create_user("lee", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_mailing"))
    client.force_login(user)
    return client


@pytest.fixture
def address() -> str:
    return reverse("admin:domain_health")


def test_nothing_is_asked_before_the_button_is_pressed(publisher, address, published):
    page = publisher.get(address).content.decode()

    assert "research@cma.org.hk" in page
    assert published.asked == []


def test_the_button_shows_what_was_found(publisher, address, relay, published, called):
    del published.zone["_dmarc.cma.org.hk txt"]

    page = publisher.post(address).content.decode()

    assert "cma.org.hk 沒有 DMARC 紀錄。" in page
    assert "_dmarc.cma.org.hk. TXT &quot;v=DMARC1; p=none;" in page
    assert "錯誤 1 項" in page


@pytest.mark.parametrize("codename", ["view_mailing", "change_publication"])
def test_who_sees_mailings_or_changes_the_publication_may_check(client, address, codename):
    user = User.objects.create_user("lee", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename=codename))
    client.force_login(user)

    assert client.get(address).status_code == 200


def test_nobody_else_may(client, address):
    client.force_login(User.objects.create_user("lee", is_staff=True))

    assert client.get(address).status_code == 403
    assert client.post(address).status_code == 403


def test_the_list_of_mailings_leads_there(publisher, address):
    assert (
        address in publisher.get(reverse("admin:subscribers_mailing_changelist")).content.decode()
    )


def test_the_desks_first_page_leads_there(publisher, address):
    assert address in publisher.get(reverse("admin:index")).content.decode()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.slow
def test_axe_finds_nothing_where_much_was_found(desk, live_server, address, relay, published):
    published.zone |= {"cma.org.hk txt": ["v=spf1 ?all"], "cma.org.hk mx": SERVFAIL}

    desk.goto(live_server.url + address)
    desk.get_by_role("button", name="檢查").click()
    desk.get_by_role("status").wait_for()

    assert "v=spf1 ip4:101.78.0.25 ~all" in desk.inner_text("main")
    for scheme in ("light", "dark"):
        desk.emulate_media(color_scheme=scheme)
        # Colours fade from one scheme to the other, and what axe sees meanwhile is neither.
        desk.wait_for_timeout(100)
        desk.evaluate("document.getAnimations().forEach((one) => one.finish())")
        assert Axe().run(desk).response["violations"] == []


@pytest.mark.parametrize("is_published", [False, True])
def test_spf_is_asked_of_the_domain_that_bounces_come_back_to(
    relay, called, settings, is_published
):
    settings.BOUNCE_ADDRESS = "bounces@news.cma.org.hk"
    own = {
        "news.cma.org.hk TXT": [f"v=spf1 ip4:{SOURCE} -all"],
        "news.cma.org.hk MX": ["10 mx.cma.org.hk."],
    }
    with serving(ZONE | own if is_published else ZONE) as server:
        settings.DNS_SERVERS = [server.address]
        levels = check_as_json()

    assert (levels.get("spf.pass") == "good") is is_published
    assert ("error" in levels.values()) is not is_published
