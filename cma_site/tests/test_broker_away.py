"""A broker that is away, or says nothing, is waited for once."""

import os
import signal
import time

import pytest
from kombu.exceptions import OperationalError
from redis.connection import Connection

from bench.servers import Redis
from cma_site import celery
from cma_site.celery import SiteCelery


@pytest.fixture
def broker(tmp_path):
    with Redis(tmp_path / "redis") as running:
        yield running


@pytest.fixture
def app(broker):
    app = SiteCelery("tried", broker=broker.url, set_as_current=False)
    # As in the settings, but sooner.
    app.conf.broker_transport_options = {"socket_connect_timeout": 1, "socket_timeout": 1}
    app.conf.task_publish_retry_policy = {"max_retries": 0}
    app.conf.task_ignore_result = True
    return app


@pytest.fixture
def connected(monkeypatch) -> list[bool]:
    """One for each connection that is made."""
    made: list[bool] = []
    connect = Connection._connect
    monkeypatch.setattr(Connection, "_connect", lambda self: made.append(True) or connect(self))
    return made


@pytest.mark.slow
def test_one_that_falls_silent_is_waited_for_once(app, broker, connected, monkeypatch):
    monkeypatch.setattr(celery, "LEFT_ALONE", 5)
    app.send_task("some.task")  # over a connection that is kept
    os.kill(broker._process.pid, signal.SIGSTOP)
    connected.clear()

    with pytest.raises(OperationalError, match="Timeout"):
        app.send_task("some.task")
    assert not connected, "it is not tried again"
    for _ in range(2):
        with pytest.raises(OperationalError, match="a moment ago"):
            app.send_task("some.task")

    os.kill(broker._process.pid, signal.SIGCONT)
    time.sleep(5)
    app.send_task("some.task")


@pytest.mark.slow
def test_one_that_was_started_anew_is_not_noticed(app, broker):
    app.send_task("some.task")
    broker.lose_everything()

    app.send_task("some.task")
