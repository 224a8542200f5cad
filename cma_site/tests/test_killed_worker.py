"""A worker killed in mid-mailing: real worker, real broker, real SMTP server, real SIGKILL."""

import asyncio
import os
import signal
import time
from collections import defaultdict

import pytest

from cma_site.supervisor import WORKER
from subscribers.tests.makers import running_relay
from subscribers.waking import CHUNK

MEMBERS = CHUNK + 60  # two chunks, so that both of the worker's threads are at work
CONNECTIONS = 4  # two of each thread
PATIENCE = 150  # seconds; on an idle machine it takes a tenth of them

OPEN = f"from subscribers.tests.makers import make_mailing; make_mailing(members={MEMBERS})"
SWEEP_AND_COUNT_SENT = """
from django.utils import timezone
from subscribers.sweeping import sweep
from subscribers.models import Mailing
sweep(timezone.now())
print(Mailing.objects.get().count_deliveries()["sent"])
"""

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


class Slowness:
    """Takes its time over each message, and counts how many it has in hand."""

    def __init__(self) -> None:
        self.in_hand = 0

    async def __call__(self) -> None:
        self.in_hand += 1
        try:
            await asyncio.sleep(0.02)
        finally:
            self.in_hand -= 1


@pytest.fixture
def slow_relay():
    with running_relay() as relay:
        relay.take_time = Slowness()
        yield relay


@pytest.fixture
def stage_env(stage_env, slow_relay):
    return stage_env | {
        "EMAIL_URL": f"smtp://127.0.0.1:{slow_relay.port}",
        "DELIVERY_LEASE": "3",
        "UNKNOWN_DELIVERIES": "resend",
        "SMTP_CONNECTIONS": "2",
    }


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.005)


def test_everybody_gets_the_mail_once_and_at_most_those_in_flight_twice(stage, slow_relay):
    stage.python(OPEN)
    stage.processes.start("worker", WORKER)
    # One of its threads may print the edition first.
    wait_until(lambda: slow_relay.accepted and slow_relay.take_time.in_hand >= 2)

    os.killpg(stage.processes.children["worker"].process.pid, signal.SIGKILL)
    stage.processes.children["worker"].process.wait()
    assert len(slow_relay.accepted) < MEMBERS
    stage.processes.start("worker", WORKER)
    wait_until(lambda: int(stage.python(SWEEP_AND_COUNT_SENT)) == MEMBERS)

    copies = defaultdict(list)
    for address, source in slow_relay.accepted:
        copies[address].append(source)
    assert len(copies) == MEMBERS
    assert len(slow_relay.accepted) <= MEMBERS + CONNECTIONS
    # The same bytes, hence the same Message-ID, by which mail programs know a second copy.
    assert all(len(set(sources)) == 1 for sources in copies.values())
