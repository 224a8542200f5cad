"""A copy made of segments says what the message says that Django's own code writes."""

from email import message_from_bytes

import pytest

from subscribers.links import Purpose, make_url, prepare_urls
from subscribers.messages import OF_DELIVERY, OF_MEMBER, build_message
from subscribers.models import ClaimedDelivery, Delivery, Digest
from subscribers.segments import Common, SegmentedMessage
from subscribers.tests.makers import make_delivery, make_mailing


def parse(source: bytes):
    """Headers, and each part's headers and content."""
    return [
        (part.items(), None if part.is_multipart() else part.get_payload(decode=True))
        for part in message_from_bytes(source).walk()
    ]


def claim(delivery: Delivery) -> ClaimedDelivery:
    return ClaimedDelivery(**{name: getattr(delivery, name) for name in ClaimedDelivery._fields})


def write_by_segments(delivery: Delivery) -> bytes:
    segmented = SegmentedMessage(delivery.digest, Common(delivery.mailing))
    return b"".join(segmented.write(0, claim(delivery)).content)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", ["", "陳大文", "Chan Tai Man", "陳大文（永興精密）", "=?utf-8?q?x?=", "甲" * 60]
)
@pytest.mark.parametrize("esp", ["", "brevo", "mailjet", "postmark", "sparkpost"])
def test_the_same_headers_and_parts(settings, name, esp):
    settings.ESP = esp
    settings.BOUNCE_ADDRESS = "bounces@news.example.org"
    delivery = make_delivery(name=name)
    message = build_message(delivery, delivery.digest, delivery.mailing)

    source = write_by_segments(delivery)

    assert parse(source) == parse(message.message().as_bytes(linesep="\r\n"))
    assert source.endswith(b"\r\n")
    assert b"\n" not in source.replace(b"\r\n", b"")
    assert not any(line.startswith(b".") for line in source.split(b"\r\n"))
    assert max(map(len, source.split(b"\r\n"))) <= 998
    copy = SegmentedMessage(delivery.digest, Common(delivery.mailing)).write(3, claim(delivery))
    assert copy[:3] == (3, message.from_email, delivery.email)


@pytest.mark.django_db
def test_a_copy_for_who_has_been_deleted_meanwhile():
    delivery = make_delivery()
    delivery.member.delete()
    delivery.refresh_from_db()
    message = build_message(delivery, delivery.digest, delivery.mailing)

    assert delivery.member_id is None
    source = write_by_segments(delivery)
    assert parse(source) == parse(message.message().as_bytes(linesep="\r\n"))


@pytest.mark.django_db
def test_every_kind_of_slot_is_filled():
    delivery = make_delivery(name="<b>陳&大文</b>")
    slots = "[[greeting]][[salutation]]x[[enter:entry-2]][[/en/preferences]][[/zh-hans/mail]]!"
    Digest.objects.update(text=f"{slots}\n短", html=f"<p>{slots}</p>" * 40)
    delivery.refresh_from_db()
    message = build_message(delivery, delivery.digest, delivery.mailing)

    assert parse(write_by_segments(delivery)) == parse(message.message().as_bytes(linesep="\r\n"))


@pytest.mark.django_db
def test_what_a_mail_says_of_its_pdf_is_escaped_where_it_must_be(monkeypatch):
    words = {"pdf-hant": "<一> & 二", "pdf-hans": "'一'", "pdf-en": '"one" > two'}
    monkeypatch.setattr("subscribers.segments.word_pdf", lambda pdf: words)
    monkeypatch.setattr("subscribers.messages.word_pdf", lambda pdf: words)
    delivery = make_delivery(name="陳大文")
    slots = "[[pdf-hant]]，[[pdf-hans]]，[[pdf-en]]，[[unsubscribe]]"
    Digest.objects.update(text=slots, html=f"<p>{slots}</p>")
    delivery.refresh_from_db()
    message = build_message(delivery, delivery.digest, delivery.mailing)

    source = write_by_segments(delivery)

    assert parse(source) == parse(message.message().as_bytes(linesep="\r\n"))
    html = parse(source)[-1][1].decode()
    assert html.startswith("<p>&lt;一&gt; &amp; 二，&#x27;一&#x27;，")


@pytest.mark.django_db
def test_one_message_is_written_for_each_member():
    mailing = make_mailing(members=4)
    deliveries = list(mailing.deliveries.order_by("pk"))
    segmented = SegmentedMessage(mailing.digests.get(), Common(mailing))

    for number, delivery in enumerate(deliveries):
        delivery.name = "陳大文"[:number]
        copy = segmented.write(0, claim(delivery))
        message = build_message(delivery, delivery.digest, mailing)
        assert parse(b"".join(copy.content)) == parse(message.message().as_bytes(linesep="\r\n"))


@pytest.mark.parametrize("purpose", [*OF_MEMBER, *OF_DELIVERY])
@pytest.mark.parametrize("key", [0, 1, 10**18 - 1])
def test_prepared_links_are_the_same(purpose, key):
    assert prepare_urls(Purpose(purpose))(key) == make_url(purpose, key)
