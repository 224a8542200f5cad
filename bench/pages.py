"""Pages as servers answer them: ours beside Wagtail and Ghost, with the same texts.

All run at once, each one process, and are asked in turns, each alone for SECONDS at a time, by wrk:
CLIENTS connections that are kept, each asking anew as soon as it has its answer. Every figure is
the median of ROUNDS; a ratio is that of the ratios within each round. Above 1, ours is ahead. The
pages come uncompressed, since Wagtail leaves that to a proxy. A page must be the right one, to its
last words, before and after each turn; any answer but 200 ends the bench.
"""

import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from django.db import connection

from bench.contestants import (
    Contestant,
    Ghost,
    NotInstalled,
    Ours,
    Place,
    Wagtail,
    get,
    run_redis,
)

PAGES = ("home", "edition", "entry", "search")
OURS, OURS_KEPT = "ours", "ours, kept"
ROUNDS = 5
SECONDS = 1
WARM_UP = 20  # answers, before the first round
CLIENTS = 4


@dataclass(frozen=True)
class Measured:
    rate: float  # answers a second
    median: float  # of the time to an answer, milliseconds
    late: float  # the 95th percentile of it
    cpu: float  # milliseconds an answer, of the server's processes; databases and Redis not counted

    @classmethod
    def of(cls, contestant: Contestant, url: str) -> Self:
        before = read_cpu(contestant.session)
        command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{SECONDS}", "-s", REPORT, url]
        command += ["-H", contestant.header] if contestant.header else []
        told = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
        taken = read_cpu(contestant.session) - before
        found = re.search(r"REPORT (\S+) (\S+) (\S+) (\d+) (\d+)", told.stdout)
        if found is None or found[5] != "0" or found[4] == "0":
            raise RuntimeError(f"{url}: {told.stdout[-400:]}")
        rate, median, late, answers = (float(found[place]) for place in (1, 2, 3, 4))
        return cls(rate, median, late, 1000 * taken / answers)


REPORT = str(Path(__file__).with_name("report.lua"))


def read_cpu(session: int) -> float:
    """Seconds that the processes of the session have had."""
    ticks = 0
    for process in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            after_name = process.read_text().rpartition(")")[2].split()
            if int(after_name[3]) == session:
                ticks += sum(map(int, after_name[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def check(contestant: Contestant, place: Place) -> str:
    """The page; an error if it isn't the right one."""
    page = get(contestant, place.path)
    if place.words not in page:
        raise RuntimeError(f"{contestant.name} {place.path} is without {place.words}")
    return page


def run() -> Iterator[dict[str, object]]:
    for ending in (signal.SIGTERM, signal.SIGHUP):  # as after Ctrl-C, the servers are stopped
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cma-pages.")))
        redis = stack.enter_context(run_redis(folder / "redis"))
        contestants: list[Contestant] = []
        for make in list_makers(folder, redis):
            contestant = make()
            try:
                stack.enter_context(contestant.running())
            except NotInstalled as reason:
                yield {"contestant": contestant.name, "not installed": str(reason)}
            else:
                contestants.append(contestant)
        places = {c.name: c.find_places() for c in contestants}
        for page in PAGES:
            asked = [c for c in contestants if page in places[c.name]]
            yield from compare_at(page, {c.name: places[c.name][page] for c in asked}, asked)


def list_makers(folder: Path, redis: int) -> list[Callable[[], Contestant]]:
    fragments = "Redis and {% wagtailpagecache %}"
    return [
        lambda: Ours(OURS, "", folder / "ours"),
        lambda: Ours(OURS_KEPT, "pages kept in memory", folder / "ours-kept"),
        lambda: Wagtail("Wagtail", "", folder / "wagtail"),
        lambda: Wagtail(
            "Wagtail, caches",
            fragments,
            folder / "wagtail-caches",
            redis=f"redis://127.0.0.1:{redis}/1",
        ),
        lambda: Ghost("Ghost", "", folder / "ghost"),
        lambda: Ghost("Ghost, caches", "Redis adapters", folder / "ghost-caches", redis_port=redis),
    ]


def compare_at(
    page: str, places: dict[str, Place], contestants: list[Contestant]
) -> Iterator[dict[str, object]]:
    taken: dict[str, list[Measured]] = {c.name: [] for c in contestants}
    answers: dict[str, str] = {}
    for contestant in contestants:
        for _ in range(WARM_UP):
            check(contestant, places[contestant.name])
    for _ in range(ROUNDS):
        for contestant in contestants:
            place = places[contestant.name]
            taken[contestant.name].append(Measured.of(contestant, f"{contestant.url}{place.path}"))
            answers[contestant.name] = check(contestant, place)
    shown: dict[str, object] = {"database": connection.vendor, "page": page}
    for contestant in contestants:
        measured, hit = taken[contestant.name], places[contestant.name].hit
        yield (
            shown
            | {
                "site": contestant.name,
                "database": contestant.vendor,
                "caches": contestant.caches or None,
                "requests/s": round(statistics.median(m.rate for m in measured), 1),
                "p50 ms": round(statistics.median(m.median for m in measured), 1),
                "p95 ms": round(statistics.median(m.late for m in measured), 1),
                "CPU ms": round(statistics.median(m.cpu for m in measured), 1),
                "kB": round(len(answers[contestant.name].encode()) / 1000, 1),
            }
            | ({"hits": answers[contestant.name].count(hit)} if hit else {})
        )
    ratios: dict[str, object] = {}
    for rival in contestants:
        # Without caches beside without, and with beside with; a search is kept by nobody of us.
        own = taken.get(OURS_KEPT if rival.caches else OURS) or taken[OURS]
        if not isinstance(rival, Ours):
            theirs = taken[rival.name]
            ratios[f"requests/s ours/{rival.name}"] = compare(own, theirs, lambda m: m.rate)
            ratios[f"CPU {rival.name}/ours"] = compare(theirs, own, lambda m: m.cpu)
    yield shown | ratios | {"load": round(os.getloadavg()[0], 1)}


def compare(
    some: list[Measured], others: list[Measured], figure: Callable[[Measured], float]
) -> float:
    """The median of the rounds' ratios."""
    ratios = (figure(a) / figure(b) for a, b in zip(some, others, strict=True))
    return round(statistics.median(ratios), 2)
