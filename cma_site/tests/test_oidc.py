"""Logging in by the organisation's provider, a real one, and what somebody bad would try at it."""

import logging
from collections.abc import Iterator
from ipaddress import ip_network
from urllib.parse import parse_qs, urlsplit

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.utils.http import urlencode

from cma_site.models import ProviderAccount
from cma_site.oidc import says
from cma_site.tests import urls_with_provider
from cma_site.tests.makers import PASSWORD, give_telephone, make_staff, read_code
from cma_site.tests.provider import (
    CHAN,
    CLIENT,
    KEY,
    SECRET,
    Ago,
    Provider,
    public_pem,
    sign_not,
    sign_with,
    sign_with_password,
)
from cma_site.tests.reading import Page, find_english
from cma_site.tests.test_no_english import ALLOWED
from cma_site.tests.test_settings import PRODUCTION, run, start

pytestmark = pytest.mark.django_db

ASK, CALLBACK = "/admin/oidc/", "/admin/oidc/callback/"
LOGIN = "/admin/login/"
ELSE = "an-other-client"


@pytest.fixture(scope="module")
def served() -> Iterator[Provider]:
    with Provider().serve() as provider:
        yield provider


@pytest.fixture(autouse=True)
def provider(served, settings) -> Provider:
    """Which the site trusts, and which knows chan."""
    settings.OIDC_ISSUER = served.issuer
    settings.OIDC_RP_CLIENT_ID, settings.OIDC_RP_CLIENT_SECRET = CLIENT, SECRET
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, settings.OIDC_BACKEND]
    settings.ROOT_URLCONF = urls_with_provider.__name__
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    served.tell_truth()
    served.know()
    served.asked.clear()
    return served


@pytest.fixture
def chan() -> User:
    return make_staff("chan")


def set_out(client: Client, **asked: str) -> str:
    """The provider's address that the button leads to."""
    answer = client.get(ASK, asked)
    assert answer.status_code == 302, answer.content.decode()
    return answer["Location"]


def come_back(client: Client, provider: Provider, subject: str = CHAN, **asked: str):
    return client.get(provider.log_in(set_out(client, **asked), subject))


def is_at_the_desk(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def assert_refused(client: Client, answer, why: str, status: int = 403) -> None:
    page = answer.content.decode()
    assert (answer.status_code, why in page) == (status, True), page
    assert "未能以機構帳戶登入" in page
    assert "_auth_user_id" not in client.session
    assert not is_at_the_desk(client)


# ------------------------------------------------------------------------------- the way it goes
def test_the_button_leads_to_the_desk(client, chan, provider):
    page = client.get("/admin/briefings/entry/", follow=True).content.decode()
    assert f'href="{ASK}?next=/admin/briefings/entry/"' in page

    answer = come_back(client, provider, next="/admin/briefings/entry/")

    assert answer["Location"] == "/admin/briefings/entry/"
    assert client.get("/admin/").context["user"] == chan


def test_the_password_opens_as_ever(client, chan):
    client.post(LOGIN, {"username": "chan", "password": PASSWORD})

    assert is_at_the_desk(client)


def test_it_is_asked_with_all_that_keeps_a_stranger_out(client, provider):
    asked = parse_qs(urlsplit(set_out(client)).query)

    assert asked["redirect_uri"] == [f"http://testserver{CALLBACK}"]
    assert asked["response_type"] == ["code"]
    assert asked["scope"] == ["openid email"]
    assert asked["code_challenge_method"] == ["S256"]
    assert min(len(asked[name][0]) for name in ("state", "nonce", "code_challenge")) >= 32


def test_the_code_is_redeemed_with_the_verifier_and_the_secret(client, chan, provider):
    come_back(client, provider)

    form = dict(provider.asked)["/oauth2/token"]
    assert form["client_secret"] == SECRET
    assert len(form["code_verifier"]) == 64


def test_a_login_by_the_provider_is_recorded_as_any(client, chan, provider):
    come_back(client, provider)

    assert AccessLog.objects.get().username == "chan"
    chan.refresh_from_db()
    assert chan.last_login


def test_logging_out_ends_the_session(client, chan, provider):
    come_back(client, provider)

    client.post("/admin/logout/")

    assert not is_at_the_desk(client)


def test_the_session_has_another_key_afterwards(client, chan, provider):
    address = set_out(client)
    before = client.cookies["sessionid"].value

    client.get(provider.log_in(address))

    assert client.cookies["sessionid"].value != before


def test_one_who_was_logged_in_is_so_no_longer(client, chan, provider):
    client.force_login(make_staff("lee"))

    answer = come_back(client, provider, next="/admin/briefings/entry/")

    assert answer["Location"] == "/admin/briefings/entry/"
    assert client.get("/admin/").context["user"] == chan


def test_a_closed_account_ends_its_session(client, chan, provider):
    come_back(client, provider)

    User.objects.update(is_active=False)

    assert client.get("/").wsgi_request.user.is_anonymous
    assert not is_at_the_desk(client)


def test_what_somebody_may_do_is_known_without_asking_the_provider(client, chan, provider):
    come_back(client, provider)
    provider.asked.clear()

    client.get("/admin/briefings/entry/")

    assert provider.asked == []


# ------------------------------------------------------------------------------ whose account
@pytest.mark.parametrize("email", ["CHAN@Example.com", "chan@example.com"])
def test_an_address_is_the_same_in_capitals(email, client, chan, provider):
    provider.know(email=email)

    come_back(client, provider)

    assert is_at_the_desk(client)


@pytest.mark.parametrize(
    "account",
    [
        {"email": "lee@example.com"},
        {"email": ""},
        {"is_active": False},
        {"is_staff": False, "is_superuser": True},
        {"email": "chan@example.com.hk"},
        {"email": "chan%@example.com"},
    ],
)
def test_an_account_is_neither_made_nor_opened_for_others(account, client, provider):
    make_staff("chan", **account)

    answer = come_back(client, provider)

    assert_refused(client, answer, "沒有用你機構電郵的帳戶")
    assert User.objects.count() == 1
    assert not ProviderAccount.objects.exists()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("mike@example.com", "mıke@example.com"),
        ("kim@example.com", "\u212aim@example.com"),
        ("chan@straße.example", "chan@STRASSE.example"),
        ("chan@example.com", "chan@example.com "),
        ("chan@example.com", "chan@example.com\0"),
        ("chan?@example.com", "chan\ud800@example.com"),  # no character, but JSON has it
        ("chan@example.com", "%"),
        ("chan@example.com", "c_an@example.com"),
    ],
)
def test_a_lookalike_is_another_address(ours, theirs, client, provider):
    make_staff("chan", email=ours)
    provider.sign = provider.sign_with_own_key(email=theirs)

    answer = come_back(client, provider)

    assert_refused(client, answer, "沒有用你機構電郵的帳戶")


def test_two_accounts_of_one_address_open_to_nobody(client, chan, provider):
    make_staff("editor", email="Chan@example.com")

    assert_refused(client, come_back(client, provider), "多於一個帳戶")


def test_one_that_is_closed_is_not_in_the_way(client, chan, provider):
    make_staff("former", email="chan@example.com", is_active=False)

    come_back(client, provider)

    assert client.get("/admin/").context["user"] == chan


@pytest.mark.parametrize("verified", [False, None, "false", "no", 0, [], "", "TRUE!"])
def test_an_address_that_nobody_verified_opens_nothing(verified, client, chan, provider):
    provider.know(email_verified=verified)

    assert_refused(client, come_back(client, provider), "未能證明電郵地址屬於你")


@pytest.mark.parametrize("verified", [True, "true", 1, "1"])
def test_providers_say_true_in_several_ways(verified, client, chan, provider):
    provider.know(email_verified=verified)

    come_back(client, provider)

    assert is_at_the_desk(client)


def test_another_claim_may_verify_the_address(client, chan, provider, settings):
    settings.OIDC_EMAIL_VERIFIED_CLAIM = "xms_edov"

    assert_refused(client, come_back(client, provider), "未能證明電郵地址屬於你")

    provider.know(email_verified=None, xms_edov=True)
    come_back(client, provider)
    assert is_at_the_desk(client)


@pytest.mark.parametrize("email", [None, "", ["chan@example.com"], {"a": "chan@example.com"}, 1])
def test_who_has_no_address_gets_nowhere(email, client, chan, provider):
    make_staff("lee", email="")
    provider.know(email=email)

    assert_refused(client, come_back(client, provider), "沒有告訴我們你的電郵地址")


@pytest.mark.parametrize(
    ("claim", "is_let_in"),
    [
        ("example.org", True),
        (["a.example", "example.org"], True),
        ("example.org.evil", False),
        ("Example.org", False),
        ([], False),
        (None, False),
        (True, False),
    ],
)
def test_only_those_come_of_whom_the_provider_says_so(  # noqa: PLR0917
    claim, is_let_in, client, chan, provider, settings
):
    settings.OIDC_REQUIRED_CLAIMS = {"hd": "example.org"}
    provider.know(hd=claim)

    answer = come_back(client, provider)

    assert is_at_the_desk(client) == is_let_in
    if not is_let_in:
        assert_refused(client, answer, "不在可以登入編輯台之列")


@pytest.mark.parametrize(("claim", "expected"), [(True, "true"), (1, "1"), (["a", True], "true")])
def test_what_is_no_text_is_as_json_writes_it(claim, expected):
    assert says(claim, expected)
    assert not says(claim, "True")


# ------------------------------------------------------------------------ the link with a person
def test_an_account_is_linked_with_who_came_first(client, chan, provider):
    come_back(client, provider)
    come_back(client, provider)

    link = ProviderAccount.objects.get()
    assert (link.user, link.issuer, link.subject) == (chan, provider.issuer, CHAN)
    assert LogEntry.objects.filter(change_message__contains="兩個帳戶從此連結").count() == 1


def test_who_inherits_an_address_inherits_no_account(client, chan, provider):
    come_back(client, provider)
    provider.know("a successor")
    other = Client()

    answer = come_back(other, provider, "a successor")

    assert_refused(other, answer, "已與另一個機構帳戶連結")
    assert LogEntry.objects.filter(change_message__contains="被拒絕").count() == 1


def test_a_superuser_unlinks_an_account(client, chan, provider, admin_client):
    come_back(client, provider)
    provider.know("a successor")
    other = Client()

    action = {"action": "unlink_accounts", "_selected_action": [chan.pk]}
    page = admin_client.post("/admin/auth/user/", action, follow=True).content.decode()
    come_back(other, provider, "a successor")

    assert "已解除連結：chan。" in page
    assert not is_at_the_desk(client)
    assert is_at_the_desk(other)


def test_another_issuers_person_is_linked_anew(client, chan, provider):
    ProviderAccount.objects.create(user=chan, issuer="https://former.example", subject="1")

    come_back(client, provider)

    assert is_at_the_desk(client)
    assert chan.provider_accounts.count() == 2


# ----------------------------------------------------------------------------------- the ID token
@pytest.mark.parametrize(
    "lie",
    [
        {"aud": ELSE},
        {"aud": [ELSE]},
        {"aud": []},
        {"aud": None},
        {"aud": [CLIENT, ELSE]},
        {"aud": [CLIENT, ELSE], "azp": ELSE},
        {"aud": CLIENT, "azp": ELSE},
        {"aud": f"{CLIENT} "},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"iss": [CLIENT]},
        {"exp": Ago(3600)},
        {"exp": Ago(61)},
        {"exp": None},
        {"exp": "never"},
        {"iat": Ago(-3600)},
        {"iat": None},
        {"nbf": Ago(-3600)},
        {"nonce": "another's"},
        {"nonce": None},
        {"sub": None},
        {"sub": 1},
        {"sub": "1\0"},
        {"sub": "\ud800"},
    ],
    ids=str,
)
def test_a_token_that_says_otherwise_opens_nothing(lie, client, chan, provider):
    provider.sign = provider.sign_with_own_key(**lie)

    assert_refused(client, come_back(client, provider), "資料核對不符")


@pytest.mark.parametrize(
    "truth",
    [
        {},
        {"aud": CLIENT},
        {"aud": CLIENT, "azp": CLIENT},
        {"aud": [CLIENT, ELSE], "azp": CLIENT},
        {"exp": Ago(30)},
        {"iat": Ago(-30)},
    ],
    ids=str,
)
def test_a_token_that_says_so_opens(truth, client, chan, provider):
    provider.sign = provider.sign_with_own_key(**truth)

    come_back(client, provider)

    assert is_at_the_desk(client)


def test_the_issuer_is_compared_to_the_letter(client, chan, provider, settings):
    settings.OIDC_ISSUER = f"{provider.issuer}/"

    answer = client.get(ASK)

    assert_refused(client, answer, "暫時沒有正常回應", 503)


RSA, EC = KEY["rsa"], KEY["ec"]


@pytest.mark.parametrize(
    "sign",
    [
        sign_not,
        sign_with_password(SECRET.encode()),
        sign_with_password(b""),
        sign_with_password(public_pem(RSA)),
        sign_with(EC, "ES256"),
        sign_with(RSA, "RS512"),
        sign_with(RSA, "PS256"),
        sign_with(RSA, "RS256", kid="unheard of"),
        lambda claims: "no token",
        lambda claims: "a.b.c",
        lambda claims: sign_with(RSA, "RS256")(claims)[:-8],
        lambda claims: sign_with(RSA, "RS256")(claims) + "A",
    ],
)
def test_another_signature_opens_nothing(sign, client, chan, provider):
    provider.publish(RSA, kid="1")
    provider.sign = sign

    assert_refused(client, come_back(client, provider), "資料核對不符")


def test_the_public_key_is_no_password(client, chan, provider):
    provider.sign = provider.sign_with_public_key

    assert_refused(client, come_back(client, provider), "資料核對不符")


def test_a_key_that_the_provider_does_not_publish_signs_nothing(client, chan, provider):
    provider.sign = sign_with(RSA, "RS256")

    assert_refused(client, come_back(client, provider), "資料核對不符")


@pytest.mark.parametrize(
    ("published", "described"),
    [
        ([RSA, RSA], {}),
        ([RSA, RSA], {"kid": "1"}),
        ([RSA], {"use": "enc"}),
        ([RSA], {"alg": "RS512"}),
        ([EC], {}),
        ([], {}),
    ],
)
def test_exactly_one_key_must_fit(published, described, client, chan, provider):
    provider.publish(*published, **described)
    provider.sign = sign_with(RSA, "RS256", **described)

    assert_refused(client, come_back(client, provider), "資料核對不符")


def test_a_key_of_another_kind_is_not_in_the_way(client, chan, provider):
    provider.publish(RSA, EC, kid="1")
    provider.sign = sign_with(EC, "ES256", kid="1")

    come_back(client, provider)

    assert is_at_the_desk(client)


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (EC, "ES256")])
def test_both_algorithms_are_good(key, algorithm, client, chan, provider):
    provider.publish(key, kid="1", use="sig", alg=algorithm)
    provider.sign = sign_with(key, algorithm, kid="1")

    come_back(client, provider)

    assert is_at_the_desk(client)


# ------------------------------------------------------------------------------- the userinfo
def test_an_address_may_stand_in_the_userinfo_alone(client, chan, provider):
    provider.sign = provider.sign_with_own_key(email=None, email_verified=None)

    come_back(client, provider)

    assert is_at_the_desk(client)
    assert "/userinfo" in dict(provider.asked)


def test_the_userinfo_of_another_opens_nothing(client, chan, provider):
    provider.sign = provider.sign_with_own_key(email=None)
    told = {"sub": "another", "email": "chan@example.com", "email_verified": True}
    provider.answer("/userinfo", told)

    assert_refused(client, come_back(client, provider), "暫時沒有正常回應", 503)


def test_the_userinfo_does_not_contradict_the_token(client, chan, provider):
    provider.sign = provider.sign_with_own_key(email=None, email_verified=False)
    provider.answer("/userinfo", {"sub": CHAN, "email": "chan@example.com", "email_verified": True})

    assert_refused(client, come_back(client, provider), "未能證明電郵地址屬於你")


# ------------------------------------------------------------------------- the way there and back
def test_a_way_back_is_good_once(client, chan, provider):
    back = provider.log_in(set_out(client))
    client.get(back)
    client.post("/admin/logout/")

    assert_refused(client, client.get(back), "已經用過", 400)


def test_anothers_way_back_leads_nowhere(client, chan, provider):
    """Or somebody could have others work in an account of theirs."""
    back = provider.log_in(set_out(Client()))
    set_out(client)

    assert_refused(client, client.get(back), "已經過期", 400)


@pytest.mark.parametrize(
    "query", ["", "code=1", "state=1", "code=1&state=1", "code=1&state=", "error=access_denied"]
)
def test_without_its_state_nothing_is_asked_or_done(query, client, chan, provider):
    client.force_login(chan)

    answer = client.get(f"{CALLBACK}?{query}")

    assert answer.status_code == 400
    assert is_at_the_desk(client)
    assert provider.asked == []


def test_an_invented_code_opens_nothing(client, chan, provider):
    state = parse_qs(urlsplit(set_out(client)).query)["state"][0]

    answer = client.get(CALLBACK, {"code": "invented", "state": state})

    assert_refused(client, answer, "暫時沒有正常回應", 503)


def test_a_code_at_the_passwords_address_is_no_login(client, chan, provider):
    """Django asks each way of logging in about each login, also the one for codes."""
    asked = {"response_type": "code", "client_id": CLIENT, "scope": "openid email"}
    back = f"http://testserver{CALLBACK}"
    address = f"{provider.issuer}/oauth2/authorize?" + urlencode(asked | {"redirect_uri": back})
    code = parse_qs(urlsplit(provider.log_in(address)).query)["code"][0]
    provider.asked.clear()

    form = {"username": "chan", "password": "a guess"}
    client.post(f"{LOGIN}?{urlencode({'code': code, 'state': 'mine'})}", form)

    assert provider.asked == []
    assert not is_at_the_desk(client)


@pytest.mark.parametrize("said", ["access_denied", "<script>", "server_error\n2026 forged"])
def test_who_cancels_there_is_told_and_not_in_the_providers_words(said, client, chan, caplog):
    state = parse_qs(urlsplit(set_out(client)).query)["state"][0]

    answer = client.get(CALLBACK, {"error": said, "error_description": "x<b>", "state": state})

    assert_refused(client, answer, "沒有讓你登入")
    assert "x<b>" not in answer.content.decode()
    assert "forged" not in caplog.text


@pytest.mark.parametrize(
    "outside",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "http:///evil.example",
        "\thttps://evil.example",
        "http://testserver@evil.example/",
    ],
)
def test_it_leads_nowhere_outside(outside, client, chan, provider):
    answer = come_back(client, provider, next=outside)

    assert answer["Location"] == "/admin/"


@pytest.mark.parametrize("onward", ["nothing", "login", "admin/", "?q=1", "/admin/\r\nX-Y: 1"])
def test_a_word_is_an_address_like_any(onward, client, chan, provider):
    answer = come_back(client, provider, next=onward)

    assert answer.status_code == 302
    assert "X-Y" not in answer.headers


@pytest.mark.parametrize("address", [ASK, CALLBACK])
@pytest.mark.parametrize("method", ["post", "put", "head", "delete", "options"])
def test_they_are_only_to_be_got(method, address, client):
    assert getattr(client, method)(address).status_code in {200, 405}
    assert "sessionid" not in client.cookies


@pytest.mark.parametrize("address", [ASK, CALLBACK])
def test_no_copy_of_them_is_kept(address, client, provider):
    assert "no-store" in client.get(address)["Cache-Control"]


def test_who_asks_without_end_waits(client, settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    for _ in range(60):
        client.get(ASK)

    assert_refused(client, client.get(ASK), "太頻密", 429)


@pytest.mark.parametrize("address", [ASK, CALLBACK])
def test_outside_the_networks_there_is_no_such_way(address, client, settings):
    settings.ADMIN_NETWORKS = [ip_network("203.0.113.0/24")]

    outside, inside = (client.get(address, REMOTE_ADDR=one) for one in ("9.9.9.9", "203.0.113.1"))

    assert outside.status_code == 404
    assert inside.status_code != 404


# ------------------------------------------------------------------------------ the second factor
@pytest.mark.parametrize("is_required", [True, False])
def test_the_code_is_asked_all_the_same(is_required, client, chan, provider, settings):
    settings.REQUIRE_TOTP = is_required
    telephone = give_telephone(chan)

    come_back(client, provider)
    step = client.get("/admin/", follow=True)

    assert step.request["PATH_INFO"] == "/admin/two-step/code/"
    client.post("/admin/two-step/code/", {"code": read_code(telephone)})
    assert is_at_the_desk(client)


def test_a_telephone_must_be_set_up_all_the_same(client, chan, provider, settings):
    settings.REQUIRE_TOTP = True

    come_back(client, provider)

    assert client.get("/admin/", follow=True).request["PATH_INFO"] == "/admin/two-step/setup/"


def test_the_providers_own_may_do(client, chan, provider, settings):
    settings.REQUIRE_TOTP = settings.OIDC_SECOND_FACTOR = True
    give_telephone(chan)

    come_back(client, provider)

    assert is_at_the_desk(client)


def test_the_providers_own_does_nothing_for_a_password(client, chan, provider, settings):
    settings.REQUIRE_TOTP = settings.OIDC_SECOND_FACTOR = True

    client.post(LOGIN, {"username": "chan", "password": PASSWORD})
    assert not is_at_the_desk(client)

    come_back(client, provider)
    assert is_at_the_desk(client)


# ------------------------------------------------------------------------------- guessers, and logs
def test_no_refusal_counts_as_a_wrong_password(client, chan, provider):
    provider.know(email_verified=False)
    for _ in range(6):
        come_back(client, provider)

    assert not AccessAttempt.objects.exists()
    client.post(LOGIN, {"username": "chan", "password": PASSWORD})
    assert is_at_the_desk(client)


def test_who_guesses_passwords_locks_nobody_out_of_the_provider(client, chan, provider):
    for _ in range(5):
        client.post(LOGIN, {"username": "chan", "password": "a guess"})

    come_back(client, provider)

    assert is_at_the_desk(client)


def test_logs_name_nobody_and_open_nothing(client, chan, provider, caplog):
    caplog.set_level(logging.INFO)
    provider.know(email_verified=False)
    back = provider.log_in(set_out(client))
    client.get(back)
    provider.answer("/oauth2/token", {"error": "invalid_client", "who": "chan@example.com"}, 401)
    come_back(client, provider)

    ours = "\n".join(one.getMessage() for one in caplog.records if one.name != "werkzeug")
    asked = parse_qs(urlsplit(back).query)
    for secret in ("chan@", CHAN, SECRET, "eyJ", asked["code"][0], asked["state"][0]):
        assert secret not in ours
    assert "email_verified is not true" in ours
    assert "/oauth2/token answered 401 invalid_client" in ours


# ----------------------------------------------------------------------- the provider is unwell
@pytest.mark.parametrize("path", ["/oauth2/token", "/jwks", "/userinfo"])
@pytest.mark.parametrize(
    ("body", "status"),
    [("", 500), ("<html>", 502), ("<html>", 200), ({"error": "x"}, 400), ([], 200), (None, 200)],
)
def test_its_trouble_is_told_and_is_not_ours(  # noqa: PLR0917
    path, body, status, client, chan, provider
):
    provider.sign = provider.sign_with_own_key(email=None) if path == "/userinfo" else None
    provider.answer(path, body, status)

    answer = come_back(client, provider)

    assert answer.status_code in {403, 503}
    assert_refused(client, answer, "機構的登入服務", answer.status_code)


@pytest.mark.parametrize("body", ["<html>", [], {}, {"issuer": "https://evil.example"}])
def test_a_description_that_is_none_leads_nowhere(body, client, provider, settings):
    settings.OIDC_ISSUER = provider.issuer.replace("localhost", "127.0.0.1")
    provider.answer("/.well-known/openid-configuration", body)

    assert_refused(client, client.get(ASK), "暫時沒有正常回應", 503)


def test_a_provider_that_is_away_leaves_the_password(client, chan, settings):
    settings.OIDC_ISSUER = "http://127.0.0.1:1"

    assert_refused(client, client.get(ASK), "用編輯台自己的密碼登入", 503)
    client.post(LOGIN, {"username": "chan", "password": PASSWORD})
    assert is_at_the_desk(client)


def test_one_that_hangs_keeps_nobody_for_long(client, settings):
    settings.OIDC_ISSUER, settings.OIDC_TIMEOUT = "http://203.0.113.1", 0.2

    assert_refused(client, client.get(ASK), "暫時沒有正常回應", 503)


@pytest.mark.parametrize("endpoint", ["http://localhost/", "javascript:1", "", None, 1])
def test_no_endpoint_is_less_than_its_issuer(endpoint, client, monkeypatch, settings):
    settings.OIDC_ISSUER = "https://id.example.org"
    description = {"issuer": settings.OIDC_ISSUER, "authorization_endpoint": endpoint}
    monkeypatch.setattr("cma_site.oidc._read_description", lambda *asked: description)

    assert_refused(client, client.get(ASK), "暫時沒有正常回應", 503)


# -------------------------------------------------------------------------------- the pages
def test_its_pages_speak_no_english(client, chan, provider):
    pages = [client.get(LOGIN), client.get(CALLBACK), client.get("/admin/oidc/nothing/")]

    said = [line for page in pages for line in Page(page.content.decode()).said]

    assert [found for line in said for found in find_english(line, ALLOWED)] == []


# --------------------------------------------------------------------------------- the settings
SET = {
    "OIDC_ISSUER": "https://id.example.org",
    "OIDC_CLIENT_ID": "desk",
    "OIDC_CLIENT_SECRET": "a secret",
}
SHOW_OIDC = (
    "import sys; from django.urls import resolve, Resolver404\n"
    "try: resolve('/admin/oidc/callback/').func.view_class\n"
    "except (Resolver404, AttributeError): print('no way')\n"
    "print('mozilla_django_oidc' in sys.modules, 'jwt' in sys.modules, s.OIDC_REQUIRED_CLAIMS,"
    "s.OIDC_RP_CLIENT_SECRET, len(s.AUTHENTICATION_BACKENDS))"
)


@pytest.mark.slow
def test_where_nothing_is_set_nothing_is_loaded(tmp_path):
    assert start(tmp_path, show="\n" + SHOW_OIDC).stdout.split() == [
        *("no", "way", "False", "False", "{}", "2")
    ]


@pytest.mark.slow
def test_the_environment_opens_the_way(tmp_path):
    (tmp_path / "secret").write_text("from a file\n")
    env = SET | {"OIDC_REQUIRED_CLAIMS": "hd=example.org,groups=desk"}
    del env["OIDC_CLIENT_SECRET"]

    shown = start(
        tmp_path,
        show="\n" + SHOW_OIDC,
        **PRODUCTION | env,
        OIDC_CLIENT_SECRET_FILE=str(tmp_path / "secret"),
    )

    assert shown.stdout.strip() == (
        "True True {'hd': 'example.org', 'groups': 'desk'} from a file 3"
    ), shown.stderr


@pytest.mark.slow
@pytest.mark.parametrize("missing", SET)
def test_one_without_the_others_is_refused_by_name(missing, tmp_path):
    env = {name: value for name, value in SET.items() if name != missing}

    result = run(tmp_path, "manage.py", "check", **env)

    assert result.returncode != 0
    assert f"missing: {missing}" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "issuer", ["http://id.example.org", "id.example.org", "https:///x", "https://a.example/?b=1"]
)
def test_an_issuer_that_anybody_could_play_is_refused(issuer, tmp_path):
    result = run(tmp_path, "manage.py", "check", **PRODUCTION | SET | {"OIDC_ISSUER": issuer})

    assert result.returncode != 0
    assert "OIDC_ISSUER is the issuer's address, https://host/…" in result.stderr


@pytest.mark.django_db
def test_without_a_provider_nothing_tells_of_one(settings, client, admin_client):
    settings.OIDC_ISSUER, settings.ROOT_URLCONF = "", "cma_site.urls"

    assert "機構帳戶" not in client.get(LOGIN).content.decode()
    assert "機構帳戶" not in admin_client.get("/admin/auth/user/").content.decode()
    assert client.get(CALLBACK).status_code == 404 or "/admin/login/" in client.get(CALLBACK).url
