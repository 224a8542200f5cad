from email import message_from_bytes
from email.header import decode_header, make_header
from email.utils import parseaddr, parsedate_to_datetime

import pytest
from django.utils import timezone

from briefings.models import Publication
from subscribers.addresses import encode_address
from subscribers.links import Purpose, make_url
from subscribers.messages import build_confirmation, build_message
from subscribers.models import Delivery, Digest, MemberState
from subscribers.tests.makers import make_delivery, make_mailing, make_member, read_message

pytestmark = pytest.mark.django_db


def build(delivery):
    return build_message(delivery, delivery.digest, delivery.mailing).message().as_bytes()


def test_a_message_built_twice_has_the_same_bytes():
    delivery = make_delivery(name="陳大文")
    again = Delivery.objects.get(pk=delivery.pk)

    assert build(delivery) == build(again)


def test_editing_the_publication_or_the_edition_changes_no_opened_message():
    delivery = make_delivery()
    before = build(delivery)
    Publication(name="別的名稱", sender_email="other@example.org").save()
    entry = delivery.mailing.edition.entries.first()
    entry.headline = "改了"
    entry.save()

    assert build(Delivery.objects.get(pk=delivery.pk)) == before


def test_the_headers_of_a_mailing():
    delivery = make_delivery(name="陳大文")
    mailing = delivery.mailing

    message = read_message(build(delivery))

    leave = make_url(Purpose.UNSUBSCRIBE, delivery.member_id)
    assert message["From"] == "政策短評 <research@cma.org.hk>"
    assert message["To"] == f"陳大文 <{delivery.email}>"
    assert message["Subject"] == delivery.digest.subject
    assert parsedate_to_datetime(message["Date"]) == mailing.opened_at.replace(microsecond=0)
    assert message["Message-ID"].startswith(f"<m{mailing.pk}.d{delivery.pk}.")
    assert message["Message-ID"].endswith("@cma.org.hk>")
    assert message["List-Id"] == "<members.cma.org.hk>"
    assert message["List-Unsubscribe"] == f"<{leave}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Precedence"] == "bulk"


def test_answers_go_where_the_publication_wants_them():
    Publication(reply_to="editor@cma.org.hk").save()

    message = read_message(build(make_delivery()))

    assert message["Reply-To"] == "editor@cma.org.hk"


def test_text_and_html_travel_in_base64_and_short_lines():
    source = build(make_delivery(name="陳" * 60))

    message = read_message(source)
    parts = list(message.iter_parts())
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert {part["Content-Transfer-Encoding"] for part in parts} == {"base64"}
    assert source.isascii()
    assert max(map(len, source.splitlines())) <= 998


def test_the_text_inside_has_the_line_ends_of_mail():
    message = read_message(build(make_delivery()))

    text = message.get_body(("plain",)).get_payload(decode=True)

    assert text.count(b"\n") == text.count(b"\r\n") > 5


def test_greeting_and_links_are_the_members_own():
    delivery = make_delivery(name="陳<b>大文")

    message = read_message(build(delivery))

    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert "陳<b>大文，您好：" in text
    assert "陳&lt;b&gt;大文，您好：" in html
    for purpose, pk in (
        (Purpose.UNSUBSCRIBE, delivery.member_id),
        (Purpose.PREFERENCES, delivery.member_id),
        (Purpose.MAIL, delivery.pk),
    ):
        assert make_url(purpose, pk) in text
        assert f'href="{make_url(purpose, pk)}"' in html
    assert "[[" not in text + html


@pytest.mark.parametrize(
    "name", ["甲\r\nBcc: x@example.com", "a\nBcc: x@example.com", "\x00乙\u2028"]
)
def test_a_name_cannot_add_a_header(name):
    delivery = make_delivery()
    delivery.name = name

    message = read_message(build(delivery))

    assert message["Bcc"] is None
    assert [address.addr_spec for address in message["To"].addresses] == [delivery.email]


def test_a_subject_cannot_add_a_header():
    delivery = make_delivery()
    delivery.digest.subject = "短評\r\nBcc: x@example.com\r\n\r\nbody"

    message = read_message(build(delivery))

    assert message["Bcc"] is None
    assert message["Subject"] == "短評 Bcc: x@example.com body"


@pytest.mark.parametrize(
    "name", ["Chan, Tai Man", 'Chan "T" <x@y>', "陳大文", "長" * 60, "a" * 60, ""]
)
def test_names_of_every_kind_come_back_as_they_were(name):
    delivery = make_delivery(name=name)

    # Not by the newer parser, which puts spaces between the encoded words of a name.
    header = message_from_bytes(build(delivery))["To"]
    written, address = parseaddr(header)
    assert str(make_header(decode_header(written))) == name
    assert address == delivery.email


@pytest.mark.parametrize("email", ["chan@example.com", "chan@例子.香港"])
@pytest.mark.parametrize(
    "name", ["=?utf-8?q?a=0d=0aBcc:_x?=", "陳 =?utf-8?q?a=0d=0aBcc:_x?=", "=?utf-8?b?" + "a" * 50]
)
def test_a_name_that_looks_encoded_is_read_as_it_was_typed(name, email):
    delivery = make_delivery(name=name, email=email)

    source = build(delivery)

    written, address = parseaddr(message_from_bytes(source)["To"])
    assert str(make_header(decode_header(written))) == name
    assert address == encode_address(email)
    assert read_message(source)["To"].addresses[0].display_name.replace(" ", "") == (
        name.replace(" ", "")
    )


def test_a_long_chinese_subject_is_folded_between_characters():
    delivery = make_delivery()
    Digest.objects.update(subject="新質生產力" * 24)

    message = read_message(build(Delivery.objects.get(pk=delivery.pk)))

    assert message["Subject"] == "新質生產力" * 24


def test_no_two_deliveries_share_a_message_id():
    mailing = make_mailing(members=3)

    ids = {read_message(build(delivery))["Message-ID"] for delivery in mailing.deliveries.all()}

    assert len(ids) == 3


def test_who_asks_to_join_gets_a_link_to_confirm():
    member = make_member(state=MemberState.PENDING)

    message = build_confirmation(member)

    assert "/subscribe/confirm/" in message.body
    assert message.to == [member.email]
    assert "List-Unsubscribe" not in message.extra_headers


def test_a_member_who_asks_to_join_gets_a_link_to_the_preferences():
    message = build_confirmation(make_member())

    assert "/preferences/" in message.body
    assert "/subscribe/confirm/" not in message.body


def test_what_a_stranger_typed_as_a_name_is_in_no_mail_to_who_has_not_confirmed():
    member = make_member(state=MemberState.PENDING, name="贏取大獎 example.com")

    message = read_message(build_confirmation(member).message().as_bytes())

    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert "大獎" not in text + html + message["To"]
    assert "您好：" in text
    assert "您好：" in html


def test_a_member_who_asks_to_join_is_greeted_by_name():
    message = build_confirmation(make_member(name="陳大文"))

    assert message.body.startswith("陳大文，您好：")
    assert "陳大文，您好：" in message.alternatives[0].content


def test_dates_are_hong_kongs():
    message = read_message(build(make_delivery()))

    assert message["Date"].endswith("+0800")
    assert timezone.get_default_timezone_name() == "Asia/Hong_Kong"


def test_the_answer_to_a_wish_to_join_is_dated_in_hong_kong_too():
    message = build_confirmation(make_member()).message()

    assert message["Date"].endswith("+0800")
