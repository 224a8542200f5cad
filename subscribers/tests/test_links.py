import re
from itertools import permutations

import pytest
from django.core.signing import BadSignature, SignatureExpired

from subscribers.links import CONFIRM_WITHIN, Purpose, make_token, make_url, read_token


@pytest.mark.parametrize("purpose", Purpose)
def test_a_token_gives_its_key_back_and_is_safe_in_addresses(purpose):
    token = make_token(purpose, 42)

    assert read_token(purpose, token) == 42
    assert re.fullmatch(r"[\w.-]+", token, re.ASCII)


@pytest.mark.parametrize(
    "token", ["", "42", "42.", ".", "42.forged", "四十二", "a" * 500, "4\x002.x"]
)
@pytest.mark.parametrize("purpose", Purpose)
def test_a_forged_token_is_refused(purpose, token):
    with pytest.raises(BadSignature):
        read_token(purpose, token)


def test_a_token_for_one_member_opens_no_other():
    _, _, signature = make_token(Purpose.UNSUBSCRIBE, 42).partition(".")

    with pytest.raises(BadSignature):
        read_token(Purpose.UNSUBSCRIBE, f"43.{signature}")


@pytest.mark.parametrize(("purpose", "other"), list(permutations(Purpose, 2)))
def test_a_token_for_one_purpose_serves_no_other(purpose, other):
    with pytest.raises(BadSignature):
        read_token(other, make_token(purpose, 42))


def test_only_confirming_and_erasing_expire(monkeypatch):
    tokens = {purpose: make_token(purpose, 42) for purpose in Purpose}
    from django.core import signing

    now = signing.time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + CONFIRM_WITHIN.total_seconds() + 2)

    for purpose in (Purpose.CONFIRM, Purpose.ERASE):
        with pytest.raises(SignatureExpired):
            read_token(purpose, tokens.pop(purpose))
    assert {read_token(purpose, token) for purpose, token in tokens.items()} == {42}


def test_links_are_absolute(settings):
    settings.SITE_URL = "https://briefs.example.org"

    assert make_url(Purpose.MAIL, 1).startswith("https://briefs.example.org/mail/1.")
