"""Reports fetched in a real IMAP conversation."""

import imaplib

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from subscribers.bounces import imap
from subscribers.bounces.imap import READ_FOLDER, read_folder
from subscribers.models import MailReport, ReportWay, Suppression
from subscribers.tasks import poll_bounces
from subscribers.tests.imap_server import running_imap
from subscribers.tests.makers import make_delivery, make_mailing
from subscribers.tests.reports import HARD, make_report, read_specimen

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def bounce_address(settings):
    settings.BOUNCE_ADDRESS = "bounces@news.example.org"


@pytest.fixture(params=[True, False], ids=["moves", "copies and deletes"])
def boxes(request):
    with running_imap(can_move=request.param) as boxes:
        yield boxes


def poll(boxes, folder="INBOX") -> int:
    with imaplib.IMAP4("127.0.0.1", boxes.port) as connection:
        connection.login("reader", "a secret")
        return read_folder(connection, folder, timezone.now())


def test_a_bounce_in_the_mailbox_is_recorded_and_moved(boxes):
    boxes.deliver(make_report(HARD, make_delivery()))

    assert poll(boxes) == 1
    assert MailReport.objects.get().way == ReportWay.IMAP
    assert Suppression.objects.standing().count() == 1
    assert [len(boxes.folders[name]) for name in ("INBOX", READ_FOLDER)] == [0, 1]


def test_polling_again_finds_nothing(boxes):
    boxes.deliver(make_report(HARD, make_delivery()))
    poll(boxes)

    assert poll(boxes) == 0


def test_the_same_bounce_delivered_twice_counts_once(boxes):
    source = make_report(HARD, make_delivery())
    boxes.deliver(source)
    boxes.deliver(source)

    assert poll(boxes) == 1


def test_what_is_no_report_and_what_is_forged_is_moved_too(boxes):
    boxes.deliver(read_specimen("other/a-person-answers"))
    boxes.deliver(read_specimen(HARD))

    assert poll(boxes) == 0
    assert len(boxes.folders[READ_FOLDER]) == 2
    assert not MailReport.objects.exists()


def test_of_a_huge_message_only_the_beginning_is_fetched(boxes, monkeypatch):
    monkeypatch.setattr(imap, "LARGEST", 5_000)
    boxes.deliver(make_report(HARD, make_delivery()) + b"x" * 1_000_000)

    assert poll(boxes) == 1


def test_so_many_at_once_and_the_rest_the_next_time(boxes, monkeypatch):
    monkeypatch.setattr(imap, "MOST_AT_ONCE", 2)
    for delivery in make_mailing(members=3).deliveries.all():
        boxes.deliver(make_report(HARD, delivery))

    assert (poll(boxes), poll(boxes)) == (2, 1)


def test_a_slow_server_does_not_keep_the_worker_past_the_next_poll(boxes, monkeypatch):
    monkeypatch.setattr(imap, "LONGEST_POLL", 0)
    for delivery in make_mailing(members=2).deliveries.all():
        boxes.deliver(make_report(HARD, delivery))

    assert (poll(boxes), poll(boxes)) == (1, 1)


def test_a_poll_that_died_before_moving_reads_it_again_and_counts_it_once():
    with running_imap() as boxes:
        boxes.deliver(make_report(HARD, make_delivery()))
        boxes.before_move = lambda: 1 / 0
        with pytest.raises((imaplib.IMAP4.error, OSError)):
            poll(boxes)
        boxes.before_move = lambda: None

        assert poll(boxes) == 0

    assert MailReport.objects.count() == 1


def test_a_folder_that_is_not_there_is_told(boxes):
    with pytest.raises(imaplib.IMAP4.error, match="no such folder"):
        poll(boxes, folder="Bounces")


@pytest.mark.parametrize(
    "url", ["", "imap://reader:secret@127.0.0.1", "imaps://reader:secret@127.0.0.1:1"]
)
def test_without_a_mailbox_and_without_tls_the_command_says_so(settings, url):
    settings.BOUNCE_IMAP_URL = url

    with pytest.raises(CommandError):
        call_command("poll_bounces")


def test_a_server_without_tls_is_not_told_the_password(settings):
    with running_imap() as boxes:
        settings.BOUNCE_IMAP_URL = f"imaps://reader:a%20secret@127.0.0.1:{boxes.port}"

        with pytest.raises(CommandError, match="SSL"):
            call_command("poll_bounces")


def test_a_server_that_is_down_is_one_line_in_the_log_and_no_traceback(settings, caplog):
    with running_imap() as boxes:
        settings.BOUNCE_IMAP_URL = f"imaps://reader:a%20secret@127.0.0.1:{boxes.port}"

    poll_bounces()

    (record,) = caplog.records
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    assert "refused" in record.getMessage()
    assert "\n" not in caplog.text.strip()
