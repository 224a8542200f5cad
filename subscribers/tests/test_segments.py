"""A copy made of segments says what the message says that Django's own code writes."""

from base64 import b64decode
from email import message_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.addresses import BadAddress, encode_address
from subscribers.links import Purpose, make_url, prepare_urls
from subscribers.messages import OF_DELIVERY, OF_MEMBER, Message, build_message, write_address
from subscribers.models import ClaimedDelivery, Delivery, Digest
from subscribers.segments import Part, SegmentedMessage, encode_recipient, write_to
from subscribers.tests.makers import make_delivery, make_mailing

NAMES = (
    st.text(max_size=60)
    | st.text("陳大文（有限公司）", max_size=40)
    | st.text("ab C9-.", max_size=60)
)
ADDRESSES = st.sampled_from(
    [
        *("chan@example.com", "a.b+c_d@sub.example.hk", "a..b@example.com", ".a@example.com"),
        *("x" * 64 + "@example.com", "x" * 65 + "@example.com", "a@測試.hk", "陳@example.com"),
        *(
            "a@example.test",
            "a@localhost",
            "a@b@c.hk",
            "",
            "a@",
            "o'neil@example.com",
            "A@Example.COM",
        ),
        *(
            '"a b"@example.com',
            f"a@{'b' * 63}.hk",
            f"a@{'b' * 64}.hk",
            "a@1.2.3.4",
            "a@xn--0zwm56d.hk",
        ),
    ]
)


def parse(source: bytes):
    """Headers, and each part's headers and content."""
    return [
        (part.items(), None if part.is_multipart() else part.get_payload(decode=True))
        for part in message_from_bytes(source).walk()
    ]


def claim(delivery: Delivery) -> ClaimedDelivery:
    return ClaimedDelivery(**{name: getattr(delivery, name) for name in ClaimedDelivery._fields})


def write_by_segments(delivery: Delivery) -> bytes:
    segmented = SegmentedMessage(delivery.digest, delivery.mailing)
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
    copy = SegmentedMessage(delivery.digest, delivery.mailing).write(3, claim(delivery))
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


@pytest.mark.parametrize("near", ["100%b %% ", "5%" * 200])
def test_percent_signs_stand_for_themselves(near):
    text = f"{near}[[greeting]] %s{near}[[mail]]%"
    values = {"greeting": "%b%%", "mail": "%d"}

    lines = b"".join(Part(text).fill(values))

    assert b64decode(lines).decode() == f"{near}%b%% %s{near}%d%"


@given(st.lists(st.text(max_size=200) | st.just("[[greeting]]") | st.just("[[mail]]"), max_size=12))
def test_base64_of_shared_pieces_is_that_of_the_whole(pieces):
    text = "".join(pieces)
    values = {"greeting": "陳大文，您好：", "mail": "https://example.org/m"}
    lines = b"".join(Part(text).fill(values))

    expected = text.replace("[[greeting]]", values["greeting"]).replace("[[mail]]", values["mail"])
    assert b64decode(lines).decode() == expected
    assert all(len(line) <= 76 for line in lines.split(b"\r\n"))
    assert b"=" not in lines.rstrip(b"=\r\n")


@given(st.lists(st.text(max_size=9), min_size=2, max_size=12))
def test_one_text_is_filled_for_names_of_any_length(names):
    text = "甲" * 40 + "[[greeting]]" + "乙" * 50 + "[[greeting]]丙[[mail]]" + "丁" * 60
    part = Part(text)

    for name in names:
        lines = b"".join(part.fill({"greeting": name, "mail": f"/m/{name}"}))
        filled = text.replace("[[greeting]]", name).replace("[[mail]]", f"/m/{name}")
        assert b64decode(lines).decode() == filled


@pytest.mark.django_db
def test_one_message_is_written_for_each_member():
    mailing = make_mailing(members=4)
    deliveries = list(mailing.deliveries.order_by("pk"))
    segmented = SegmentedMessage(mailing.digests.get(), mailing)

    for number, delivery in enumerate(deliveries):
        delivery.name = "陳大文"[:number]
        copy = segmented.write(0, claim(delivery))
        message = build_message(delivery, delivery.digest, mailing)
        assert parse(b"".join(copy.content)) == parse(message.message().as_bytes(linesep="\r\n"))


@given(NAMES, ADDRESSES)
def test_to_is_what_django_makes_of_it(name, email):
    try:
        header = write_address(name, email)
    except BadAddress:
        with pytest.raises(BadAddress):
            encode_recipient(email)
        return
    expected = Message(headers={"To": header}).message().as_bytes(linesep="\r\n")

    to = write_to(name, email, encode_recipient(email))
    assert f"\r\nTo: {to}\r\n".encode() in b"\r\n" + expected


@given(ADDRESSES | st.emails())
def test_the_recipient_is_encoded_as_ever(email):
    try:
        expected = encode_address(email)
    except BadAddress:
        with pytest.raises(BadAddress):
            encode_recipient(email)
    else:
        assert encode_recipient(email) == expected


@pytest.mark.parametrize("purpose", [*OF_MEMBER, *OF_DELIVERY])
@pytest.mark.parametrize("key", [0, 1, 10**18 - 1])
def test_prepared_links_are_the_same(purpose, key):
    assert prepare_urls(Purpose(purpose))(key) == make_url(purpose, key)
