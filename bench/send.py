"""How fast mailings go out, beside postfix's smtp-source and those who send for Django.

A real edition of some 40 KB as text and HTML, a ledger on PostgreSQL with fsync. Three sinks:
postfix's smtp-sink, a core of which is full at 2,000 to 2,500 messages a second; a fast one of
ours, which makes a hash of each message and takes two and a half times as many; and the same
without the hash, on which nobody waits for the sink. Everybody is measured within one run, in
turns; a ratio is the median of the rounds' ratios, each to the reference right before it. CPU is
what all sender processes took, databases and Redis not counted, from the moment when they had
started; what the start costs besides is told too.

MEMBERS=10000 ROUNDS=5 RIVAL_MEMBERS=1000 MILLION=1000000     (MILLION=0 leaves that part out)
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.contestants import HERE, INSTALLED, NotInstalled, building, call, digest, tell
from bench.installations import (
    PROCESSES,
    THREADS,
    Installation,
    make_environment,
    running_installation,
)
from bench.pages import read_cpu
from bench.servers import Postgres, Redis, run_here, wait_until
from bench.sinks import FastSink, find_postfix, running_fast, running_faulty, running_smtp_sink

MEMBERS = int(os.environ.get("MEMBERS", "10000"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
RIVAL_MEMBERS = int(os.environ.get("RIVAL_MEMBERS", str(min(1000, MEMBERS))))
MILLION = int(os.environ.get("MILLION", "1000000"))
VARIANTS = min(2000, MEMBERS)
ROOT = Path(__file__).parent.parent
RIVALS = ("django-newsletter", "django-post_office", "django-mailer")
SMTP_SINK, FAST, BARE = "smtp-sink", "fast sink", "fast sink, no hash"
AT_MOST = 3600  # seconds
SWEEP = 30  # seconds, as in the schedule

# (who, on which sink): times smtp-source's rate, at least
RATIOS = {
    ("ours", SMTP_SINK): 0.8,
    ("ours", FAST): 0.5,
    ("ours, Celery", SMTP_SINK): 0.6,
}
TIMES = {"django-newsletter": 10, "django-post_office": 9}
MOST_CPU = 150  # microseconds a message


@dataclass
class Taken:
    """One round of one sender."""

    messages: int
    seconds: float
    cpu: float
    cpu_with_start: float = 0
    peak: float = 0  # MB, of the largest process

    @property
    def rate(self) -> float:
        return self.messages / self.seconds

    @property
    def cpu_each(self) -> float:
        """Microseconds."""
        return self.cpu / self.messages * 1e6


@dataclass
class Field:
    """Where all of them send."""

    folder: Path
    database: Postgres
    redis: Redis
    smtp_sink: int
    fast: FastSink
    bare: FastSink
    message: Path  # one of ours, as it stands on the wire
    content: Path
    taken: dict[tuple[str, str], list[Taken]] = field(default_factory=dict)

    def port(self, sink: str) -> int:
        """Of one by its name; any other is told by its port."""
        ports = {SMTP_SINK: self.smtp_sink, FAST: self.fast.port, BARE: self.bare.port}
        return ports[sink] if sink in ports else int(sink)

    def environment(self, sink: str) -> dict[str, str]:
        return make_environment(
            self.folder / "ours",
            DATABASE_URL=self.database.url,
            CELERY_BROKER_URL=self.redis.url,
            EMAIL_URL=f"smtp://127.0.0.1:{self.port(sink)}",
        )

    def do(self, job: str, *arguments: int, sink: str = FAST) -> str:
        words = ["-m", "bench.sending", job, *map(str, arguments)]
        return run_here(*words, environment=self.environment(sink), folder=ROOT)

    def prepare(self, members: int, variants: int = 1) -> int:
        mailing: int = json.loads(self.do("prepare", members, variants))["mailing"]
        return mailing


# ------------------------------------------------------------------------------------- the senders
def measure_source(field: Field, sink: str, messages: int) -> Taken:
    program, environment = find_postfix("smtp-source")
    command = [program, "-d", "-s", "2", "-m", str(messages), "-F", str(field.message)]
    people = ["-f", "research@example.com", "-t", "member1@example.com"]
    start = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603  (postfix)
        [*command, *people, f"127.0.0.1:{field.port(sink)}"], env=environment
    )
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = status
    if status:
        raise RuntimeError("smtp-source failed")
    cpu = used.ru_utime + used.ru_stime
    return Taken(messages, seconds, cpu, cpu)


def measure_ours(
    field: Field, sink: str, members: int, *, processes: int = 1, variants: int = 1
) -> Taken:
    """Plain processes that do what workers do."""
    mailing = field.prepare(members, variants)
    senders = [
        start_apart(
            [sys.executable, "-m", "bench.sending", "ours", *map(str, (mailing, part, processes))],
            field.environment(sink),
            ROOT,
        )
        for part in range(processes)
    ]
    reports, seconds = let_go(senders)
    expect(int(field.do("sent", mailing)), members)
    return Taken(
        members,
        seconds,
        sum(report["cpu"] for report in reports),
        sum(report["cpu with start"] for report in reports),
        max(report["peak MB"] for report in reports),
    )


def measure_celery(field: Field, sink: str, members: int) -> Taken:
    """Through the queue, as in production: from the sweep's wake-ups to the last one sent."""
    mailing = field.prepare(members)
    with running_site(field, sink) as site:
        worker = site.add_sender(THREADS)
        worker.start()
        wait_until_at_work(site)
        before = read_cpu(worker.pid)
        start = time.perf_counter()
        sweep_at = start
        while site.ask("count sent", mailing=mailing) < members:
            if time.perf_counter() >= sweep_at:
                site.ask("tick", mailing=mailing)
                sweep_at += SWEEP
            if time.perf_counter() > start + AT_MOST:
                raise TimeoutError("Celery is not done")
            time.sleep(0.05)
        seconds = time.perf_counter() - start
        spent = read_cpu(worker.pid)
    return Taken(members, seconds, spent - before, spent)


@contextmanager
def running_site(field: Field, sink: str) -> Iterator[Installation]:
    with running_installation(
        field.folder / "ours", field.redis, field.database.url, field.port(sink)
    ) as site:
        yield site


def wait_until_at_work(site: Installation) -> None:
    wait_until(lambda: site.ask("count workers"), "no worker", pause=0.2)
    time.sleep(1)  # its pool is made


def measure_rival(field: Field, name: str, sink: str, members: int) -> Taken:
    python = install_mailers() / "bin" / "python"
    command = [str(python), "-m", "mailers_site.jobs", name, str(members)]
    reports, seconds = let_go([start_apart(command, rival_environment(field, sink), HERE)])
    return Taken(members, seconds, reports[0]["cpu"])


def measure_task_each(field: Field, sink: str, members: int) -> Taken:
    """One Celery task for each recipient, each with a connection of its own. On our sink only:
    the other does not say how many it has.
    """
    python = install_mailers() / "bin" / "python"
    environment = rival_environment(field, sink)
    worker = subprocess.Popen(  # noqa: S603  (theirs)
        [str(python), "-m", "celery", "-A", "mailers_site.celery_app", "worker", *PROCESSES],
        cwd=HERE,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        time.sleep(6)  # it starts
        command = [str(python), "-m", "mailers_site.jobs", "celery", str(members)]
        enqueuer = start_apart(command, environment, HERE)
        before, wanted = read_cpu(worker.pid), field.fast.count().messages + members
        start = time.perf_counter()
        reports, _ = let_go([enqueuer])
        wait_until(lambda: field.fast.count().messages >= wanted, "tasks are lost", AT_MOST)
        seconds = time.perf_counter() - start
        spent = read_cpu(worker.pid) - before + reports[0]["cpu"]
    finally:
        os.killpg(worker.pid, 9)
        worker.wait()
    return Taken(members, seconds, spent)


def rival_environment(field: Field, sink: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "mailers_site.settings",
        "RIVAL_DATABASE": field.database.url.replace("/postgres", "/rivals"),
        "RIVAL_RELAY": str(field.port(sink)),
        "RIVAL_REDIS": field.redis.url.replace("/0", "/1"),
        "RIVAL_CONTENT": str(field.content),
    }


def install_mailers() -> Path:
    """Their virtual environment, made if it is missing."""
    requirements = HERE / "mailers_site" / "requirements.txt"
    environment = INSTALLED / f"mailers-{digest(requirements)}"
    if not environment.exists():
        with building(environment) as folder:
            tell("安裝 django-newsletter、django-post_office、django-mailer……")
            call([sys.executable, "-m", "venv", "--copies", str(folder)], HERE)
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
            call([*pip, "--disable-pip-version-check", "-r", str(requirements)], HERE)
    return environment


def start_apart(
    command: list[str], environment: dict[str, str], folder: Path
) -> subprocess.Popen[str]:
    """A sender that has started and waits to be let go."""
    process = subprocess.Popen(  # noqa: S603  (us, or a rival we installed)
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout  # noqa: S101  (a pipe)
    if process.stdout.readline() != "ready\n":
        process.kill()
        raise RuntimeError(f"{command} did not start")
    return process


def let_go(senders: list[subprocess.Popen[str]]) -> tuple[list[dict[str, float]], float]:
    """What each reports, and the seconds until the last was done."""
    start = time.perf_counter()
    for sender in senders:
        assert sender.stdin  # noqa: S101
        sender.stdin.write("\n")
        sender.stdin.flush()
    reports: list[dict[str, float]] = []
    for sender in senders:
        assert sender.stdout  # noqa: S101
        reports.append(json.loads(sender.stdout.readline()))
    seconds = time.perf_counter() - start
    for sender in senders:
        sender.communicate()
    return reports, seconds


def expect(found: int, wanted: int) -> None:
    if found != wanted:
        raise RuntimeError(f"{found} of {wanted} were sent")


# --------------------------------------------------------------------------------------- the rounds
def run() -> Iterator[dict[str, object]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cma-send.")))
        folder.chmod(0o755)
        field = Field(
            folder,
            stack.enter_context(Postgres(folder / "database")),
            stack.enter_context(Redis(folder / "redis")),
            stack.enter_context(running_smtp_sink()),
            stack.enter_context(running_fast(folder / "fast", Path(os.devnull))),
            stack.enter_context(running_fast(folder / "bare")),
            folder / "message",
            folder / "content",
        )
        yield from make_ready(field)
        yield from measure_all(field)
        if MILLION:
            yield from measure_million(field)


def make_ready(field: Field) -> Iterator[dict[str, object]]:
    (field.folder / "ours").mkdir()
    run_here("manage.py", "migrate", "-v0", environment=field.environment(FAST), folder=ROOT)
    prepared = json.loads(field.do("prepare", 1, 1))
    with running_faulty(field.folder / "keeping", "1") as relay:
        relay.keep(field.message)
        measure_ours(field, str(relay.port), 1)
    field.content.write_text(field.do("content", prepared["mailing"]))
    before = field.fast.count().bytes
    measure_ours(field, FAST, 1)
    middle = field.fast.count().bytes
    measure_source(field, FAST, 1)
    yield {
        "members": MEMBERS,
        "rounds": ROUNDS,
        "KB of text and HTML": prepared["KB"],
        "bytes on the wire, ours": middle - before,
        "bytes on the wire, smtp-source": field.fast.count().bytes - middle,
    }
    field.do("rivals")
    python = install_mailers() / "bin" / "python"
    chore = [str(python), "-m", "django", "migrate", "-v0"]
    call(chore, HERE, rival_environment(field, FAST))


Measure = Callable[[], Taken]


def measure_all(field: Field) -> Iterator[dict[str, object]]:
    """Each reference right before those that are compared with it."""
    for _ in range(ROUNDS):
        for name, sink, measure in list_turns(field):
            try:
                taken = measure()
            except NotInstalled as reason:
                tell(f"{name}: {reason}")
            else:
                field.taken.setdefault((name, sink), []).append(taken)
    for (name, sink), all_taken in field.taken.items():
        yield describe(field, name, sink, all_taken)


def list_turns(field: Field) -> Iterator[tuple[str, str, Measure]]:
    for sink in (SMTP_SINK, FAST):
        source = partial(measure_source, field, sink, MEMBERS)
        ours = partial(measure_ours, field, sink, MEMBERS)
        yield "smtp-source", sink, source
        yield "ours", sink, ours
        yield "smtp-source, again", sink, source
        yield "ours, 2 processes", sink, partial(ours, processes=2)
        yield "ours, 2,000 variants", sink, partial(ours, variants=VARIANTS)
        yield "ours, Celery", sink, partial(measure_celery, field, sink, MEMBERS)
    for name in RIVALS:
        yield name, SMTP_SINK, partial(measure_rival, field, name, SMTP_SINK, RIVAL_MEMBERS)
    yield "smtp-source", BARE, partial(measure_source, field, BARE, MEMBERS)
    yield "ours", BARE, partial(measure_ours, field, BARE, MEMBERS)
    yield "a Celery task each", FAST, partial(measure_task_each, field, FAST, RIVAL_MEMBERS)


REFERENCE = {
    "ours, 2 processes": "smtp-source, again",
    "ours, 2,000 variants": "smtp-source, again",
    "ours, Celery": "smtp-source, again",
}


def describe(field: Field, name: str, sink: str, taken: list[Taken]) -> dict[str, object]:
    shown: dict[str, object] = {
        "sender": name,
        "sink": sink,
        "messages": taken[0].messages,
        "messages/s": round(middle(taken, lambda one: one.rate)),
        "CPU us a message": round(middle(taken, lambda one: one.cpu_each), 1),
    }
    if taken[0].cpu_with_start:
        start = middle(taken, lambda one: one.cpu_with_start - one.cpu)
        shown["CPU s of the start"] = round(start, 2)
    if taken[0].peak:
        shown["peak MB"] = round(max(one.peak for one in taken), 1)
    if (name, sink) == ("smtp-source", FAST):
        shown["times its rate on smtp-sink"] = round(
            compare(taken, field.taken[name, SMTP_SINK]), 2
        )
    if not name.startswith("smtp-source"):
        reference = field.taken[REFERENCE.get(name, "smtp-source"), sink]
        ratio = compare(taken, reference)
        shown["of smtp-source"] = round(ratio, 3)
        if least := RATIOS.get((name, sink)):
            shown |= {"goal": f"at least {least} of smtp-source", "met": ratio >= least}
    if name in (*RIVALS, "a Celery task each"):
        times = compare(field.taken["ours", sink], taken)
        shown["ours is so many times as fast"] = round(times, 1)
        if least := TIMES.get(name):
            shown |= {"goal": f"at least {least} times", "met": times >= least}
    elif name.startswith("ours"):
        within = middle(taken, lambda one: one.cpu_each) <= MOST_CPU
        shown |= {"goal for CPU": f"at most {MOST_CPU} us a message", "met for CPU": within}
    return shown


def middle(taken: list[Taken], figure: Callable[[Taken], float]) -> float:
    return statistics.median(map(figure, taken))


def compare(some: list[Taken], others: list[Taken]) -> float:
    """The median of the rounds' ratios."""
    return statistics.median(a.rate / b.rate for a, b in zip(some, others, strict=True))


def measure_million(field: Field) -> Iterator[dict[str, object]]:
    few = measure_ours(field, FAST, MEMBERS)
    many = measure_ours(field, FAST, MILLION)
    growth, ratio = many.peak - few.peak, many.cpu_each / few.cpu_each
    yield {
        "members": MILLION,
        "messages/s": round(many.rate),
        "CPU us a message": round(many.cpu_each, 1),
        f"CPU, of that with {MEMBERS}": round(ratio, 2),
        "peak MB": round(many.peak, 1),
        f"peak MB with {MEMBERS}": round(few.peak, 1),
        "goal": "memory flat (at most a tenth more), CPU within 20 %",
        "met": growth <= few.peak / 10 and ratio <= 1.2,
    }
