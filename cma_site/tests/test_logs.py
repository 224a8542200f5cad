"""The log of real requests, tasks and processes: who belongs to what, and nobody's name."""

import io
import json
import logging
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest
from celery import current_app, shared_task
from django.contrib.auth.models import User
from django.urls import path

from cma_site import urls
from cma_site.supervisor import BEAT, WORKER, serve_command
from cma_site.watching.log_lines import FORMATS
from cma_site.watching.tracing import HEADER, send_request_id_along, trace
from conftest import find_free_port, wait_until_served
from subscribers.links import Purpose, make_token
from subscribers.tests.makers import make_mailing, make_member

logger = logging.getLogger("tests")


class Written:
    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def records(self) -> list[dict]:
        return [json.loads(line) for line in self.text.splitlines()]


@contextmanager
def writing(form: str):
    """The whole log, as a handler of production writes it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(FORMATS[form]())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield Written(stream)
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def log():
    with writing("json") as written:
        yield written


def fail(request):
    request.user.is_active  # noqa: B018  (asks who it is)
    raise ValueError("no mail to 陳大文 <chan@example.com>")


@shared_task
def fail_at(mailing_id: int, email: str) -> None:
    logger.info("at work")
    raise ValueError(f"no mail to {email}")


class FailingSite:
    urlpatterns = [*urls.urlpatterns, path("fail/", fail)]
    handler404, handler500 = urls.handler404, urls.handler500


# ------------------------------------------------------------------------------------- requests
@pytest.mark.django_db
def test_every_answer_says_its_request_id(client):
    first, second = client.get("/healthz"), client.get("/healthz")

    assert first[HEADER] != second[HEADER]


def test_a_proxys_request_id_is_taken_where_it_is_trusted(client, settings):
    settings.BEHIND_TLS_PROXY = True

    answer = client.get("/healthz", headers={HEADER: "from-the-proxy-1"})

    assert answer[HEADER] == "from-the-proxy-1"


@pytest.mark.parametrize("given", ["a b c d e f g h", "x" * 65, "short", "chan@example.com", ""])
def test_a_request_id_that_has_no_place_in_a_log_is_not_taken(client, settings, given):
    settings.BEHIND_TLS_PROXY = True

    assert client.get("/healthz", headers={HEADER: given})[HEADER] != given


def test_a_strangers_request_id_is_not_taken(client):
    answer = client.get("/healthz", headers={HEADER: "from-a-stranger"})

    assert answer[HEADER] != "from-a-stranger"


@pytest.mark.django_db
def test_a_line_says_to_which_request_it_belongs(client, log):
    answer = client.get("/nowhere/")

    (record,) = [one for one in log.records if one["logger"] == "django.request"]
    assert record["request_id"] == answer[HEADER]
    assert record["level"] == "WARNING"
    assert record["message"] == "Not Found: /nowhere/"


@pytest.mark.django_db
def test_a_token_that_is_not_good_stays_out_of_the_log(client, log):
    token = make_token(Purpose.PREFERENCES, make_member().pk)

    client.get(f"/preferences/{token}x/")
    client.get(f"/preferences/{token}/no-such-page/")

    assert "Not Found: /preferences/…/" in log.text
    assert token not in log.text


@pytest.mark.django_db
@pytest.mark.parametrize("form", ["json", "line"])
def test_a_traceback_names_nobody(client, settings, form):
    settings.ROOT_URLCONF = FailingSite
    client.raise_request_exception = False

    with writing(form) as log:
        client.get("/fail/?q=chan@example.com")

    assert "Traceback" in log.text
    assert "ValueError: no mail to 陳大文 <…@…>" in log.text
    assert "chan@example.com" not in log.text


@pytest.mark.django_db
def test_a_line_says_which_account_asked_and_not_its_name(client, settings, log):
    settings.ROOT_URLCONF = FailingSite
    chan = User.objects.create_user("chan-tai-man", email="chan@example.com")
    client.force_login(chan)
    client.raise_request_exception = False

    client.get("/fail/")

    (record,) = [one for one in log.records if one["level"] == "ERROR"]
    assert record["staff_id"] == chan.pk
    assert "chan-tai-man" not in log.text


@pytest.mark.django_db
def test_a_line_asks_the_database_nothing(client, log, django_assert_num_queries):
    client.force_login(User.objects.create_user("chan"))

    with django_assert_num_queries(1):  # for the session's age
        client.post("/robots.txt")

    assert "Method Not Allowed" in log.text


@pytest.mark.django_db
def test_a_lockout_says_neither_whose_nor_from_where(client, log):
    for _ in range(5):
        client.post(
            "/admin/login/",
            {"username": "chan-tai-man", "password": "wrong"},
            REMOTE_ADDR="203.0.113.5",
        )

    assert "Locking out" in log.text
    assert "chan-tai-man" not in log.text
    assert "203.0.113.5" not in log.text


# ---------------------------------------------------------------------------------------- tasks
@pytest.mark.django_db
def test_a_line_says_to_which_task_and_rows_it_belongs(log):
    result = fail_at.apply(args=(7,), kwargs={"email": "chan@example.com"})

    (record,) = [one for one in log.records if one["message"] == "at work"]
    assert record["task_id"] == result.id
    assert record["task"] == fail_at.name
    assert record["mailing_id"] == 7


@pytest.mark.django_db
def test_a_task_that_fails_names_nobody(log):
    fail_at.apply(args=(7,), kwargs={"email": "chan@example.com"})

    (record,) = [one for one in log.records if one["level"] == "ERROR"]
    assert "ValueError: no mail to …@…" in record["exc_info"]
    assert "chan" not in log.text


@pytest.mark.django_db
def test_after_a_task_lines_no_longer_belong_to_it(log):
    fail_at.apply(args=(7, "chan@example.com"))

    logger.info("later")

    assert "task" not in log.records[-1]


def test_a_request_id_goes_with_the_tasks_it_queues():
    headers: dict = {}

    with trace(request_id="from-the-proxy-1"):
        send_request_id_along(headers=headers)

    assert headers == {"request_id": "from-the-proxy-1"}


@pytest.mark.django_db
def test_a_sending_is_told_by_its_mailing(log):
    mailing = make_mailing(members=1)

    current_app.tasks["subscribers.tasks.send_chunk"].apply(args=(mailing.pk, 1, 10**6))

    assert {one.get("mailing_id") for one in log.records if one.get("task")} <= {mailing.pk}


# ------------------------------------------------------------------------------------ processes
ASK = """
from cma_site.watching.tracing import trace
from subscribers.tasks import send_login_link
with trace(request_id="from-the-proxy-1"):
    send_login_link.delay("chan@example.com", "/")
"""
MAKE_MEMBER = (
    "from subscribers.tests.makers import make_member; make_member(email='chan@example.com')"
)


@pytest.fixture
def stage_env(stage_env):
    # A relay that nobody listens at: what was to be sent ends in the log.
    return stage_env | {
        "LOG_FORMAT": "json",
        "EMAIL_URL": "smtp://127.0.0.1:9",
        "BEHIND_TLS_PROXY": "1",
    }


def read_records(text: str) -> list[dict]:
    """The lines that are JSON; Celery greets with some that are none."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


@pytest.mark.slow
@pytest.mark.django_db
def test_web_worker_and_beat_write_one_object_a_record(stage):
    port = find_free_port()
    stage.url = f"http://127.0.0.1:{port}"
    stage.python(MAKE_MEMBER)
    log = ("--logger-class", "cma_site.watching.gunicorn_logger.SiteLogger")
    log += ("--access-logfile", "-", "--log-level", "info")
    stage.processes.start("web", serve_command(port) + log)
    stage.processes.start("worker", (*WORKER, "-l", "info"))
    stage.processes.start("beat", (*BEAT, "-l", "info"))
    wait_until_served(stage)

    request = urllib.request.Request(
        f"{stage.url}/preferences/half-a-token/?q=secret", headers={HEADER: "from-the-proxy-2"}
    )
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(request)
    stage.python(ASK)
    wait_until(lambda: "was not sent" in stage.logs())
    stage.processes.stop()

    logs = stage.logs()
    records = read_records(logs)
    (asked,) = [
        one
        for one in records
        if one["logger"] == "gunicorn.access" and "preferences" in one["message"]
    ]
    (failed,) = [one for one in records if "was not sent" in one["message"]]
    assert asked["message"].startswith("GET /preferences/…/ 4")
    assert asked["request_id"] == "from-the-proxy-2"
    assert failed["request_id"] == "from-the-proxy-1"
    assert failed["task"] == "subscribers.tasks.send_login_link"
    assert "half-a-token" not in logs
    assert "secret" not in logs
    assert "chan@example.com" not in logs
    assert {"gunicorn.error", "celery.beat"} <= {one["logger"] for one in records}


def wait_until(condition, patience: float = 60) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.1)
