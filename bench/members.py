"""A list of 100,000 people with every kind of fault: rows a second, and how memory grows.

Each part is done in a process of its own, so that its peak is its own. Flat is what grows no more
with ten times as many rows. The other way is django-import-export's: the same rows, checked by its
resource and written in bulk, each with a result that it keeps.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import django
import tablib
from django.core.files.base import File
from django.utils import timezone
from import_export.instance_loaders import CachedInstanceLoader
from import_export.resources import ModelResource

if __name__ == "__main__":
    django.setup()

from briefings.models import Theme
from subscribers import imports
from subscribers.imports import accept, hand_in, work_on
from subscribers.models import ImportedRow, Member, MemberImport
from subscribers.tests.lists import count_expected, furnish_for_list, write_list

SIZES = (10_000, 100_000)
THEIR_SIZE = 20_000  # more would take many minutes


def run() -> Iterator[dict[str, object]]:
    imports._call_out = lambda import_id: None  # noqa: ARG005  (no broker is asked)
    for rows in SIZES:
        yield from measure_ours(rows)
    yield measure_theirs(THEIR_SIZE)
    empty()


def measure_ours(rows: int) -> Iterator[dict[str, object]]:
    empty()
    furnish_for_list(rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list.csv"
        write_file(path, rows)
        own = hand_in_file(path)
    for what in ("read", "written"):
        if what == "written":
            accept(own, by=None, now=timezone.now())
        seconds, growth = apart("ours", own.pk)
        own.refresh_from_db()
        yield {
            "rows": rows,
            what: True,
            "rows a second": round(rows / seconds),
            "memory growth, MB": round(growth, 1),
            "report is exact": own.counts == count_expected(rows),
        }


def hand_in_file(path: Path) -> MemberImport:
    with path.open("rb") as content:
        return hand_in(
            File(content, name=path.name),
            by=None,
            consent_source="登記表",
            consent_wording="本人同意。",
            consented_on=date(2026, 10, 3),
        )


def write_file(path: Path, rows: int) -> None:
    with path.open("wb") as file:
        file.writelines(write_list(rows))


class PlainResource(ModelResource):
    class Meta:
        model = Member
        import_id_fields = ("email",)
        instance_loader_class = CachedInstanceLoader
        fields = ("email", "name")
        use_bulk = True
        batch_size = 1000
        skip_diff = True
        clean_model_instances = True


def import_data(rows: int) -> None:
    people = ((f"m{place}@example{place % 97}.com", "陳大文") for place in range(rows))
    result = PlainResource().import_data(tablib.Dataset(*people, headers=["email", "name"]))
    if result.totals["new"] != rows:
        raise AssertionError(result.totals)


def measure_theirs(rows: int) -> dict[str, object]:
    """Only good rows of two columns: of what is faulty its bulk mode can't say which row it was."""
    empty()
    seconds, growth = apart("theirs", rows)
    return {
        "django-import-export, rows": rows,
        "rows a second": round(rows / seconds),
        "memory growth, MB": round(growth, 1),
    }


def empty() -> None:
    Member.objects.all().delete()
    ImportedRow.objects.all().delete()
    MemberImport.objects.all().delete()
    Theme.objects.filter(slug__in=["it", "tax"]).delete()


def apart(job: str, argument: int) -> tuple[float, float]:
    """Seconds, and MB of memory at the peak more than before."""
    command = [sys.executable, "-m", "bench.members", job, str(argument)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  (us)
    seconds, growth = map(float, done.stdout.split())
    return seconds, growth


def main(job: str, argument: int) -> None:
    before = measure_memory("VmRSS")
    start = time.perf_counter()
    JOBS[job](argument)
    seconds = time.perf_counter() - start
    # Not getrusage's peak, which counts what the process had been forked from.
    print(seconds, measure_memory("VmHWM") - before)


def measure_memory(what: str) -> float:
    """MB that this process has now (VmRSS), or had at most (VmHWM)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{what}:")[1].split()[0]) / 1024


JOBS: dict[str, Callable[[int], None]] = {"ours": work_on, "theirs": import_data}

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
