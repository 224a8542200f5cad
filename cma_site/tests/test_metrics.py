"""What is told to whoever watches: numbers, to those who have the token."""

import os
import subprocess
import sys
import time
import urllib.request
from datetime import timedelta
from types import SimpleNamespace

import pytest
from celery import shared_task
from django.core.exceptions import MiddlewareNotUsed
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from briefings.printing import build, make_order
from briefings.tests.makers import make_published
from cma_site.supervisor import serve_command
from cma_site.watching import happenings, site_metrics
from cma_site.watching.happenings import FAILED_TASK, TICK, note_happening, read_last
from cma_site.watching.request_metrics import CountRequests
from cma_site.watching.site_metrics import ANSWERS, answering_in_time, ask_state
from conftest import find_free_port, wait_until_served
from subscribers.models import (
    DeliveryState,
    Mailing,
    MailingState,
    MailReport,
    RecordedKind,
    ReportWay,
)
from subscribers.tests.makers import make_mailing

TOKEN = "a-long-and-random-token"

pytestmark = pytest.mark.django_db


@pytest.fixture
def watched(settings, client):
    settings.METRICS_TOKEN = TOKEN
    ANSWERS.forget()
    yield client
    ANSWERS.forget()


def ask(client: Client, token: str = TOKEN):
    return client.get("/metrics", headers={"Authorization": f"Bearer {token}"})


def read_samples(text: str) -> dict[tuple, float]:
    """By name and labels."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def read_state() -> dict[tuple, float]:
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for metric in ask_state(timezone.now())
        for sample in metric.samples
    }


# -------------------------------------------------------------------------------- who may ask
def test_without_a_token_nobody_may_ask(client):
    assert ask(client).status_code == 404
    assert ask(client, "").status_code == 404


@pytest.mark.parametrize("token", ["", "another", f"{TOKEN} "[:-2]])
def test_who_has_another_token_finds_nothing(watched, token):
    assert ask(watched, token).status_code == 404


def test_who_has_the_token_is_told(watched):
    answer = ask(watched)

    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")
    assert "no-store" in answer["Cache-Control"]


# -------------------------------------------------------------------------------- of requests
def test_requests_are_counted_by_route_and_status(watched):
    watched.get("/editions/no-such-edition/")
    watched.get("/editions/another/")

    samples = read_samples(ask(watched).content.decode())

    labels = (("method", "GET"), ("route", "briefings:edition_detail"), ("status", "404"))
    assert samples["site_requests_total", *labels] >= 2
    assert samples["site_request_seconds_count", ("route", "briefings:edition_detail")] >= 2


def test_what_strangers_make_up_makes_no_new_series(watched):
    def count() -> int:
        return len(read_samples(ask(watched).content.decode()))

    watched.get("/made-up-0/")
    watched.generic("MADEUP0", "/editions/")
    ask(watched)
    before = count()

    for number in range(1, 20):
        watched.get(f"/made-up-{number}/")
        watched.generic(f"MADEUP{number}", "/editions/")

    assert count() == before


# ----------------------------------------------------------------------------- of the database
def test_the_deliveries_of_running_mailings_are_told_by_state():
    mailing = make_mailing(members=3)
    mailing.deliveries.filter(pk=mailing.deliveries.first().pk).update(state=DeliveryState.SENT)

    state = read_state()

    assert state["site_deliveries", "queued"] == 2
    assert state["site_deliveries", "sent"] == 1
    assert state["site_deliveries", "unknown"] == 0
    assert state["site_mailings_running",] == 1


def test_what_waits_for_a_person_is_told_after_the_mailing_is_done():
    mailing = make_mailing(members=2)
    mailing.deliveries.update(state=DeliveryState.UNKNOWN)
    Mailing.objects.update(state=MailingState.DONE, opened_at=timezone.now())

    state = read_state()

    assert state["site_deliveries_unknown",] == 2
    assert state["site_deliveries", "unknown"] == 0


def test_what_waits_to_be_claimed_is_told_by_its_age():
    mailing = make_mailing(members=2)
    mailing.deliveries.update(not_before=timezone.now() - timedelta(minutes=10))

    assert read_state()["site_queue_age_seconds",] == pytest.approx(600, abs=5)


def test_what_is_put_off_does_not_wait():
    mailing = make_mailing(members=2)
    mailing.deliveries.update(not_before=timezone.now() + timedelta(minutes=10))

    assert read_state()["site_queue_age_seconds",] == 0


def test_how_fast_is_sent_is_told_over_five_minutes():
    mailing = make_mailing(members=3)
    mailing.deliveries.update(state=DeliveryState.SENT, sent_at=timezone.now())

    assert read_state()["site_sent_per_second",] == pytest.approx(3 / 300)


def test_returns_are_told_beside_what_was_sent():
    mailing = make_mailing(members=3)
    Mailing.objects.update(opened_at=timezone.now() - timedelta(days=2))
    mailing.deliveries.update(state=DeliveryState.SENT)
    for message_id in ("<1@example.com>", "<2@example.com>"):
        MailReport.objects.create(
            delivery=mailing.deliveries.first(),
            kind=RecordedKind.HARD,
            way=ReportWay.IMAP,
            message_id=message_id,
            received_at=timezone.now(),
        )

    state = read_state()

    assert state["site_sent", "7d"] == 3
    assert state["site_reports", "7d", "hard"] == 1
    assert state["site_reports", "7d", "complaint"] == 0
    assert state["site_sent", "1d"] == 0


def test_how_long_printing_took_is_told(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    order = make_order(make_published({"headline": "立法會"}))

    build(order)
    build(order)  # which is there already

    state = read_state()
    assert state["site_pdf_seconds_count", "edition"] == 1
    assert 0 < state["site_pdf_seconds_sum", "edition"] < 120
    assert state["site_pdf_seconds_bucket", "+Inf", "edition"] == 1
    assert state["site_pdf_seconds_bucket", "+Inf", "volume"] == 0


def test_the_tail_of_the_index_is_told():
    make_published({"headline": "甲"}, {"headline": "乙"})

    assert read_state()["site_index_tail",] == 2


@shared_task
def fail_always() -> None:
    raise ValueError("no")


def test_failed_tasks_are_counted_by_name():
    fail_always.apply()
    fail_always.apply()

    assert read_state()["site_tasks_failed_total", fail_always.name] == 2


def test_a_task_that_never_failed_is_told_too():
    """Prometheus sees no increase from nothing to one."""
    assert read_state()["site_tasks_failed_total", "subscribers.tasks.send_chunk"] == 0


def test_what_beat_queues_is_told_when_a_worker_has_done_it():
    before = time.time()
    assert read_last(TICK) is None

    happenings.note_tick(SimpleNamespace(name=happenings.TICKING))
    happenings.note_tick(SimpleNamespace(name="another.task"))

    assert read_state()["site_tick_timestamp_seconds",] >= before


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_last_backup_is_told(tmp_path):
    call_command("backup", tmp_path / "backup.zip", verbosity=0)

    assert read_state()["site_backup_timestamp_seconds",] == pytest.approx(time.time(), abs=60)


def test_all_questions_together_ask_little(django_assert_max_num_queries):
    make_mailing(members=3)

    with django_assert_max_num_queries(40):
        ask_state(timezone.now())


def test_nothing_names_anybody(watched):
    mailing = make_mailing(members=3)

    text = ask(watched).content.decode()

    assert "@" not in text
    assert mailing.subject not in text


# ------------------------------------------------------------------------- whatever goes wrong
ENDLESS = {
    "postgresql": "SELECT pg_sleep(60)",
    "sqlite": (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    ),
}


def ask_endlessly(now):
    with connection.cursor() as cursor:
        cursor.execute(ENDLESS[connection.vendor])
    return []


def test_a_question_that_takes_too_long_is_broken_off(monkeypatch):
    monkeypatch.setattr(site_metrics, "PATIENCE", 0.2)
    start = time.perf_counter()

    with pytest.raises(DatabaseError), answering_in_time():
        ask_endlessly(timezone.now())

    assert time.perf_counter() - start < 2


def test_after_one_that_was_broken_off_others_take_their_time(monkeypatch):
    monkeypatch.setattr(site_metrics, "PATIENCE", 0.2)
    with pytest.raises(DatabaseError), answering_in_time():
        ask_endlessly(timezone.now())

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_sleep(0.4)")
        assert Mailing.objects.count() == 0


def test_a_question_without_answer_is_told_and_the_rest_answered(watched, monkeypatch):
    monkeypatch.setattr(site_metrics, "PATIENCE", 0.2)
    monkeypatch.setattr(site_metrics, "QUESTIONS", (ask_endlessly, *site_metrics.QUESTIONS))

    answer = ask(watched)

    samples = read_samples(answer.content.decode())
    assert answer.status_code == 200
    assert samples["site_questions_failed",] == 1
    assert samples["site_index_tail",] == 0


def test_who_asks_often_asks_the_database_once(watched, django_assert_num_queries):
    ask(watched)

    with django_assert_num_queries(0):
        ask(watched)


def test_what_cannot_be_noted_stops_nobody(caplog):
    with connection.execute_wrapper(refuse):
        note_happening(FAILED_TASK, "x")

    assert "failed task was not noted" in caplog.text


def refuse(*_):
    raise DatabaseError("away")


# ------------------------------------------------------------------------------------ processes
def test_only_who_answers_requests_makes_the_folder_of_counts(settings, tmp_path, monkeypatch):
    folder = tmp_path / "var" / "metrics"
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
    with pytest.raises(MiddlewareNotUsed):
        CountRequests(HttpResponse)
    assert not folder.exists()

    settings.METRICS_TOKEN = TOKEN
    CountRequests(HttpResponse)

    assert folder.is_dir()


@pytest.mark.slow
def test_a_worker_needs_no_place_for_the_metrics(tmp_path):
    environment = os.environ | {"VAR_DIR": str(tmp_path), "METRICS_TOKEN": TOKEN}
    load = "from cma_site.celery import app; app.loader.import_default_modules()"

    # Addresses too: tasks write some of them.
    subprocess.run(
        [sys.executable, "-c", f"{load}; import cma_site.urls"], env=environment, check=True
    )

    assert not (tmp_path / "metrics").exists()


@pytest.mark.slow
def test_the_processes_of_a_server_count_together(stage):
    port = find_free_port()
    stage.url = f"http://127.0.0.1:{port}"
    stage.env = stage.processes.env = stage.env | {"METRICS_TOKEN": TOKEN}
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
    stage.processes.start("web", (*serve_command(port), "--workers", "3"))
    wait_until_served(stage)

    for _ in range(40):
        urllib.request.urlopen(f"{stage.url}/robots.txt").read()
    request = urllib.request.Request(
        f"{stage.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    asked = [urllib.request.urlopen(request).read().decode() for _ in range(6)]

    def count(text: str) -> float:
        robots = "cma_site.robots.allow_reading"
        labels = (("method", "GET"), ("route", robots), ("status", "200"))
        return read_samples(text)["site_requests_total", *labels]

    assert {count(text) for text in asked} == {40}
