"""A delivery's own address for bounces: whose it is can be read, and not made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.bounces.envelopes import make_return_path, read_return_path
from subscribers.checks import check_bounce_address
from subscribers.delivery import send_chunk
from subscribers.tests.makers import make_mailing, read_message


@pytest.fixture(autouse=True)
def bounce_address(settings):
    settings.BOUNCE_ADDRESS = "Bounces@news.example.org"


def test_the_address_holds_the_delivery_number():
    assert make_return_path(42).startswith("Bounces+42-")


@given(st.integers(min_value=1, max_value=2**63 - 1))
def test_what_is_made_is_read_back(number):
    assert read_return_path(make_return_path(number)) == number


def test_the_longest_one_fits_into_an_envelope():
    local, _, _ = make_return_path(2**63 - 1).rpartition("@")

    assert len(local) <= 64


def test_the_case_of_letters_does_not_matter():
    assert read_return_path(make_return_path(42).upper()) == 42


def test_it_is_read_with_the_brackets_of_an_envelope():
    assert read_return_path(f"<{make_return_path(42)}>") == 42


@pytest.mark.parametrize(
    "address",
    [
        "bounces@news.example.org",
        "bounces+42@news.example.org",
        "bounces+42-aaaaaaaaaaaaaaaa@news.example.org",
        "bounces+042-aaaaaaaaaaaaaaaa@news.example.org",
        "bounces+４２-aaaaaaaaaaaaaaaa@news.example.org",
        "+-@news.example.org",
        "",
        "@",
    ],
)
def test_another_address_is_nobodys(address):
    assert read_return_path(address) is None


@given(st.text(max_size=100))
def test_no_text_breaks_the_reading(text):
    assert read_return_path(text) is None


def test_the_tag_of_one_delivery_does_not_open_another():
    assert read_return_path(make_return_path(42).replace("+42-", "+43-")) is None


def test_the_same_tag_at_another_domain_is_nobodys():
    assert read_return_path(make_return_path(42).replace("news.", "evil.")) is None


def test_a_former_key_still_reads(settings):
    address = make_return_path(42)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"

    assert read_return_path(address) == 42


def test_without_the_setting_none_is_made_or_read(settings):
    address = make_return_path(42)
    settings.BOUNCE_ADDRESS = ""

    assert make_return_path(42) is None
    assert read_return_path(address) is None


@pytest.mark.django_db
def test_a_delivery_leaves_with_its_own_return_path_and_the_sender_it_shows(relay):
    mailing = make_mailing()
    delivery = mailing.deliveries.get()

    send_chunk(mailing.pk, delivery.pk, delivery.pk)

    (source,) = [source for _, source in relay.accepted]
    assert relay.senders == [make_return_path(delivery.pk)]
    assert mailing.sender_email in read_message(source)["From"]


@pytest.mark.django_db
def test_without_the_setting_a_delivery_leaves_as_from_its_sender(relay, settings):
    settings.BOUNCE_ADDRESS = ""
    mailing = make_mailing()
    delivery = mailing.deliveries.get()

    send_chunk(mailing.pk, delivery.pk, delivery.pk)

    assert relay.senders == [mailing.sender_email]


@pytest.mark.parametrize("address", ["", "bounces@example.org"])
def test_an_address_for_bounces_is_an_address(settings, address):
    settings.BOUNCE_ADDRESS = address

    assert check_bounce_address() == []


@pytest.mark.parametrize("address", ["bounces", "a b@example.org", f"{'a' * 30}@example.org"])
def test_one_that_would_not_work_is_refused(settings, address):
    settings.BOUNCE_ADDRESS = address

    assert [error.id for error in check_bounce_address()] == ["subscribers.E002"]
