"""How often one client asks, as the API and the login count it."""

import pytest
from django.core.cache import cache

from briefings import clients
from briefings.clients import count_asking


@pytest.fixture(autouse=True)
def empty_cache():
    cache.clear()


@pytest.fixture
def full_cache(monkeypatch):
    """One that drops each key as soon as it has it."""
    monkeypatch.setattr(cache, "add", lambda *args, **kwargs: True)


def test_each_client_and_each_purpose_is_counted_by_itself(rf, monkeypatch):
    monkeypatch.setattr(clients, "time", lambda: 59.0)
    one, other = rf.get("/", REMOTE_ADDR="203.0.113.5"), rf.get("/", REMOTE_ADDR="198.51.100.7")

    counts = [count_asking("api", asks, 60) for asks in (one, one, other)]

    assert counts == [1, 2, 1]
    assert count_asking("login", one, 60) == 1


def test_counting_begins_anew_with_each_period(rf, monkeypatch):
    counts = []
    for now in (59.0, 59.9, 60.0):
        monkeypatch.setattr(clients, "time", lambda now=now: now)
        counts.append(count_asking("api", rf.get("/"), 60))

    assert counts == [1, 2, 1]


def test_a_count_that_the_cache_has_dropped_begins_anew(rf, full_cache):
    assert count_asking("api", rf.get("/"), 60) == 1


@pytest.mark.django_db
def test_a_full_cache_keeps_nobody_from_the_api(client, full_cache):
    assert client.get("/api/v1/themes").status_code == 200
