"""A forgotten password, by mail."""

import re
from datetime import timedelta

import pytest
from celery import current_app
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from kombu.exceptions import OperationalError

from cma_site.tests.makers import PASSWORD, give_telephone, make_staff

pytestmark = pytest.mark.django_db

ASK = "/admin/password_reset/"
NEW = "victoria-peak-552"


@pytest.fixture(autouse=True)
def worker_at_once():
    current_app.conf.task_always_eager = True
    yield
    current_app.conf.task_always_eager = False


@pytest.fixture
def chan() -> User:
    return make_staff("chan")


def ask(email: str = "chan@example.com", **headers):
    return Client().post(ASK, {"email": email}, headers=headers)


def read_link() -> str:
    return re.search(r"https?://\S+", mail.outbox[-1].body)[0]


def set_password(client: Client, link: str, password: str = NEW):
    page = client.get("/" + link.split("/", 3)[3], follow=True)
    form = {"new_password1": password, "new_password2": password}
    return client.post(page.request["PATH_INFO"], form, follow=True)


def may_log_in(password: str) -> bool:
    answer = Client().post("/admin/login/", {"username": "chan", "password": password})
    return answer.status_code == 302


def test_the_mail_is_in_chinese_and_names_the_account(chan):
    User.objects.filter(pk=chan.pk).update(last_name="陳", first_name="大文")

    ask()

    message = mail.outbox[0]
    assert message.to == ["chan@example.com"]
    assert message.subject == "重設政策短評編輯台的密碼"
    assert message.body.startswith("陳大文，您好：")
    assert "你的用戶名稱是：chan" in message.body


def test_the_link_is_at_our_own_address_whatever_the_host(chan, settings):
    settings.ALLOWED_HOSTS = ["*"]

    ask(host="evil.example")

    assert read_link().startswith(f"{settings.SITE_URL}/admin/password_reset/")
    assert "evil.example" not in mail.outbox[0].body


def test_the_answer_is_the_same_for_whoever_has_no_account(chan):
    answers = [ask(email) for email in ("chan@example.com", "nobody@example.com")]

    assert len({(answer.status_code, answer["Location"]) for answer in answers}) == 1
    assert len(mail.outbox) == 1


def test_the_page_that_follows_says_to_look_into_the_mail(chan):
    page = Client().get(ask()["Location"]).content.decode()

    assert "<h1>請查看電郵</h1>" in page
    assert "郵箱" not in page


def test_the_page_does_not_look_the_address_up(chan, django_assert_num_queries, monkeypatch):
    # What takes time differs by address, so the page leaves all of it to the worker.
    monkeypatch.setattr("cma_site.password_reset.send_reset_mails.delay", lambda email: None)

    with django_assert_num_queries(0):
        ask()


def test_without_its_broker_the_page_asks_for_patience(chan, monkeypatch):
    monkeypatch.setattr("cma_site.password_reset.send_reset_mails.delay", refuse)

    answer = ask()

    assert "現時未能寄出郵件，請過幾分鐘再試。" in answer.content.decode()


def refuse(email: str) -> None:
    raise OperationalError


@pytest.mark.parametrize("fields", [{"is_active": False}, {"password": "!"}])
def test_who_may_not_log_in_by_password_gets_no_mail(fields, chan):
    User.objects.update(**fields)

    ask()

    assert mail.outbox == []


def test_nobody_is_mailed_more_than_three_in_an_hour(chan):
    for _ in range(5):
        ask()

    assert len(mail.outbox) == 3


def test_after_an_hour_mail_goes_out_again(chan):
    for _ in range(3):
        ask()
    for entry in LogEntry.objects.all():
        earlier = entry.action_time - timedelta(hours=1)
        LogEntry.objects.filter(pk=entry.pk).update(action_time=earlier)

    ask()

    assert len(mail.outbox) == 4


def test_the_link_sets_a_new_password(chan):
    ask()

    set_password(Client(), read_link())

    assert may_log_in(NEW)
    assert not may_log_in(PASSWORD)


def test_the_link_is_good_once(chan):
    ask()
    set_password(Client(), read_link())

    answer = set_password(Client(), read_link(), "another-password-1")

    assert "<h1>連結已失效</h1>" in answer.content.decode()
    assert "這個連結已過了有效期，或者已經用過" in answer.content.decode()
    assert may_log_in(NEW)


def test_a_weak_password_is_refused_in_chinese(chan):
    ask()

    page = set_password(Client(), read_link(), "12345678").content.decode()

    assert "這個密碼太常見了。" in page
    assert may_log_in(PASSWORD)


def test_a_new_password_ends_every_session(chan):
    elsewhere = Client()
    elsewhere.post("/admin/login/", {"username": "chan", "password": PASSWORD})
    ask()

    set_password(Client(), read_link())

    assert elsewhere.get("/admin/").status_code == 302


def test_a_new_password_leaves_nobody_logged_in(chan):
    client = Client()
    ask()

    set_password(client, read_link())

    assert client.get("/admin/").status_code == 302


def test_after_a_new_password_the_code_is_still_asked(chan):
    give_telephone(chan)
    ask()
    set_password(Client(), read_link())
    client = Client()

    answer = client.post("/admin/login/", {"username": "chan", "password": NEW}, follow=True)

    assert answer.request["PATH_INFO"] == "/admin/two-step/code/"


def test_a_new_password_opens_the_lock_that_guessing_closed(chan):
    for _ in range(5):
        may_log_in("a guess")
    ask()

    set_password(Client(), read_link())

    assert may_log_in(NEW)
