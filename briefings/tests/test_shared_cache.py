"""While the cache that processes share is away, each counts by itself and pages are shown."""

import logging
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import cache

from briefings import cards
from briefings import shared_cache as module
from briefings.clients import count_times
from briefings.shared_cache import shared_cache
from briefings.tests.makers import make_published

pytestmark = pytest.mark.django_db

PERIOD = 10**9  # seconds; one that doesn't end within a test


def make_redis(port: int) -> dict:
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": f"redis://127.0.0.1:{port}/0",
        "OPTIONS": {"socket_connect_timeout": 0.2, "socket_timeout": 0.2},
    }


@pytest.fixture
def away(settings):
    """Nobody listens there."""
    settings.CACHES = {"default": make_redis(9)}


@pytest.fixture
def silent():
    """A host that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server


@pytest.mark.usefixtures("away")
@pytest.mark.parametrize(
    "address",
    ["/search/?q=關稅", "/feeds/search/atom/?q=關稅", "/phrases/?q=關稅", "/api/v1/entries"],
)
def test_pages_are_shown(client, settings, address):
    make_published()
    settings.SEARCH_RATE = 1

    assert client.get(address).status_code == 200


@pytest.mark.usefixtures("away")
def test_cards_are_asked_for(monkeypatch, django_capture_on_commit_callbacks):
    asked = []
    monkeypatch.setattr(cards, "signature", lambda *of, **more: Asked(asked))

    for _ in range(3):
        with django_capture_on_commit_callbacks(execute=True):
            cards.wake_for_reader(None)

    assert len(asked) == 1


class Asked:
    """In a task's place; the broker's is taken."""

    def __init__(self, times: list[bool]) -> None:
        self._times = times

    def apply_async(self) -> None:
        self._times.append(True)


@pytest.mark.usefixtures("away")
def test_who_asks_too_often_is_held_up_all_the_same(client, settings):
    settings.SEARCH_RATE = 2

    answers = Counter(client.get("/search/?q=一").status_code for _ in range(4))

    assert answers == {200: 2, 429: 2}


def test_one_that_says_nothing_is_waited_for_once(silent, settings, caplog):
    settings.CACHES = {"default": make_redis(silent.getsockname()[1])}

    with caplog.at_level(logging.WARNING):
        assert [count_times("a", PERIOD) for _ in range(3)] == [1, 2, 3]

    silent.accept()
    with pytest.raises(BlockingIOError):
        silent.accept()
    assert len(caplog.records) == 1


def test_of_many_that_come_one_finds_out_if_it_is_back(silent, settings, monkeypatch):
    settings.CACHES = {"default": make_redis(silent.getsockname()[1])}
    count_times("c", PERIOD)
    monkeypatch.setattr(shared_cache, "_ask_from", time.monotonic())  # the time is over

    with ThreadPoolExecutor(8) as threads:
        counted = list(threads.map(lambda _: count_times("c", PERIOD), range(8)))

    assert sorted(counted) == list(range(2, 10))
    for _ in range(2):  # before them, and of them
        silent.accept()
    with pytest.raises(BlockingIOError):
        silent.accept()


def test_when_it_is_back_it_counts_again(settings, monkeypatch):
    monkeypatch.setattr(module, "LEFT_ALONE", 0.2)
    here = settings.CACHES
    settings.CACHES = {"default": make_redis(9)}
    assert [count_times("b", PERIOD), count_times("b", PERIOD)] == [1, 2]

    settings.CACHES = here
    assert count_times("b", PERIOD) == 3, "it is left alone for a while"
    time.sleep(0.3)
    cache.clear()

    assert count_times("b", PERIOD) == 1
