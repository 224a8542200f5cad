"""Reports handed over in a real LMTP conversation."""

import asyncio
import smtplib
import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from subscribers.bounces import lmtp
from subscribers.bounces.envelopes import make_return_path
from subscribers.bounces.lmtp import listen
from subscribers.models import MailReport, Member, ReportWay, Suppression
from subscribers.tests.makers import make_delivery, make_mailing
from subscribers.tests.reports import COMPLAINT, HARD, make_report, read_specimen

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

OWN = "bounces@news.example.org"


@pytest.fixture(autouse=True)
def bounce_address(settings):
    settings.BOUNCE_ADDRESS = OWN


@pytest.fixture
def client():
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(listen("127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    port = server.sockets[0].getsockname()[1]
    with smtplib.LMTP("127.0.0.1", port, timeout=10) as client:
        yield client
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.run_until_complete(loop.shutdown_default_executor())
    server.close()
    loop.close()


def hand_over(client: smtplib.LMTP, recipient: str, source: bytes) -> None:
    client.sendmail("", [recipient], source.replace(b"\n", b"\r\n"))


def test_a_bounce_that_is_handed_over_stops_mail(client):
    delivery = make_delivery()

    hand_over(client, make_return_path(delivery.pk), make_report(HARD, delivery))

    assert MailReport.objects.get().way == ReportWay.LMTP
    assert Suppression.objects.standing().get().address == delivery.email


def test_a_complaint_comes_to_the_address_itself(client):
    delivery = make_delivery()

    hand_over(client, OWN, make_report(COMPLAINT, delivery))

    assert not Member.objects.get().is_active


def test_a_forged_bounce_is_taken_and_does_nothing(client):
    delivery = make_delivery()
    forged = f"bounces+{delivery.pk}-aaaaaaaaaaaaaaaa@news.example.org"

    hand_over(client, forged, read_specimen(HARD))

    assert not MailReport.objects.exists()


def test_mail_for_others_is_refused(client):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        client.sendmail("", ["desk@news.example.org"], b"Subject: x\r\n\r\n")

    assert refused.value.recipients["desk@news.example.org"][0] == 550


def test_a_second_recipient_is_to_come_again_by_itself(client):
    one, other = make_mailing(members=2).deliveries.all()
    both = [make_return_path(one.pk), make_return_path(other.pk)]

    refused = client.sendmail("", both, b"Subject: x\r\n\r\n")

    assert {address: code for address, (code, _) in refused.items()} == {both[1]: 452}


def test_several_follow_each_other_over_one_connection(client):
    for delivery in make_mailing(members=3).deliveries.all():
        hand_over(client, make_return_path(delivery.pk), make_report(HARD, delivery))

    assert MailReport.objects.count() == 3


def test_while_the_database_is_away_the_mail_system_keeps_it(client, monkeypatch):
    delivery = make_delivery()

    def fail(*args, **kwargs):
        raise DatabaseError

    monkeypatch.setattr(lmtp, "record_report", fail)

    with pytest.raises(smtplib.SMTPDataError) as refused:
        hand_over(client, make_return_path(delivery.pk), make_report(HARD, delivery))

    assert refused.value.smtp_code == 451


def test_a_message_that_is_too_big_is_refused(client):
    with pytest.raises(smtplib.SMTPException):
        client.sendmail("", [OWN], b"Subject: x\r\n\r\n" + b"x\r\n" * (lmtp.LARGEST_MESSAGE // 2))


def test_without_an_address_for_bounces_the_command_says_so(settings):
    settings.BOUNCE_ADDRESS = ""

    with pytest.raises(CommandError, match="BOUNCE_ADDRESS"):
        call_command("receive_bounces")
