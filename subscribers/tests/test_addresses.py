"""One mailbox is one address, however it was typed."""

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from subscribers.addresses import BadAddress, encode_address, normalise_email, validate_address
from subscribers.models import Frequency, Member


@pytest.mark.parametrize(
    ("typed", "written", "encoded"),
    [
        ("Chan@EXAMPLE.com", "Chan@example.com", "Chan@example.com"),
        (" chan@example.com ", "chan@example.com", "chan@example.com"),
        ("chan@例子.香港", "chan@例子.香港", "chan@xn--fsqu00a.xn--j6w193g"),
        ("chan@xn--fsqu00a.xn--j6w193g", "chan@例子.香港", "chan@xn--fsqu00a.xn--j6w193g"),
        ("chan@例子。香港", "chan@例子.香港", "chan@xn--fsqu00a.xn--j6w193g"),
        # ß is a letter of its own (IDNA 2008), and no longer ss.
        ("chan@faß.de", "chan@faß.de", "chan@xn--fa-hia.de"),
        ("chan@cafe\u0301.fr", "chan@caf\u00e9.fr", "chan@xn--caf-dma.fr"),
        ("o'neil+news@example.com", "o'neil+news@example.com", "o'neil+news@example.com"),
    ],
)
def test_an_address_is_written_in_one_way(typed, written, encoded):
    assert normalise_email(typed) == written
    assert normalise_email(written) == written
    assert encode_address(written) == encoded


@pytest.mark.parametrize(
    "email",
    [
        "陳@example.com",  # few relays would take it
        "a@b＠example.hk",
        "a@[127.0.0.1]",
        '"a b"@example.com',
        "a@example.test",
        f"{'a' * 65}@example.com",
        f"a@{'b' * 64}.com",
        "a@-example.com",
        "=?utf-8?q?a?=@example.com",
        "a\u202e@example.com",
    ],
)
def test_what_no_mail_can_be_sent_to_is_refused(email):
    with pytest.raises(BadAddress):
        encode_address(email)


def test_a_faulty_address_is_told_of_once():
    validate_address("x")  # which the field's own validator tells
    with pytest.raises(ValidationError, match="無法寄信到這個地址"):
        validate_address("a@example.test")


@pytest.mark.django_db
def test_one_mailbox_is_one_member():
    for email in ("chan@例子.香港", "CHAN@xn--fsqu00a.xn--j6w193g", "Chan@例子。香港"):
        Member.objects.sign_up(
            email=email,
            name="",
            frequency=Frequency.EVERY_EDITION,
            themes=[],
            now=timezone.now(),
        )

    assert Member.objects.get().email == "chan@例子.香港"
