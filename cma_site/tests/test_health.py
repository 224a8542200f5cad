import json

import pytest
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache
from django.test import RequestFactory
from django.utils import timezone

from cma_site import health
from cma_site.celery import app
from cma_site.models import Happening
from cma_site.watching.happenings import TICK, note_happening


@pytest.fixture(autouse=True)
def no_kept_answer():
    cache.clear()
    yield
    cache.clear()


def test_alive_asks_nothing_of_the_database(client):
    response = client.get("/healthz")

    assert response.json() == {"alive": True}


@pytest.fixture
def laptop(settings, tmp_path):
    """Queue and mailbox folders of its own."""
    settings.MAILBOX_DIR = tmp_path / "mailbox"
    settings.QUEUE_DIR = tmp_path / "queue"
    (settings.QUEUE_DIR / "messages").mkdir(parents=True)
    return settings


def test_mail_is_reachable_where_it_is_captured(laptop):
    assert health.answers("mail", health.ask_mail)


def test_a_queue_of_files_is_ready_when_its_folder_is(laptop):
    assert health.answers("queue", health.ask_queue)


def test_a_queue_without_its_folder_is_not_ready(laptop):
    (laptop.QUEUE_DIR / "messages").rmdir()

    assert not health.answers("queue", health.ask_queue)


def test_a_relay_that_is_not_there_is_not_reachable(settings):
    settings.MAILBOX_DIR = None
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9

    assert not health.answers("mail", health.ask_mail)


def test_not_ready_says_which_part_does_not_answer(laptop):
    cache.set("readiness", {"database": True, "queue": True, "worker": False, "mail": True})

    response = health.ready(RequestFactory().get("/readyz"))

    assert response.status_code == 503
    assert json.loads(response.content) == {
        "ready": False,
        "database": True,
        "queue": True,
        "worker": False,
        "mail": True,
    }


@pytest.mark.django_db
def test_a_cache_that_is_away_is_told_and_the_others_are_asked(settings, laptop):
    here = settings.CACHES
    redis = "django.core.cache.backends.redis.RedisCache"
    settings.CACHES = {"default": {"BACKEND": redis, "LOCATION": "redis://127.0.0.1:9/0"}}

    response = health.ready(RequestFactory().get("/readyz"))

    settings.CACHES = here
    assert response.status_code == 503
    answers = json.loads(response.content)
    assert answers["cache"] is False
    assert answers["database"] is True


class ReadOnly(LocMemCache):
    def set(self, *_of: object, **_more: object) -> None:
        raise ConnectionError("nothing can be written")


def test_a_cache_that_keeps_nothing_costs_no_second_asking(monkeypatch, settings):
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.ReadOnly"}}
    asked = []
    monkeypatch.setattr(health, "ask_parts", lambda: asked.append(1) or {"database": True})

    assert health.ready(RequestFactory().get("/readyz")).status_code == 200
    assert len(asked) == 1


def test_ready_when_every_part_answers():
    cache.set("readiness", dict.fromkeys(["database", "queue", "worker", "mail"], True))

    response = health.ready(RequestFactory().get("/readyz"))

    assert response.status_code == 200


@pytest.mark.django_db
def test_a_schedule_that_was_never_kept_is_not_ready():
    assert not health.answers("schedule", health.ask_schedule)


@pytest.mark.django_db
def test_what_beat_queues_was_done_of_late():
    note_happening(TICK)

    assert health.answers("schedule", health.ask_schedule)


@pytest.mark.django_db
def test_a_schedule_that_stands_still_is_not_ready():
    note_happening(TICK)
    Happening.objects.update(last_at=timezone.now() - health.TICKS_WITHIN)

    assert not health.answers("schedule", health.ask_schedule)


def test_what_is_not_ready_tells_no_secret(laptop, caplog):
    """Whoever asks is told which part; the log, why, without the passwords in addresses."""
    usual = app.conf.broker_url
    app.conf.broker_url = "amqp://user:lion-rock@127.0.0.1:9//"
    try:
        is_ready = health.answers("queue", health.ask_queue)
    finally:
        app.conf.broker_url = usual

    assert not is_ready
    assert "lion-rock" not in caplog.text


@pytest.mark.django_db
def test_the_database_answers():
    assert health.answers("database", health.ask_database)
