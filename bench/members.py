"""A list of 100,000 people with every kind of fault: rows a second, and how memory grows.

Each part is done in a process of its own, so that its peak is its own. Flat is what grows no more
with ten times as many rows. The other way is django-import-export's: the same rows, checked by its
resource and written in bulk, each with a result that it keeps.
"""

import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import tablib
from django.core.files.base import File
from django.db import connections
from django.utils import timezone
from import_export.resources import ModelResource

from subscribers import imports
from subscribers.imports import accept, hand_in, work_on
from subscribers.models import ImportedRow, Member, MemberImport
from subscribers.tests.lists import count_expected, furnish_for_list, write_list

SIZES = (10_000, 100_000)


def run() -> Iterator[dict[str, object]]:
    imports._call_out = lambda _: None
    for rows in SIZES:
        yield from measure_ours(rows)
    yield measure_theirs(SIZES[0])
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
        seconds, growth = apart(lambda: work_on(own.pk))
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
        fields = ("email", "name")
        use_bulk = True
        batch_size = 1000
        skip_diff = True
        clean_model_instances = True


def measure_theirs(rows: int) -> dict[str, object]:
    """Only good rows of two columns: of what is faulty its bulk mode can't say which row it was."""
    empty()

    def import_data() -> None:
        people = ((f"m{place}@example{place % 97}.com", "陳大文") for place in range(rows))
        result = PlainResource().import_data(tablib.Dataset(*people, headers=["email", "name"]))
        if result.totals["new"] != rows:
            raise AssertionError(result.totals)

    seconds, growth = apart(import_data)
    return {
        "django-import-export, rows": rows,
        "rows a second": round(rows / seconds),
        "memory growth, MB": round(growth, 1),
    }


def empty() -> None:
    from briefings.models import Theme

    Member.objects.all().delete()
    ImportedRow.objects.all().delete()
    MemberImport.objects.all().delete()
    Theme.objects.filter(slug__in=["it", "tax"]).delete()


def apart(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds, and MB of memory at the peak more than at the start; in a process of its own."""
    connections.close_all()
    out, into = os.pipe()
    child = os.fork()
    if not child:
        before = measure_memory()
        start = time.perf_counter()
        try:
            work()
            seconds = time.perf_counter() - start
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            os.write(into, f"{seconds} {peak - before}".encode())
        finally:
            os._exit(0)
    os.close(into)
    with os.fdopen(out) as answer:
        told = answer.read().split()
    os.waitpid(child, 0)
    seconds, growth = map(float, told)
    return seconds, growth


def measure_memory() -> float:
    """MB that this process has in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024**2
