"""Anybody may type anybody's address: what that tells, and what it costs its owner."""

from datetime import timedelta
from time import time

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from briefings.models import Theme
from briefings.tests.makers import make_published
from subscribers.forms import make_stamp
from subscribers.joining import ASKED_BY_CLIENT, MAILS, answer_request, wake_requests, write_down
from subscribers.models import ConsentRecord, Frequency, JoiningRequest, Member, MemberState
from subscribers.tests.makers import at_once, make_member

pytestmark = pytest.mark.django_db

NOW = timezone.now()
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def no_counts():
    cache.clear()


def ask(email: str = "chan@example.com", now=NOW, **fields) -> JoiningRequest:
    wish = {"name": "", "frequency": Frequency.EVERY_EDITION, "themes": []}
    return write_down(email=email, now=now, **wish | fields)


def make_known() -> dict[str, str]:
    """An address of each kind that a stranger might want to know about."""
    make_member(email="active@example.com")
    make_member(email="pending@example.com", state=MemberState.PENDING)
    make_member(email="gone@example.com").unsubscribe()
    return {kind: f"{kind}@example.com" for kind in ("active", "pending", "gone", "new")}


def test_the_page_asks_the_database_the_same_whatever_the_address(client):
    asked = []
    for email in make_known().values():
        form = {"email": email, "consent": "on", "shown": make_stamp(time() - 5)}
        with CaptureQueriesContext(connection) as queries:
            client.post("/subscribe/", form)
        asked.append([query["sql"].replace(email, "…")[:60] for query in queries])

    assert all(queries == asked[0] for queries in asked)
    assert Member.objects.count() == 3


def test_a_worker_makes_the_member_with_what_was_asked_for(confirmations):
    theme = Theme.objects.create(name="房屋")
    make_published({"themes": [theme]})
    request = ask(name="陳大文", themes=[theme])

    answer_request(request.pk, NOW)

    member = Member.objects.get()
    assert (member.email, member.name) == ("chan@example.com", "陳大文")
    assert list(member.themes.all()) == [theme]
    assert member.consented_at == NOW


def test_a_theme_that_is_gone_meanwhile_is_left_out():
    theme = Theme.objects.create(name="房屋")
    request = ask(themes=[theme])
    theme.delete()

    answer_request(request.pk, NOW)

    assert not Member.objects.get().themes.exists()


def test_a_request_is_answered_once(confirmations, django_capture_on_commit_callbacks):
    request = ask()

    with django_capture_on_commit_callbacks(execute=True):
        answer_request(request.pk, NOW)
        answer_request(request.pk, NOW + timedelta(hours=1))

    assert confirmations == [Member.objects.get().pk]
    assert ConsentRecord.objects.count() == 1


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_two_workers_at_once_one_answers(confirmations, answered):
    request = JoiningRequest.objects.create(email="chan@example.com", asked_at=NOW)

    at_once(2, lambda: answer_request(request.pk, NOW))

    assert Member.objects.count() == 1
    assert confirmations == [Member.objects.get().pk]


def test_what_no_worker_took_is_queued_again(answered):
    waiting = ask(now=NOW - 2 * MINUTE)
    ask("just@example.com")

    wake_requests(NOW)

    assert answered == [waiting.pk]
    waiting.refresh_from_db()
    assert waiting.answered_at


def test_what_was_typed_is_forgotten_in_a_day():
    request = ask(now=NOW - timedelta(days=2))
    answer_request(request.pk, NOW - timedelta(days=1, minutes=1))
    ask()

    wake_requests(NOW)

    assert [kept.asked_at for kept in JoiningRequest.objects.all()] == [NOW]


@pytest.mark.parametrize("kind", ["new", "pending", "active", "gone"])
def test_nobodys_mailbox_is_filled_by_others(
    kind, confirmations, django_capture_on_commit_callbacks
):
    """However many clients ask, and however long between."""
    email = make_known()[kind]
    for number in range(8):
        moment = NOW + number * 11 * MINUTE
        with django_capture_on_commit_callbacks(execute=True):
            answer_request(ask(email.upper() if number % 2 else email, now=moment).pk, moment)

    assert len(confirmations) == MAILS


def test_the_next_day_one_may_ask_again(confirmations, django_capture_on_commit_callbacks):
    for day in (0, 0, 0, 0, 1.01):
        moment = NOW + timedelta(days=day, hours=JoiningRequest.objects.count() / 4)
        with django_capture_on_commit_callbacks(execute=True):
            answer_request(ask(now=moment).pk, moment)

    assert len(confirmations) == 4


def test_one_client_is_stopped_and_told_so(client):
    pages = [
        client.post(
            "/subscribe/",
            {"email": f"a{n}@example.com", "consent": "on", "shown": make_stamp(time() - 5)},
        )
        for n in range(ASKED_BY_CLIENT + 1)
    ]

    assert pages[-2].status_code == 302
    assert pages[-1].status_code == 429
    assert "次數太多" in pages[-1].text
    assert "a20@example.com" in pages[-1].text  # what was typed is still there
    assert JoiningRequest.objects.count() == ASKED_BY_CLIENT


STAMPS = {
    "none": lambda: "",
    "letters": lambda: "x",
    "unsigned": lambda: "123",
    "forged": lambda: "1:forged",
    "of this second": lambda: make_stamp(time()),
    "of the future": lambda: make_stamp(time() + 60),
    "of yesterday": lambda: make_stamp(time() - 25 * 3600),
}


@pytest.mark.parametrize("kind", STAMPS)
def test_what_was_sent_without_looking_at_the_form_is_shown_it_again(client, kind):
    stamp = STAMPS[kind]()
    page = client.post(
        "/subscribe/", {"email": "chan@example.com", "consent": "on", "shown": stamp}
    )

    assert "請再按一次" in page.text
    assert "chan@example.com" in page.text
    assert not JoiningRequest.objects.exists()


def test_the_form_that_is_shown_can_be_sent(client, monkeypatch):
    page = client.get("/subscribe/").text
    stamp = page.partition('name="shown" value="')[2].partition('"')[0]
    later = time() + 5
    monkeypatch.setattr("subscribers.forms.time", lambda: later)

    answer = client.post(
        "/subscribe/", {"email": "chan@example.com", "consent": "on", "shown": stamp}
    )

    assert answer.status_code == 302
    assert JoiningRequest.objects.count() == 1


def test_a_stranger_needs_the_token_of_the_form():
    answer = Client(enforce_csrf_checks=True).post(
        "/subscribe/",
        {"email": "chan@example.com", "consent": "on", "shown": make_stamp(time() - 5)},
    )

    assert answer.status_code == 403
