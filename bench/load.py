"""How long readers wait while a mailing runs, a volume is bound and the index is built anew.

On PostgreSQL, with gunicorn, a worker and beat as docs/operations.md has them. Readers come at
fixed times, a few a second, whether or not the one before has its answer; a third each asks for
home, a search and an entry, searches and entries ever others.

SECONDS=60 RATE=6 ENTRIES=2000 MEMBERS=20000
"""

import http.client
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from bench.installations import ROOT, THREADS, Installation, running_installation
from bench.servers import Postgres, Redis, accepts_connections, find_port, wait_until
from bench.sinks import running_fast
from cma_site.supervisor import serve_command

SECONDS = float(os.environ.get("SECONDS", "60"))
RATE = float(os.environ.get("RATE", "6"))  # requests a second
ENTRIES = int(os.environ.get("ENTRIES", "2000"))
MEMBERS = int(os.environ.get("MEMBERS", "20000"))
PHRASES = ("北部都會區", "人才", "創科 OR 科技", "大灣區 物流", "碳中和", "稅務", "中小企")
LONGEST = 1.0  # seconds


class Answer(NamedTuple):
    page: str
    status: int  # 0 if none came
    seconds: float


def run() -> Iterator[dict[str, object]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cma-load.")))
        folder.chmod(0o755)
        database = stack.enter_context(Postgres(folder / "database"))
        redis = stack.enter_context(Redis(folder / "redis"))
        sink = stack.enter_context(running_fast(folder / "sink"))
        site = stack.enter_context(
            running_installation(folder / "site", redis, database.url, sink.port)
        )
        slugs = site.ask("fill", entries=ENTRIES)
        site.add_sender(THREADS).start()
        port = stack.enter_context(serving(site))
        for page, path in list_paths(slugs, random.Random(1), 12):
            ask(port, page, path)  # what the first of each costs, the start has paid
        yield from measure(port, slugs, "nothing else")
        opened = site.ask("open", members=MEMBERS, characters=8300)
        with ExitStack() as at_work:
            at_work.enter_context(repeating(site, "rebuild_search_index"))
            site.ask("order volume")
            yield from measure(port, slugs, "a mailing, a volume and the index")
        counts = site.ask("tick", mailing=opened["mailing"])
        yield {"mailed meanwhile": counts["sent"], "of": MEMBERS, **site.ask("tell volumes")}


@contextmanager
def serving(site: Installation) -> Iterator[int]:
    """Its port. On the laptop's shape, which differs in no way that readers' waits depend on."""
    port = find_port()
    with (site.folder / "gunicorn.log").open("wb") as log:
        server = subprocess.Popen(  # noqa: S603  (us)
            [sys.executable, "-m", *serve_command(port)],
            cwd=ROOT,
            env=site.environment,
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: accepts_connections(port), "gunicorn")
        yield port
    finally:
        server.terminate()
        server.wait(10)


@contextmanager
def repeating(site: Installation, command: str) -> Iterator[None]:
    """Again as soon as it is done, until the block ends."""
    is_over = threading.Event()

    def repeat() -> None:
        while not is_over.is_set():
            subprocess.run(  # noqa: S603  (us)
                [sys.executable, "manage.py", command],
                cwd=ROOT,
                env=site.environment,
                check=True,
                capture_output=True,
            )

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(repeat)
        try:
            yield
        finally:
            is_over.set()
            done.result()


def list_paths(slugs: list[str], chance: random.Random, count: int) -> list[tuple[str, str]]:
    makers = (
        lambda: ("home", "/"),
        lambda: ("search", f"/search/?q={quote(chance.choice(PHRASES))}"),
        lambda: ("entry", f"/entries/{quote(chance.choice(slugs))}/"),
    )
    return [makers[place % len(makers)]() for place in range(count)]


def ask(port: int, page: str, path: str) -> Answer:
    start = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        # As who has a cookie: pages kept in memory would tell of the memory.
        connection.request("GET", path, headers={"Cookie": "any=1"})
        answer = connection.getresponse()
        answer.read()
        status = answer.status
    except (OSError, http.client.HTTPException):
        status = 0
    finally:
        connection.close()
    return Answer(page, status, time.perf_counter() - start)


def measure(port: int, slugs: list[str], beside: str) -> Iterator[dict[str, object]]:
    paths = list_paths(slugs, random.Random(2), round(SECONDS * RATE))
    with ThreadPoolExecutor(32) as pool:
        start, asked = time.perf_counter(), []
        for place, (page, path) in enumerate(paths):
            time.sleep(max(0, start + place / RATE - time.perf_counter()))
            asked.append(pool.submit(ask, port, page, path))
        answers = [one.result() for one in asked]
    for page in ("home", "search", "entry"):
        yield describe(page, beside, [one for one in answers if one.page == page])


def describe(page: str, beside: str, answers: list[Answer]) -> dict[str, object]:
    waits = sorted(one.seconds * 1000 for one in answers)
    errors = sum(one.status != 200 for one in answers)
    return {
        "page": page,
        "beside": beside,
        "requests": len(answers),
        "errors": errors,
        "p50 ms": round(statistics.median(waits), 1),
        "p95 ms": round(waits[int(len(waits) * 0.95)], 1),
        "most ms": round(waits[-1], 1),
        "goal": "no error, none above 1 s",
        "met": not errors and waits[-1] <= LONGEST * 1000,
    }
