"""A worker killed in mid-mailing: real worker, real broker, real SMTP server, real SIGKILL."""

import asyncio
import json
import os
import signal
import time
from collections import defaultdict

import pytest

from subscribers.tests.makers import running_relay

MEMBERS = 150
PATIENCE = 60  # seconds; on an idle machine it takes a quarter of them

WORKER = (
    *("celery", "-A", "cma_site", "worker", "-P", "threads", "-c", "2", "-l", "warning"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)
OPEN = f"from subscribers.tests.makers import make_mailing; make_mailing(members={MEMBERS})"
READ_LEDGER = (
    "import json; from subscribers.models import Mailing;"
    " print(json.dumps(Mailing.objects.get().count_deliveries()))"
)

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture
def slow_relay():
    with running_relay() as relay:
        relay.take_time = lambda: asyncio.sleep(0.02)
        yield relay


@pytest.fixture
def stage_env(stage_env, slow_relay):
    return stage_env | {
        "EMAIL_URL": f"smtp://127.0.0.1:{slow_relay.port}",
        "DELIVERY_LEASE": "3",
        "UNKNOWN_DELIVERIES": "resend",
    }


def wait_until(condition, act=lambda: time.sleep(0.02)):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it takes too long"
        act()


def test_everybody_gets_the_mail_once_and_at_most_the_one_in_flight_twice(stage, slow_relay):
    stage.python(OPEN)
    stage.processes.start("worker", WORKER)
    wait_until(lambda: len(slow_relay.accepted) > MEMBERS // 3)

    os.killpg(stage.processes.children["worker"].process.pid, signal.SIGKILL)
    stage.processes.children["worker"].process.wait()
    assert len(slow_relay.accepted) < MEMBERS
    stage.processes.start("worker", WORKER)
    wait_until(
        lambda: json.loads(stage.python(READ_LEDGER))["sent"] == MEMBERS,
        act=lambda: stage.manage("send_due"),
    )

    copies = defaultdict(list)
    for address, source in slow_relay.accepted:
        copies[address].append(source)
    assert len(copies) == MEMBERS
    assert len(slow_relay.accepted) <= MEMBERS + 1
    assert all(len(set(sources)) == 1 for sources in copies.values())
