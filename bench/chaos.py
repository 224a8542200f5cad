"""What is lost, doubled or wrongly given up while everything around a mailing breaks.

Real workers, brokers and databases, each its own, and a relay that writes down what it accepts
before it says so: what the ledger says in the end is held against that. Chance is seeded.

MEMBERS=10000 KILLS=20 SEED=1        as many members, kills of senders, and which chance
"""

import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.hosts import Host, lose_disk, running_hosts
from bench.installations import (
    PROCESSES,
    THREADS,
    Installation,
    is_connected,
    running_installation,
)
from bench.servers import Broker, Files, NotHere, Postgres, RabbitMQ, Redis, wait_until
from bench.sinks import FaultySink, Verdict, judge, running_faulty
from bench.sinks.faulty import EVERYBODY, FOR_GOOD, ONCE

CHUNK = 200  # subscribers.waking.CHUNK, which can't be read before Django is set up

MEMBERS = int(os.environ.get("MEMBERS", "10000"))
KILLS = int(os.environ.get("KILLS", "20"))
SEED = int(os.environ.get("SEED", "1"))
CHARACTERS = 1500  # of the text that is mailed: here it is fates that count, not bytes
# So many messages a second that between two kills there is something to interrupt.
PACE = 600
LEASE = 6  # seconds until the sweep takes a sender for dead whose journal it can't read
RELAY_TIMEOUT = 2
TICK = 0.5  # seconds between two sweeps; the schedule has 30
AT_MOST = 900  # seconds for one mailing
FLAP = 3  # seconds of one fault that strikes everybody


@dataclass
class Scene:
    """A mailing under way."""

    installation: Installation
    broker: Broker
    sink: FaultySink
    chance: random.Random
    members: int
    mailing: int = 0
    kills: int = 0
    database: Postgres | None = None

    def count_accepted(self) -> int:
        return self.sink.count_accepted()

    def tick(self) -> dict[str, int]:
        for sender in self.installation.senders:
            sender.keep_alive()
        counts: dict[str, int] = self.installation.ask("tick", mailing=self.mailing)
        return counts

    def wait_for_accepted(self, count: int) -> None:
        """Sweeping meanwhile; time passes by when all that is left waits for later. Returns early
        if the mailing ends before.
        """
        last_tick, accepted = 0.0, self.count_accepted()
        last_growth = time.monotonic()
        deadline = time.monotonic() + AT_MOST
        while (now_accepted := self.count_accepted()) < count:
            if now_accepted > accepted:
                accepted, last_growth = now_accepted, time.monotonic()
            elif time.monotonic() - last_growth > LEASE + 2:
                self.installation.ask("let time pass", mailing=self.mailing)
                last_growth = time.monotonic()
            if time.monotonic() - last_tick > TICK:
                if not _has_more(self.tick()):
                    return
                last_tick = time.monotonic()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.count_accepted()} of {count} accepted")
            time.sleep(0.01)

    def kill_sender(self) -> None:
        """One that is connected to the relay; another is started at once."""
        wait_until(
            lambda: self.installation.kill_one(self.chance, self.sink.port),
            "no sender is connected",
            pause=0.02,
        )
        self.kills += 1

    def finish(self) -> dict[str, int]:
        """Until nobody has anything left to do, waits that the relay asked for included."""
        deadline = time.monotonic() + AT_MOST
        while _has_more(counts := self.tick()):
            if not counts["sending"]:
                self.installation.ask("let time pass", mailing=self.mailing)
            if time.monotonic() > deadline:
                raise TimeoutError(str(counts))
            time.sleep(TICK)
        return counts


def _has_more(counts: dict[str, int]) -> bool:
    return bool(counts["queued"] or counts["sending"])


# ------------------------------------------------------------------------------------- what breaks
def kill_senders(scene: Scene) -> None:
    """At random points of the mailing."""
    points = sorted(scene.chance.sample(range(1, round(scene.members * 0.95)), KILLS))
    for point in points:
        scene.wait_for_accepted(point)
        scene.kill_sender()


def lose_broker(scene: Scene) -> None:
    scene.wait_for_accepted(scene.members // 3)
    scene.broker.lose_everything()


def restart_database(scene: Scene) -> None:
    for part in (3, 2):
        scene.wait_for_accepted(scene.members // part)
        assert scene.database  # noqa: S101  (asked for of none else)
        scene.database.restart()


def flap_relay(scene: Scene) -> None:
    """Each fault has its turn: those of single recipients all along, those of everybody one by one,
    with a calm moment after each.
    """
    single = (*ONCE, *FOR_GOOD)
    step = scene.members // (len(EVERYBODY) + 2)
    for turn, fault in enumerate(EVERYBODY, start=1):
        scene.sink.set_faults(*single)
        scene.wait_for_accepted(turn * step)
        scene.sink.set_faults(*single, fault)
        until = time.monotonic() + FLAP
        while time.monotonic() < until:
            scene.tick()
            time.sleep(TICK)
        if fault == "banned":  # which pauses a mailing until somebody has seen to it
            scene.sink.set_faults(*single)
            scene.installation.ask("resume", mailing=scene.mailing)
    scene.sink.set_faults(*single)


# ---------------------------------------------------------------------------------------- the runs
def play(scene: Scene, breaks: Callable[[Scene], None]) -> Verdict:
    scene.sink.forget()
    scene.sink.set_faults()
    opened = scene.installation.ask("open", members=scene.members, characters=CHARACTERS)
    scene.mailing = opened["mailing"]
    breaks(scene)
    scene.finish()
    return judge_scene(scene)


def judge_scene(scene: Scene) -> Verdict:
    states = scene.installation.ask("report", mailing=scene.mailing)
    return judge(scene.sink.read(), states)


@contextmanager
def staging(  # noqa: PLR0913  (one stage, each part by name)
    folder: Path,
    kind: type[Broker],
    *,
    database: Postgres | None,
    members: int,
    seed: int = SEED,
    senders: int = 2,
    database_url: str = "",
) -> Iterator[Scene]:
    """With its senders at work. `database_url`, if the database is somebody else's."""
    with ExitStack() as stack:
        sink = stack.enter_context(running_faulty(folder / "sink", str(seed)))
        sink.set_pace(PACE)
        # The queue of files is in the installation's own folder.
        place = folder / ("site" if kind is Files else "broker")
        broker = stack.enter_context(kind(place))
        url = database.url if database else database_url
        settings = {
            "DELIVERY_LEASE": str(LEASE),
            "EMAIL_TIMEOUT": str(RELAY_TIMEOUT),
            "UNKNOWN_DELIVERIES": "resend",
        }
        site = stack.enter_context(
            running_installation(folder / "site", broker, url, sink.port, **settings)
        )
        for _ in range(senders):
            site.add_sender(THREADS if kind is Files else PROCESSES).start()
        chance = random.Random(seed)
        yield Scene(site, broker, sink, chance, members, database=database)


def run() -> Iterator[dict[str, object]]:
    with tempfile.TemporaryDirectory(prefix="cma-chaos.") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the servers' own users pass through
        shapes: list[tuple[type[Broker], bool]] = [(Files, False), (Redis, True), (RabbitMQ, True)]
        for number, (kind, is_postgres) in enumerate(shapes):
            where = f"{'PostgreSQL' if is_postgres else 'SQLite'}, {kind.__name__}"
            try:
                yield from run_on(folder / str(number), kind, where, is_postgres=is_postgres)
            except NotHere as lacking:
                yield {"on": where, "not installed": str(lacking)}
        yield from run_apart(folder / "apart")


def run_on(
    folder: Path, kind: type[Broker], where: str, *, is_postgres: bool
) -> Iterator[dict[str, object]]:
    breaks: list[Callable[[Scene], None]] = [kill_senders, lose_broker, flap_relay]
    with ExitStack() as stack:
        folder.mkdir(parents=True)
        database = stack.enter_context(Postgres(folder / "database")) if is_postgres else None
        if database:
            breaks.insert(2, restart_database)
        scene = stack.enter_context(
            staging(folder, kind, database=database, members=MEMBERS, seed=SEED)
        )
        for one in breaks:
            start, scene.kills = time.monotonic(), 0
            told: dict[str, Any] = {"case": one.__name__.replace("_", " "), "on": where}
            try:
                verdict = play(scene, one)
            except TimeoutError as reason:
                yield told | {"unfinished": str(reason), "met": False}
                return  # what is left of this mailing would mix with the next
            yield told | tell(scene, verdict, time.monotonic() - start)


def tell(scene: Scene, verdict: Verdict, seconds: float) -> dict[str, object]:
    shown: dict[str, object] = {"members": scene.members, "seconds": round(seconds, 1)}
    if scene.kills:
        shown["kills"] = scene.kills
    return (
        shown
        | {name.replace("_", " "): value for name, value in verdict._asdict().items()}
        | {
            "goal": "nobody lost, one duplicate at most a broken connection, of the same bytes",
            "met": verdict.is_good and verdict.bounds_duplicates(),
        }
    )


# ----------------------------------------------------------------------------------- several hosts
HOSTS = 3


def run_apart(folder: Path) -> Iterator[dict[str, object]]:
    """Workers on hosts of their own, one of which is cut off in mid-mailing. What it had claimed,
    a chunk at most for each of its processes, is all that may be unknown.
    """
    for is_back, policy in ((False, "hold"), (False, "resend"), (True, "resend")):
        case = "cut off, and back after its lease" if is_back else "cut off for good, its disk lost"
        told: dict[str, object] = {"case": case, "on": f"{HOSTS} hosts", "unknown": policy}
        try:
            with staging_apart(folder / f"{policy}{is_back}", policy) as (scene, hosts):
                start = time.monotonic()
                scene.wait_for_accepted(scene.members // 3)
                cut_off(scene, hosts, is_back=is_back)
                scene.finish()
                verdict = judge_scene(scene)
        except NotHere as lacking:
            yield told | {"not run": str(lacking)}
            return
        except TimeoutError as reason:
            yield told | {"unfinished": str(reason), "met": False}
            continue
        shown = tell(scene, verdict, time.monotonic() - start)
        within = verdict.duplicates <= CHUNK and verdict.held <= CHUNK
        goal = f"nobody lost, one chunk of {CHUNK} at most held or sent twice, of the same bytes"
        yield told | shown | {"goal": goal, "met": verdict.is_good and within}


def cut_off(scene: Scene, hosts: list[Host], *, is_back: bool) -> None:
    """One that is sending. Its worker goes on by itself until it is back, or dies there."""
    senders = scene.installation.senders

    def find_sending() -> list[int]:
        return [
            place
            for place, sender in enumerate(senders)
            if any(is_connected(pid, scene.sink.port) for pid in sender.list_processes())
        ]

    wait_until(find_sending, "no host is sending", pause=0.02)
    place = find_sending()[0]
    hosts[place].cut_off()
    if is_back:
        scene.wait_for_accepted(scene.members)  # by the others, after the lease
        hosts[place].connect()
    else:
        senders[place].kill()
        lose_disk(senders[place])


@contextmanager
def staging_apart(folder: Path, policy: str) -> Iterator[tuple[Scene, list[Host]]]:
    with ExitStack() as stack:
        folder.mkdir(parents=True)
        hosts = stack.enter_context(running_hosts(HOSTS))
        addresses = ["127.0.0.1", *(host.ours for host in hosts)]
        database = stack.enter_context(Postgres(folder / "database", ",".join(addresses)))
        for host in hosts:
            database.let_in(f"{host.theirs}/32")
        broker = stack.enter_context(Redis(folder / "broker", " ".join(addresses)))
        sink = stack.enter_context(running_faulty(folder / "sink", str(SEED), addresses))
        sink.set_pace(PACE)
        settings = {
            "DELIVERY_LEASE": str(LEASE),
            "EMAIL_TIMEOUT": str(RELAY_TIMEOUT),
            "UNKNOWN_DELIVERIES": policy,
        }
        site = stack.enter_context(
            running_installation(folder / "site", broker, database.url, sink.port, **settings)
        )
        scene = Scene(site, broker, sink, random.Random(SEED), MEMBERS, database=database)
        opened = site.ask("open", members=MEMBERS, characters=CHARACTERS)
        scene.mailing = opened["mailing"]
        for host in hosts:
            own = folder / host.name
            own.mkdir()
            # Without SECRET_KEY each would make its own, and other links with it.
            shutil.copy(folder / "site" / "secret-key", own)
            sender = site.add_sender(
                ("-P", "prefork", "-c", "1"),
                VAR_DIR=str(own),
                DATABASE_URL=database.url.replace("127.0.0.1", host.ours),
                CELERY_BROKER_URL=broker.url.replace("127.0.0.1", host.ours),
                EMAIL_URL=f"smtp://{host.ours}:{sink.port}",
            )
            sender.before = host.before
            sender.start()
        yield scene, hosts
