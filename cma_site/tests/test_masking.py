"""What nobody may read in a log."""

import time

import pytest

from cma_site.watching.masking import LONGEST, mask_all, mask_text
from subscribers.links import Purpose, make_token
from subscribers.models import Member
from subscribers.tests.makers import make_member


@pytest.mark.parametrize(
    "address",
    [
        "chan@example.com",
        "chan.tai-man+news@mail.example.com.hk",
        "o'brien@example.org",
        '"chan tai man"@example.com',
        "陳大文@例子.香港",
        "chan@xn--fsqu00a.xn--0zwm56d",
        "chan@[192.0.2.1]",
        "chan@localhost",
        "chan%40example.com",
    ],
)
def test_an_e_mail_address(address):
    masked = mask_text(f"A mail to <{address}>, was not sent: 550 {address}: no such user")

    assert masked == "A mail to <…@…>, was not sent: 550 …@…: no such user"


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_token_of_a_link(purpose):
    token = make_token(purpose, 42)

    assert token not in mask_text(f"Not Found: /{purpose}/{token}/")
    assert mask_text(f"the token {token}, alone") == "the token …, alone"


@pytest.mark.parametrize(
    "path",
    [
        "/preferences/%s/address/",
        "/zh-hans/preferences/%s/",
        "/subscribe/confirm/%s/",
        "/login/%s/",
        "/preview/%s/",
        "/admin/password_reset/Mg/%s/",
    ],
)
def test_what_stands_in_the_place_of_a_token_whatever_it_is(path):
    assert mask_text(path % "half-a-token") == path % "…"


def test_what_a_login_by_a_provider_carries():
    jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"

    way_back = mask_text("GET /admin/oidc/callback/?code=4%2F0Ab&state=x9&session_state=1 failed")

    assert way_back == "GET /admin/oidc/callback/?code=…&state=…&session_state=1 failed"
    assert mask_text(f"Bearer {jwt}, {jwt[:-11]}") == "Bearer …, …"


@pytest.mark.parametrize(
    "harmless",
    [
        "/subscribe/sent/",
        "/login/sent/",
        "/editions/2023-10/",
        "/admin/subscribers/mailing/3/results/",
        "Mailing 3 stops: 421 4.3.0 try again later",
        "weasyprint==70.0",
        "2026-11-29 07:23:35.123",
    ],
)
def test_what_says_nothing_of_anybody_is_left(harmless):
    assert mask_text(harmless) == harmless


def test_the_password_in_an_address():
    masked = mask_text("cannot connect to amqp://cma:p:ss@queue.example.com:5672//")

    assert masked == "cannot connect to amqp://…@queue.example.com:5672//"


@pytest.mark.django_db
def test_a_row_that_the_database_quotes():
    make_member(email="chan@example.com")

    with pytest.raises(Exception, match=r"(?i)unique") as refused:
        Member.objects.bulk_create([Member(email="chan@example.com", name="陳大文")])

    assert "chan" not in mask_text(str(refused.value))
    assert mask_text("DETAIL:  Failing row contains (5, 陳大文, t).") == (
        "DETAIL:  Failing row contains (…)"
    )


def test_texts_however_deep():
    event = {"extra": {"to": ["chan@example.com", 5]}, "error": ValueError("lee@example.com")}

    assert mask_all(event) == {"extra": {"to": ["…@…", 5]}, "error": "…@…"}


@pytest.mark.parametrize(
    "piece", ["a", "a.", "@", "a@", '"', "://", "/mail/", "1.", "%40", "Key ("]
)
def test_what_a_stranger_repeats_takes_no_time(piece):
    start = time.perf_counter()

    mask_text(piece * LONGEST)

    assert time.perf_counter() - start < 1
