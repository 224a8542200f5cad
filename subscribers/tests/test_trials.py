"""Sending a mail to somebody who is to look at it before members get it."""

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache

from briefings.models import Theme
from briefings.tests.makers import make_draft
from subscribers.desk import TRIALS
from subscribers.models import Delivery, Mailing
from subscribers.tests.makers import make_member, read_message, running_relay

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor(client):
    cache.clear()
    user = User.objects.create_user("chan", is_staff=True)
    allow(user, "view_edition", "view_mailing", "add_mailing")
    client.force_login(user)
    return user


def allow(user, *codenames):
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))


@pytest.fixture
def page(editor):
    theme = Theme.objects.create(name="貿易")
    edition = make_draft({"headline": "頭髮"}, {"headline": "只談貿易", "themes": [theme]})
    return f"/admin/briefings/edition/{edition.pk}/mail/"


def read(relay):
    return [(address, read_message(source)) for address, source in relay.accepted]


def test_it_goes_to_those_who_are_named_and_to_no_member(client, page):
    make_member()

    with running_relay() as relay:
        answer = client.post(
            page, {"to": "a@example.com， B@Example.com a@example.com"}, follow=True
        )

    (first, message), (second, _) = read(relay)
    assert (first, second) == ("a@example.com", "B@example.com")
    assert message["Subject"].startswith("【測試】")
    assert "測試郵件已寄往 a@example.com。" in answer.text
    assert not Mailing.objects.exists()
    assert not Delivery.objects.exists()


def test_it_opens_nothing_of_a_members_and_is_no_list_mail(client, page):
    member = make_member(name="陳大文")

    with running_relay() as relay:
        client.post(page, {"to": "a@example.com"})

    ((_, message),) = read(relay)
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    for part in (text, html):
        assert "/preferences/" not in part
        assert "/unsubscribe/" not in part
        assert member.name not in part
    assert message["List-Unsubscribe"] is None
    assert message["List-Id"] is None


def test_it_is_what_the_reader_chosen_would_get(client, page):
    with running_relay() as relay:
        client.post(f"{page}?theme=貿易&script=hans&language=en", {"to": "a@example.com"})

    ((_, message),) = read(relay)
    text = message.get_body(("plain",)).get_content()
    assert "只谈贸易" in text
    assert "头发" not in text
    assert "Hello," in text


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("", "請填寫試寄的電郵地址。"),
        ("a@example.com, 不是地址", "「不是地址」不是正確的電郵地址。"),
        (" ".join(f"{n}@example.com" for n in range(6)), "一次最多試寄給 5 個地址。"),
        ("a@example.com\r\nBcc:b@example.com", "不是正確的電郵地址。"),
    ],
)
def test_what_cannot_be_sent_is_told_and_nothing_is(to, told, client, page):
    with running_relay() as relay:
        answer = client.post(page, {"to": to})

    assert told in answer.text
    assert not relay.accepted


def test_what_the_relay_says_is_told(client, page):
    with running_relay() as relay:
        relay.on_rcpt = lambda address: "550 no such user" if "bad" in address else None
        answer = client.post(page, {"to": "bad@example.com good@example.com"}, follow=True)

    assert "未能寄到 bad@example.com" in answer.text
    assert "no such user" in answer.text
    assert "測試郵件已寄往 good@example.com。" in answer.text


def test_a_relay_that_is_away_is_told_once(client, page, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

    answer = client.post(page, {"to": "a@example.com b@example.com"}, follow=True)

    assert answer.text.count("郵件伺服器現時連不上") == 1


def test_only_who_may_send_mailings_may_try_them(client, page, editor):
    editor.user_permissions.remove(Permission.objects.get(codename="add_mailing"))

    with running_relay() as relay:
        assert "試寄" not in client.get(page).text
        assert client.post(page, {"to": "a@example.com"}).status_code == 403
    assert not relay.accepted


def test_nobody_sends_more_than_some_in_an_hour(client, page):
    with running_relay() as relay:
        for _ in range(TRIALS + 2):
            answer = client.post(page, {"to": "a@example.com"}, follow=True)

    assert len(relay.accepted) == TRIALS
    assert "次數太多" in answer.text
