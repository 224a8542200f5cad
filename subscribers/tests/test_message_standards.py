"""A mailing as a relay gets it, header by header against the documents that define it."""

import re
from email import message_from_bytes
from email.header import decode_header
from email.utils import parsedate_to_datetime

import pytest
from django.test import Client

from briefings.models import Publication
from briefings.tests.makers import make_published
from subscribers.models import Delivery
from subscribers.tasks import send_chunk
from subscribers.tests.makers import make_mailing, make_member, running_relay

ONCE = (
    *("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"),
    *("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Auto-Submitted", "Feedback-ID"),
)
ENCODED_WORD = re.compile(r"=\?[^?]+\?[bBqQ]\?[^?]*\?=")


@pytest.fixture
def source(settings, transactional_db) -> bytes:
    """As it went over the wire."""
    settings.SITE_URL = "https://policy.example.org"
    Publication(reply_to="editor@cma.org.hk").save()
    edition = make_published(
        {
            "headline": "新質生產力與“智能製造”的五個條件：由試點走向量產的漫長路程",
            "body": "<p>字</p>",
        }
    )
    make_member(name="陳大文" * 15, email="reader@example.com")
    mailing = make_mailing(members=0, edition=edition)
    with running_relay() as relay:
        first = Delivery.objects.get().pk
        send_chunk(mailing.pk, first, first)
    ((_, sent),) = relay.accepted
    return sent


pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def split(source: bytes) -> tuple[bytes, bytes]:
    head, _, body = source.partition(b"\r\n\r\n")
    return head, body


def test_lines_are_short_and_end_as_mail_lines_do(source):
    """RFC 5322, 2.1.1 and 2.3: 998 characters at most, CR and LF only together."""
    assert max(map(len, source.split(b"\r\n"))) <= 998
    assert re.search(rb"\r(?!\n)|(?<!\r)\n", source) is None
    assert source.isascii()


def test_each_header_stands_once(source):
    """RFC 5322, 3.6, and for List-Id RFC 2919, 3: a message has not more than one of each."""
    message = message_from_bytes(source)

    for name in ONCE:
        assert len(message.get_all(name, [])) == 1, name
    assert len(message.get_all("Reply-To")) == 1


def test_origin_date_and_identity(source):
    """RFC 5322, 3.4 and 3.6: an address, a date with its zone, an ID that is dot-atom@domain."""
    message = message_from_bytes(source)

    assert re.fullmatch(r".* <research@cma\.org\.hk>", message["From"], re.DOTALL)
    assert parsedate_to_datetime(message["Date"]).utcoffset() is not None
    assert re.fullmatch(r"<[\w.]+@[\w.-]+>", message["Message-ID"], re.ASCII)


def test_encoded_words_are_whole_and_short(source):
    """RFC 2047, 2 and 5: at most 75 characters, in lines of at most 76, and each by itself text."""
    head, _ = split(source)
    words = ENCODED_WORD.findall(head.decode())

    assert len(words) > 4
    for word in words:
        assert len(word) <= 75
        ((octets, charset),) = decode_header(word)
        octets.decode(charset)  # a character cut in two would fail
    for line in head.decode().split("\r\n"):
        assert len(line) <= 76 or not ENCODED_WORD.search(line)


def test_the_list_names_itself(source):
    """RFC 2919, 3: a dot-atom in angle brackets, of a domain that is ours."""
    list_id = message_from_bytes(source)["List-Id"]

    assert re.fullmatch(r"<[a-z0-9-]+(\.[a-z0-9-]+)+>", list_id)
    assert list_id.endswith(".cma.org.hk>")
    assert len(list_id) <= 257


def test_leaving_is_one_address_in_brackets_on_one_line(source):
    """RFC 2369, 2 and 3.2, and RFC 8058, 3.1: an HTTPS address, of which there is but one."""
    head, _ = split(source)
    message = message_from_bytes(source)

    assert re.fullmatch(r"<https://policy\.example\.org/[\w./-]+>", message["List-Unsubscribe"])
    assert b"List-Unsubscribe: <https://" in head
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_one_click_does_it_without_cookies_a_form_or_a_redirect(source):
    """RFC 8058, 3.1 and 3.2."""
    address = message_from_bytes(source)["List-Unsubscribe"].strip("<>")
    path = address.removeprefix("https://policy.example.org")

    answer = Client(enforce_csrf_checks=True).post(path, {"List-Unsubscribe": "One-Click"})

    assert answer.status_code == 200
    assert Delivery.objects.get().member.state == "unsubscribed"


def test_nobody_answers_it_automatically(source):
    """RFC 3834, 5: anything but "no"."""
    assert message_from_bytes(source)["Auto-Submitted"] == "auto-generated"


def test_complaints_can_be_counted(source):
    """Gmail's Feedback-ID: three parts and the sender's own, of 5 to 15 characters."""
    campaign, kind, purpose, sender = message_from_bytes(source)["Feedback-ID"].split(":")

    assert (campaign[0], kind, purpose) == ("m", "edition", "members")
    assert re.fullmatch(r"\w{5,15}", sender)


def test_both_parts_are_there_the_simplest_first(source):
    """RFC 2046, 5.1.4; and a boundary that can be in neither of them."""
    message = message_from_bytes(source)
    parts = message.get_payload()

    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert {part.get_content_charset() for part in parts} == {"utf-8"}
    boundary = message.get_boundary().encode()
    _, body = split(source)
    assert body.count(boundary) == 3
