"""How long a login lasts, and ending it everywhere."""

from datetime import timedelta

import pytest
from axes.models import AccessLog
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from cma_site.sessions import BEGAN, SEEN
from cma_site.tasks import purge_old
from cma_site.tests.makers import PASSWORD, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def chan():
    return make_staff("chan")


@pytest.fixture
def client(chan) -> Client:
    return log_in()


def log_in() -> Client:
    client = Client()
    client.post("/admin/login/", {"username": "chan", "password": PASSWORD})
    return client


def is_at_the_desk(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def turn_back(client: Client, key: str, by: timedelta) -> None:
    session = client.session
    session[key] = (timezone.now() - by).isoformat()
    session.save()


def test_a_login_ends_after_a_day_however_busy(client):
    turn_back(client, BEGAN, timedelta(hours=24))

    assert not is_at_the_desk(client)


def test_a_login_of_today_goes_on(client):
    turn_back(client, BEGAN, timedelta(hours=23))

    assert is_at_the_desk(client)


def test_an_idle_session_ends(client):
    idle_until = timezone.now() - timedelta(seconds=1)
    Session.objects.update(expire_date=idle_until)

    assert not is_at_the_desk(client)


def test_work_puts_the_end_off(client):
    turn_back(client, SEEN, timedelta(minutes=11))
    Session.objects.update(expire_date=timezone.now() + timedelta(hours=1))

    client.get("/admin/")

    assert Session.objects.get().expire_date > timezone.now() + timedelta(hours=7)


def test_not_every_page_writes_the_session(client):
    until = timezone.now() + timedelta(hours=1)
    Session.objects.update(expire_date=until)

    client.get("/admin/")

    assert Session.objects.get().expire_date == until


def test_a_reader_has_no_session():
    client = Client()

    client.get("/")

    assert "sessionid" not in client.cookies


def test_logging_in_gives_the_session_another_key(chan):
    client = Client()
    client.get("/admin/login/")
    session = client.session
    session.save()
    before = session.session_key
    client.cookies["sessionid"] = before

    client.post("/admin/login/", {"username": "chan", "password": PASSWORD})

    assert client.cookies["sessionid"].value != before


def test_one_button_logs_out_everywhere(client):
    elsewhere = log_in()

    client.post("/admin/two-step/log-out-everywhere/")

    assert not is_at_the_desk(client)
    assert not is_at_the_desk(elsewhere)


def test_others_stay_logged_in(client, admin_client):
    client.post("/admin/two-step/log-out-everywhere/")

    assert is_at_the_desk(admin_client)


def test_a_link_to_it_logs_nobody_out(client):
    client.get("/admin/two-step/log-out-everywhere/")

    assert is_at_the_desk(client)


def test_a_superuser_logs_others_out(client, chan, admin_client):
    action = {"action": "log_accounts_out", "_selected_action": [chan.pk]}
    admin_client.post("/admin/auth/user/", action)

    assert not is_at_the_desk(client)


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client):
    cookie = client.cookies["sessionid"]

    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_ended_sessions_and_old_logins_are_forgotten(client):
    Session.objects.update(expire_date=timezone.now() - timedelta(days=1))
    AccessLog.objects.update(attempt_time=timezone.now() - timedelta(days=91))

    purge_old()

    assert not Session.objects.exists()
    assert not AccessLog.objects.exists()


@pytest.mark.parametrize("key", ['"\\000abcdefghijkl"', "x" * 40, "../../etc"])
def test_a_key_that_somebody_made_up_is_no_session(key):
    answer = Client(headers={"cookie": f"sessionid={key}"}).get("/admin/login/")

    assert answer.status_code == 200
