"""The code after the password."""

import re
from base64 import b32decode
from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from cma_site.second_factor import draw_secret, make_secret
from cma_site.tests.makers import (
    PASSWORD,
    calculate_code,
    give_recovery_codes,
    give_telephone,
    make_staff,
    read_code,
)
from cma_site.tests.walking import list_addresses

pytestmark = pytest.mark.django_db

DESK = "/admin/"
CODE = "/admin/two-step/code/"
SETUP = "/admin/two-step/setup/"
OVERVIEW = "/admin/two-step/"


@pytest.fixture
def chan() -> User:
    return make_staff()


@pytest.fixture
def telephone(chan) -> TOTPDevice:
    return give_telephone(chan)


@pytest.fixture
def client(chan) -> Client:
    """Who has given the password, and no code."""
    client = Client()
    client.post("/admin/login/", {"username": "chan", "password": PASSWORD})
    return client


def is_at_the_desk(client: Client) -> bool:
    return client.get(DESK).status_code == 200


def give_code(client: Client, code: str, address: str = CODE, **data):
    return client.post(address, {"code": code, **data})


def set_up(client: Client, **data) -> list[str]:
    """Sets up a telephone as an editor would; the recovery codes shown."""
    page = client.get(SETUP).content.decode()
    letters = re.search(r'class="letters">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    answer = give_code(client, calculate_code(b32decode(letters)), SETUP, **data)
    return re.findall(r"<li><code>([\w-]+)</code>", answer.content.decode())


def test_the_password_alone_leads_to_the_code(client, telephone):
    answer = client.get("/admin/briefings/entry/", follow=True)

    assert answer.request["PATH_INFO"] == CODE
    assert unquote(answer.request["QUERY_STRING"]) == "next=/admin/briefings/entry/"


@pytest.mark.parametrize("is_required", [True, False])
def test_no_page_of_the_desk_opens_to_the_password_alone(is_required, settings, client, telephone):
    settings.REQUIRE_TOTP = is_required
    open_to_all = {"/admin/login/", "/admin/logout/", CODE}

    opened = [
        address
        for address in list_addresses(get_resolver(), under="/admin/")
        for ask in (client.get, client.post)
        if address not in open_to_all and not address.startswith("/admin/password_reset/")
        if ask(address).status_code not in {302, 405}
    ]

    assert opened == []


def test_no_page_of_the_desk_opens_before_a_required_telephone_is_set_up(settings, client):
    settings.REQUIRE_TOTP = True
    open_to_all = {"/admin/login/", "/admin/logout/", SETUP}

    opened = [
        address
        for address in list_addresses(get_resolver(), under="/admin/")
        if address not in open_to_all and not address.startswith("/admin/password_reset/")
        if client.get(address).status_code not in {302, 405}
    ]

    assert opened == []


def test_the_right_code_opens_the_page_asked_for(client, telephone):
    answer = give_code(client, read_code(telephone), next="/admin/briefings/entry/")

    assert answer["Location"] == "/admin/briefings/entry/"
    assert is_at_the_desk(client)


def test_a_code_leads_nowhere_outside(client, telephone):
    answer = give_code(client, read_code(telephone), next="https://evil.example/")

    assert answer["Location"] == DESK


def test_a_word_is_an_address_like_any(client, telephone):
    answer = give_code(client, read_code(telephone), next="nothing")

    assert answer["Location"] == "nothing"


def test_the_session_has_another_key_after_the_code(client, telephone):
    before = client.cookies["sessionid"].value

    give_code(client, read_code(telephone))

    assert client.cookies["sessionid"].value != before


def test_a_code_is_good_once(client, telephone):
    code = read_code(telephone)
    give_code(client, code)
    other = Client()
    other.post("/admin/login/", {"username": "chan", "password": PASSWORD})

    answer = give_code(other, code)

    assert "每個碼只可用一次" in answer.content.decode()
    assert not is_at_the_desk(other)


def test_a_wrong_code_makes_the_next_one_wait(client, telephone):
    give_code(client, "000000")

    answer = give_code(client, read_code(telephone))

    assert "1 秒後才可再試" in answer.content.decode()
    assert not is_at_the_desk(client)


def test_the_wait_doubles_with_each_wrong_code(client, telephone):
    now = timezone.now()
    TOTPDevice.objects.update(throttling_failure_count=10, throttling_failure_timestamp=now)

    answer = give_code(client, read_code(telephone))

    assert "9 分鐘後才可再試" in answer.content.decode()


def test_after_the_wait_the_right_code_opens(client, telephone):
    long_ago = timezone.now() - timedelta(hours=1)
    TOTPDevice.objects.update(throttling_failure_count=5, throttling_failure_timestamp=long_ago)

    give_code(client, read_code(telephone))

    assert is_at_the_desk(client)


@pytest.mark.parametrize("typed", ["", "abc", "１２３４５６", "12345678901234567890", "null\0byte"])
def test_nonsense_opens_nothing(typed, client, telephone):
    answer = give_code(client, typed)

    assert answer.status_code == 200
    assert not is_at_the_desk(client)


def test_anothers_code_opens_nothing(client, telephone):
    other = give_telephone(make_staff("lee"))

    give_code(client, read_code(other))

    assert not is_at_the_desk(client)


def test_a_recovery_code_opens_the_desk_once(client, chan, telephone):
    code = give_recovery_codes(chan)[0]
    other = Client()
    other.post("/admin/login/", {"username": "chan", "password": PASSWORD})

    give_code(client, code.upper())
    give_code(other, code)

    assert is_at_the_desk(client)
    assert not is_at_the_desk(other)
    assert StaticToken.objects.count() == 9


def test_new_recovery_codes_keep_open_what_an_old_one_opened(client, chan, telephone):
    first, second, *_ = give_recovery_codes(chan)
    give_code(client, first)

    page = give_code(client, second, OVERVIEW, action="renew").content.decode()

    assert len(re.findall(r"<li><code>", page)) == 10
    assert second not in page
    assert is_at_the_desk(client)


def test_who_can_not_give_a_code_can_leave(client, telephone):
    client.post("/admin/logout/")

    assert "_auth_user_id" not in client.session


def test_without_the_rule_who_has_no_telephone_needs_no_code(settings, client):
    settings.REQUIRE_TOTP = False

    assert is_at_the_desk(client)


def test_by_the_rule_who_has_no_telephone_is_taken_to_set_one_up(settings, client):
    settings.REQUIRE_TOTP = True

    answer = client.get(DESK, follow=True)

    assert answer.request["PATH_INFO"] == SETUP


@pytest.mark.parametrize("is_required", [True, False])
def test_a_telephone_is_set_up_with_its_first_code(is_required, settings, client):
    settings.REQUIRE_TOTP = is_required

    codes = set_up(client)

    assert len(set(codes)) == 10
    assert is_at_the_desk(client)
    assert LogEntry.objects.filter(change_message="設立了兩步驗證").exists()


def test_a_wrong_first_code_sets_nothing_up(client):
    client.get(SETUP)

    give_code(client, "000000", SETUP)

    assert not TOTPDevice.objects.exists()


def test_another_session_is_shown_another_secret(client):
    # Or who knows the password could read, beforehand, the secret that its owner will prove.
    other = Client()
    other.post("/admin/login/", {"username": "chan", "password": PASSWORD})

    pages = [one.get(SETUP).content.decode() for one in (client, other)]
    letters = {re.search(r'class="letters">([A-Z2-7 ]+)<', page)[1] for page in pages}

    assert len(letters) == 2


def test_setting_up_asks_other_sessions_for_a_code(client):
    other = Client()
    other.post("/admin/login/", {"username": "chan", "password": PASSWORD})
    assert is_at_the_desk(other)

    set_up(client)

    assert not is_at_the_desk(other)


def test_the_code_that_set_up_is_used_up(client):
    letters = re.search(r'class="letters">([A-Z2-7 ]+)<', client.get(SETUP).content.decode())[1]
    code = calculate_code(b32decode(letters.replace(" ", "")))
    give_code(client, code, SETUP)
    other = Client()
    other.post("/admin/login/", {"username": "chan", "password": PASSWORD})

    give_code(other, code)

    assert not is_at_the_desk(other)


def test_a_telephone_is_not_replaced_without_a_fresh_code(client, telephone):
    give_code(client, read_code(telephone))

    answer = client.get(SETUP)

    assert answer["Location"] == OVERVIEW


def test_a_telephone_is_replaced_after_a_fresh_code(client, telephone):
    give_code(client, read_code(telephone, -1))
    give_code(client, read_code(telephone), OVERVIEW, action="replace")

    set_up(client)

    assert TOTPDevice.objects.get().key != telephone.key
    assert is_at_the_desk(client)


def test_the_old_telephone_works_until_the_new_one_is_proven(client, telephone):
    give_code(client, read_code(telephone, -1))
    give_code(client, read_code(telephone), OVERVIEW, action="replace")

    client.get(SETUP)
    give_code(client, "000000", SETUP)

    assert TOTPDevice.objects.get() == telephone


def test_it_is_turned_off_with_a_fresh_code(settings, client, telephone):
    settings.REQUIRE_TOTP = False
    give_code(client, read_code(telephone, -1))

    give_code(client, "000000", OVERVIEW, action="turn_off")
    assert TOTPDevice.objects.exists()
    TOTPDevice.objects.update(throttling_failure_count=0)
    give_code(client, read_code(telephone), OVERVIEW, action="turn_off")

    assert not TOTPDevice.objects.exists()
    assert is_at_the_desk(client)


def test_where_it_is_the_rule_it_is_not_turned_off(settings, client, telephone):
    settings.REQUIRE_TOTP = True
    give_code(client, read_code(telephone, -1))

    give_code(client, read_code(telephone), OVERVIEW, action="turn_off")

    assert TOTPDevice.objects.exists()


def test_who_is_not_staff_is_asked_for_nothing(client):
    User.objects.update(is_staff=False, is_superuser=False)

    addresses = [client.get(page)["Location"] for page in (CODE, SETUP)]

    assert all(address.startswith("/admin/login/") for address in addresses)


def test_the_picture_may_be_shown_under_the_page_policy(chan):
    assert draw_secret(chan, make_secret()).startswith("data:image/svg+xml;base64,")
