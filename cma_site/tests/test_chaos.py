"""`script/bench chaos` in short: real workers, brokers and a relay that breaks, held against what
the relay saw. On SQLite with the queue of files, on PostgreSQL with Redis; `script/bench chaos` has
RabbitMQ too.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from bench import chaos
from bench.chaos import Scene, play, staging
from bench.servers import Files, Redis
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
def scene(tmp_path_factory, monkeypatch):
    broker = Files if connection.vendor == "sqlite" else Redis
    shorter = {"KILLS": KILLS, "PACE": 150, "FLAP": 1, "LEASE": 3, "RELAY_TIMEOUT": 1}
    for name, value in shorter.items():
        monkeypatch.setattr(chaos, name, value)
    folder = tmp_path_factory.mktemp("chaos")
    with (
        making_database(connection.vendor) as url,
        staging(
            folder, broker, database=None, members=MEMBERS, senders=1, database_url=url
        ) as scene,
    ):
        yield scene


def test_nothing_is_lost_whatever_breaks(scene: Scene):
    for breaks in (chaos.kill_senders, chaos.lose_broker, chaos.flap_relay):
        verdict = play(scene, breaks)
        assert verdict.is_good, (breaks.__name__, verdict)
        assert verdict.bounds_duplicates(), (breaks.__name__, verdict)
