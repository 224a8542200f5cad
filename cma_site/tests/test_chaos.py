"""`script/bench chaos` in short: real workers, brokers and a relay that breaks, held against what
the relay saw. On SQLite with the queue of files, on PostgreSQL with Redis and with RabbitMQ.
"""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection

from bench import chaos
from bench.chaos import Scene, play, staging
from bench.servers import Broker, Files, NotHere, RabbitMQ, Redis
from conftest import run_sql

MEMBERS = 300
KILLS = 3

pytestmark = [pytest.mark.slow, pytest.mark.django_db, pytest.mark.xdist_group("chaos")]


@contextmanager
def making_database(vendor: str) -> Iterator[str]:
    """Its address; none on SQLite, where each installation has its own file."""
    if vendor == "sqlite":
        yield ""
        return
    name, where = f"chaos_{uuid.uuid4().hex[:12]}", connection.settings_dict
    run_sql(f'CREATE DATABASE "{name}"')
    yield f"postgres://{where['USER']}@{where['HOST']}:{where['PORT']}/{name}"
    run_sql(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def stage(monkeypatch):
    """Gives a stage on a broker of this kind."""
    shorter = {"KILLS": KILLS, "PACE": 150, "FLAP": 1, "LEASE": 3, "RELAY_TIMEOUT": 1}
    for name, value in shorter.items():
        monkeypatch.setattr(chaos, name, value)

    @contextmanager
    def staging_on(broker: type[Broker]) -> Iterator[Scene]:
        with tempfile.TemporaryDirectory(prefix="cma-chaos.") as name:
            folder = Path(name)
            folder.chmod(0o755)  # brokers have users of their own
            with (
                making_database(connection.vendor) as url,
                staging(
                    folder, broker, database=None, members=MEMBERS, senders=1, database_url=url
                ) as scene,
            ):
                yield scene

    return staging_on


def play_all(scene: Scene, *all_breaks) -> None:
    for breaks in all_breaks:
        verdict = play(scene, breaks)
        assert verdict.is_good, (breaks.__name__, verdict)
        assert verdict.bounds_duplicates(), (breaks.__name__, verdict)


def test_nothing_is_lost_whatever_breaks(stage):
    with stage(Files if connection.vendor == "sqlite" else Redis) as scene:
        play_all(scene, chaos.kill_senders, chaos.lose_broker, chaos.flap_relay)


def test_nothing_is_lost_with_rabbitmq(stage):
    """What breaks at the relay is the same on any broker, and the broker's loss on any database."""
    try:
        with stage(RabbitMQ) as scene:
            play_all(scene, chaos.kill_senders, chaos.lose_broker)
    except NotHere as lacking:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"{lacking}, as Debian packs it, is not installed")
