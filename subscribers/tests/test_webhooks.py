"""What mail services post, taken in a real request."""

import json
import logging

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from subscribers.bounces import webhooks
from subscribers.bounces.webhooks import ESPS
from subscribers.checks import check_esp
from subscribers.delivery import send_chunk
from subscribers.messages import make_message_id
from subscribers.models import (
    ConsentAct,
    ConsentRecord,
    ConsentWay,
    Delivery,
    DeliveryState,
    MailReport,
    Member,
    MemberState,
    RecordedKind,
    ReportWay,
    Suppression,
)
from subscribers.personal_data import erase_member
from subscribers.tests.esp_events import (
    KINDS,
    SECRET,
    SENT_WITH,
    SIGNING_KEY,
    make_payload,
    post_as,
    post_event,
    sign_for_mailgun,
    wrap_in_sns,
)
from subscribers.tests.makers import make_delivery, make_mailing, read_message

pytestmark = pytest.mark.django_db
NOW = timezone.now()
HARD = "hard"


@pytest.fixture(autouse=True)
def secret(settings):
    settings.ESP = "postmark"
    settings.ANYMAIL_WEBHOOK_SECRET = [SECRET]
    settings.ANYMAIL_MAILGUN_WEBHOOK_SIGNING_KEY = SIGNING_KEY


def make_sent() -> Delivery:
    return make_delivery(state=DeliveryState.SENT, claimed_at=NOW, sent_at=NOW)


# ------------------------------------------------------------------------------ what counts


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("esp", ESPS)
def test_each_service_tells_of_each_kind(client, settings, esp, kind):
    settings.ESP = esp
    delivery = make_sent()

    response = post_as(client, esp, kind, delivery)

    assert response.status_code == 200
    row = MailReport.objects.get()
    assert (row.delivery, row.kind, row.way) == (delivery, kind, ReportWay.WEBHOOK)
    assert Suppression.objects.exists() == (kind != "soft")
    assert Member.objects.get().is_active == (kind != "complaint")


def test_a_service_needs_no_token_against_forged_forms():
    client = Client(enforce_csrf_checks=True)

    assert post_as(client, "postmark", HARD, make_sent()).status_code == 200


def test_the_words_of_the_refusing_mail_system_are_kept(client):
    post_as(client, "postmark", HARD, make_sent())

    row = MailReport.objects.get()
    assert (row.status, row.address) == ("5.1.1", row.delivery.email)
    assert "does not exist" in row.text


def test_the_words_count_for_more_than_what_the_service_makes_of_them(client):
    delivery = make_sent()
    payload = make_payload("postmark", HARD, delivery)
    payload["Details"] = "smtp;550 5.7.1 Rejected as spam by policy"

    post_event(client, "postmark", payload)

    assert MailReport.objects.get().kind == RecordedKind.POLICY


def test_where_the_words_say_nothing_the_service_decides(client):
    delivery = make_sent()
    payload = make_payload("postmark", HARD, delivery)
    payload["Details"] = "smtp;550 no"

    post_event(client, "postmark", payload)

    assert MailReport.objects.get().kind == RecordedKind.HARD


def test_what_the_service_itself_did_not_send_stops_nothing(client):
    payload = make_payload("postmark", HARD, make_sent())
    payload |= {"Type": "Blocked", "Description": "", "Details": ""}

    post_event(client, "postmark", payload)

    assert MailReport.objects.get().kind == RecordedKind.POLICY
    assert not Suppression.objects.exists()


def test_who_unsubscribes_at_the_service_is_unsubscribed_here(client):
    delivery = make_sent()
    own_id = make_message_id(delivery.pk, delivery.mailing)
    change = {
        "RecordType": "SubscriptionChange",
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Recipient": delivery.email,
        "Origin": "Recipient",
        "SuppressSending": True,
        "SuppressionReason": "ManualSuppression",
        "ChangedAt": "2026-01-27T14:59:38Z",
        "Metadata": {"message-id": own_id.strip("<>")},
    }

    post_event(client, "postmark", change)

    assert Member.objects.get().state == MemberState.UNSUBSCRIBED
    assert ConsentRecord.objects.get(act=ConsentAct.WITHDRAWN).way == ConsentWay.SERVICE
    assert not MailReport.objects.exists()


@pytest.mark.parametrize("kind", ["Delivery", "Open", "Transient", "DnsError"])
def test_what_says_nothing_of_how_it_ended_is_not_kept(client, kind):
    payload = make_payload("postmark", HARD, make_sent())
    payload["RecordType" if kind in ("Delivery", "Open") else "Type"] = kind

    assert post_event(client, "postmark", payload).status_code == 200
    assert not MailReport.objects.exists()


@pytest.mark.parametrize("esp", ESPS)
def test_the_same_event_twice_counts_once(client, settings, esp):
    settings.ESP = esp
    delivery = make_sent()

    answers = [post_as(client, esp, HARD, delivery).status_code for _ in range(2)]

    assert answers == [200, 200]
    assert MailReport.objects.count() == 1


def test_many_events_come_at_once(client, settings):
    settings.ESP = "sendgrid"
    deliveries = make_mailing(members=3).deliveries.all()
    events = [event for copy in deliveries for event in make_payload("sendgrid", HARD, copy)]

    post_event(client, "sendgrid", events)

    assert Suppression.objects.count() == 3


def test_the_return_path_identifies_a_copy_where_the_headers_are_not_told(client, settings):
    settings.ESP = "amazon_ses"
    settings.BOUNCE_ADDRESS = "bounces@news.example.org"
    payload = make_payload("amazon_ses", HARD, make_sent())
    said = json.loads(payload["Message"])
    del said["mail"]["headers"], said["mail"]["commonHeaders"]
    payload["Message"] = json.dumps(said)

    post_event(client, "amazon_ses", payload, **SENT_WITH["amazon_ses"])

    assert Suppression.objects.count() == 1


# -------------------------------------------------------------------------- what counts not


@pytest.mark.parametrize("esp", ESPS)
def test_without_the_secret_an_event_does_nothing(client, settings, esp):
    settings.ESP = esp
    delivery = make_sent()

    response = client.post(
        f"/webhooks/{esp}/",
        json.dumps(make_payload(esp, HARD, delivery)),
        content_type="application/json",
        headers=SENT_WITH.get(esp, {}),
    )

    assert response.status_code in (401, 403)
    assert not MailReport.objects.exists()


@pytest.mark.parametrize("wrong", ["", "hooks", "hooks:another", ":", "None"])
def test_with_a_wrong_secret_an_event_does_nothing(client, wrong):
    assert post_as(client, "postmark", HARD, make_sent(), secret=wrong).status_code == 403
    assert not MailReport.objects.exists()


def test_either_of_two_secrets_will_do_while_they_are_changed(client, settings):
    settings.ANYMAIL_WEBHOOK_SECRET = ["hooks:the new one", SECRET]

    assert post_as(client, "postmark", HARD, make_sent()).status_code == 200


def test_a_wrong_signature_does_nothing(client, settings):
    settings.ESP = "mailgun"
    payload = make_payload("mailgun", HARD, make_sent())
    payload["signature"] = sign_for_mailgun("another key")

    assert post_event(client, "mailgun", payload).status_code == 403
    assert not MailReport.objects.exists()


@pytest.mark.parametrize("esp", ESPS)
def test_without_a_secret_set_there_is_no_such_address(client, settings, esp):
    settings.ESP = esp
    settings.ANYMAIL_WEBHOOK_SECRET = []

    assert post_as(client, esp, HARD, make_sent(), secret="").status_code == 404
    assert not MailReport.objects.exists()


def test_another_service_than_ours_is_not_listened_to(client):
    assert post_as(client, "sparkpost", HARD, make_sent()).status_code == 404


@pytest.mark.parametrize("bounce_address", ["", "bounces@news.example.org"])
@pytest.mark.parametrize("esp", ESPS)
def test_a_copy_that_went_to_another_address_is_not_meant(client, settings, esp, bounce_address):
    settings.ESP = esp
    settings.BOUNCE_ADDRESS = bounce_address
    delivery = make_sent()
    delivery.email = "somebody.else@example.com"

    assert post_as(client, esp, HARD, delivery).status_code == 200
    assert not MailReport.objects.exists()


@pytest.mark.parametrize("change", [("m", "m9"), (".d", ".d9"), ("@", "0@"), ("@", "@evil.")])
def test_a_message_id_that_is_nearly_right_is_nobodys(client, change):
    delivery = make_sent()
    payload = make_payload("postmark", HARD, delivery)
    own_id = payload["Metadata"]["message-id"]
    payload["Metadata"]["message-id"] = own_id.replace(*change, 1)

    post_event(client, "postmark", payload)

    assert not MailReport.objects.exists()


def test_an_event_about_somebody_elses_mail_does_nothing(client):
    payload = make_payload("postmark", HARD, make_sent()) | {"Metadata": {}}

    assert post_event(client, "postmark", payload).status_code == 200
    assert not MailReport.objects.exists()


def test_an_event_of_a_deleted_member_harms_nobody(client):
    delivery = make_sent()
    payload = make_payload("postmark", "complaint", delivery)
    erase_member(delivery.member, NOW, way=ConsentWay.DESK)

    assert post_event(client, "postmark", payload).status_code == 200
    assert not Suppression.objects.exists()


# ------------------------------------------------------------------------------ the answers

ODD = [
    "",
    "{",
    "null",
    "[]",
    "{}",
    "[[]]",
    '"words"',
    "[null]",
    '{"msys": {"message_event": {"type": []}}}',
    '{"event-data": 5}',
    '{"RecordType": "Bounce", "Type": {}, "Email": [], "BouncedAt": 5}',
    '{"event": {}, "email": {"a": 1}, "X-Mailin-custom": "not JSON"}',
    '[{"event": "bounce", "hard_bounce": [], "error": {}, "time": "soon"}]',
    "[" * 100_000,
    "\ud800\x00".encode("utf-8", "surrogatepass").decode("latin-1"),
]


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("esp", ESPS)
def test_odd_payloads_are_answered_and_do_nothing(client, settings, esp, odd):
    settings.ESP = esp

    response = post_event(client, esp, odd, **SENT_WITH.get(esp, {}))

    assert response.status_code in (200, 400, 403)
    assert not MailReport.objects.exists()


def test_a_huge_payload_is_refused(client):
    assert post_event(client, "postmark", "x" * 3_000_000).status_code == 413


def test_what_cannot_be_read_does_not_fill_the_log(client, settings, caplog):
    settings.ESP = "amazon_ses"

    post_event(client, "amazon_ses", "{" + "x" * 100_000, **SENT_WITH["amazon_ses"])

    assert len(caplog.text) < 1_000


def test_while_the_database_is_away_the_service_is_told_to_try_again(client, monkeypatch):
    def fail(*args):
        raise DatabaseError("away")

    monkeypatch.setattr(webhooks, "record_event", fail)

    assert post_as(client, "postmark", HARD, make_sent()).status_code == 503


def test_a_browser_finds_nothing_to_see(client):
    assert client.get("/webhooks/postmark/").status_code == 405


def test_amazon_subscribes_by_an_address_that_a_person_opens(client, settings, caplog):
    settings.ESP = "amazon_ses"
    url = "https://sns.ap-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    payload = wrap_in_sns("SubscriptionConfirmation", SubscribeURL=url, Token="t")
    headers = SENT_WITH["amazon_ses"] | {"X-Amz-Sns-Message-Type": "SubscriptionConfirmation"}

    with caplog.at_level(logging.WARNING):
        assert post_event(client, "amazon_ses", payload, **headers).status_code == 200

    assert url in caplog.text


def test_amazon_is_asked_for_the_secret_before_it_gives_it(client, settings):
    settings.ESP = "amazon_ses"

    response = client.post("/webhooks/amazon_ses/", "{}", content_type="application/json")

    assert (response.status_code, "WWW-Authenticate" in response) == (401, True)


# ------------------------------------------------------------------------------ the mail


@pytest.mark.parametrize(
    ("esp", "header"),
    [
        ("brevo", "X-Mailin-custom"),
        ("mailjet", "X-MJ-EventPayload"),
        ("postmark", "X-PM-Metadata-message-id"),
        ("sparkpost", "X-MSYS-API"),
    ],
)
def test_a_service_that_replaces_the_message_id_is_given_it_in_a_header(
    relay, settings, esp, header
):
    settings.ESP = esp
    mailing = make_mailing()
    delivery = mailing.deliveries.get()

    send_chunk(mailing.pk, delivery.pk, delivery.pk)

    message = read_message(relay.accepted[0][1])
    assert message["Message-ID"].strip("<>") in message[header]


@pytest.mark.parametrize("esp", ["", "amazon_ses", "mailgun", "sendgrid"])
def test_else_mail_carries_no_such_header(relay, settings, esp):
    settings.ESP = esp
    mailing = make_mailing()
    delivery = mailing.deliveries.get()

    send_chunk(mailing.pk, delivery.pk, delivery.pk)

    headers = read_message(relay.accepted[0][1]).keys()
    assert not [name for name in headers if name.startswith("X-")]


# -------------------------------------------------------------------------- the settings


@pytest.mark.parametrize(
    ("esp", "secrets"),
    [("", []), ("postmark", []), ("postmark", ["a:b"]), ("mailgun", ["a:b", "c:d"])],
)
def test_settings_that_work_are_accepted(settings, esp, secrets):
    settings.ESP, settings.ANYMAIL_WEBHOOK_SECRET = esp, secrets

    assert check_esp() == []


@pytest.mark.parametrize(
    ("esp", "secrets", "key"),
    [
        ("pigeon", [], ""),
        ("", ["a:b"], ""),
        ("postmark", ["a"], ""),
        ("postmark", ["a:"], ""),
        ("postmark", [":b"], ""),
        ("mailgun", ["a:b"], ""),
    ],
)
def test_settings_that_would_not_work_are_refused(settings, esp, secrets, key):
    settings.ESP, settings.ANYMAIL_WEBHOOK_SECRET = esp, secrets
    settings.ANYMAIL_MAILGUN_WEBHOOK_SIGNING_KEY = key

    assert [error.id for error in check_esp()] == ["subscribers.E004"]
