"""What costs more than a page, and who asks for it too often."""

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from briefings import clients, hooks
from briefings.models import Audience
from briefings.tests.makers import make_published

pytestmark = pytest.mark.django_db

COSTLY = [
    "/search/?q=甲",
    "/zh-hans/search/?q=甲",
    "/phrases/?q=甲",
    "/phrases.csv?q=甲",
    "/feeds/search/atom/?q=甲",
    "/feeds/search/rss/?q=甲",
    "/feeds/search/json/?q=甲",
    "/volumes/2026.pdf",
    "/entries/甲/card-0123456789abcdef.png",
]


@pytest.fixture(autouse=True)
def two_a_minute(settings, monkeypatch):
    cache.clear()
    settings.SEARCH_RATE = 2
    monkeypatch.setattr(clients, "time", lambda: 605.5)


def use_up(client: Client) -> None:
    for text in ("一", "二"):
        assert client.get(f"/search/?q={text}").status_code == 200


@pytest.mark.parametrize("path", COSTLY)
def test_who_asks_too_often_is_told_when_to_ask_again(client, path):
    use_up(client)

    answer = client.get(path)

    assert answer.status_code == 429
    assert answer["Retry-After"] == "55"
    assert answer["Cache-Control"] == "no-store"
    assert "55 秒" in answer.content.decode()


def test_in_english_it_is_told_in_english(client):
    use_up(client)

    assert "try again in 55 seconds" in client.get("/en/search/?q=甲").content.decode()


def test_the_next_minute_begins_anew(client, monkeypatch):
    use_up(client)
    monkeypatch.setattr(clients, "time", lambda: 660.0)

    assert client.get("/search/?q=甲").status_code == 200


def test_one_client_takes_nothing_from_another(client):
    use_up(client)

    assert client.get("/search/?q=甲", REMOTE_ADDR="198.51.100.7").status_code == 200


def test_pages_can_be_read_all_the_same(client):
    edition = make_published({"headline": "甲"})
    use_up(client)
    assert client.get("/search/?q=甲").status_code == 429

    for path in ("/", edition.get_absolute_url(), "/entries/甲/", "/feeds/atom/", "/about/"):
        assert client.get(path).status_code == 200


def test_what_is_kept_in_memory_counts_nothing(client):
    for _ in range(5):
        assert client.get("/phrases/").status_code == 200


def test_editors_are_not_held_up(client):
    client.force_login(User.objects.create_user("chan", is_staff=True))
    use_up(client)

    assert client.get("/search/?q=甲").status_code == 200


def test_members_are_not_held_up(client, monkeypatch):
    use_up(client)
    monkeypatch.setattr(hooks, "audience_of", lambda request: Audience.MEMBERS)

    assert client.get("/search/?q=甲").status_code == 200


def test_without_a_rate_nobody_is_held_up(client, settings):
    settings.SEARCH_RATE = 0
    use_up(client)

    assert client.get("/search/?q=甲").status_code == 200
