"""Editions on paper: a warm press against WeasyPrint as its manual shows it, Chromium and typst.

All in turns, each in a process of its own that stays warm, and every round with a text that none
of them has seen. CPU is that of the printing process and of those it started, with what our own
process adds (rendering templates, typesetting, talking); wall and CPU begin with an
`EditionContext` and end with a PDF's bytes. Chromium and plain WeasyPrint get our HTML and CSS
with the system's fonts for ours; typst has a template of its own (edition.typ) of similar look.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Protocol, Self

from django.conf import settings
from django.template.loader import render_to_string
from pypdf import PdfReader

from bench.rows import make_context
from briefings.contexts import EditionContext
from briefings.html import split_blocks
from briefings.pdf import compose_css, compose_edition
from briefings.press.client import Press
from briefings.press.fonts import FACES
from briefings.press.frames import Kind, read_frame, write_frame

ENTRIES = (2, 10, 50, 200)
ROUNDS = 5  # of each; one of 200 takes half a minute
DAY = date(2026, 11, 20)
SECONDS = 600
AT_REST = 0.2  # seconds without work after which a process is done with tidying up


class Printer(Protocol):
    name: str

    @property
    def pid(self) -> int: ...

    def print(self, edition: EditionContext) -> bytes: ...

    def close(self) -> None: ...


class Ours:
    name = "ours"

    def __init__(self) -> None:
        self.press = Press(settings.FONTS_DIR)
        self.close = self.press.close

    @property
    def pid(self) -> int:
        return self.press.pid or 0

    def print(self, edition: EditionContext) -> bytes:
        return self.press.print(compose_edition(edition), seconds=SECONDS, patience=SECONDS)


class Rival:
    def __init__(self, name: str, compose: Callable[[EditionContext], str], css: str = "") -> None:
        self.name, self.compose, self.css = name, compose, css
        self.child = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "bench.rivals", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        self.pid = self.child.pid

    def print(self, edition: EditionContext) -> bytes:
        if self.child.stdin is None or self.child.stdout is None:
            raise AssertionError("it was started with both")
        write_frame(self.child.stdin, Kind.CSS, self.css.encode())
        write_frame(self.child.stdin, Kind.HTML, self.compose(edition).encode())
        return read_frame(self.child.stdout)[1]

    def close(self) -> None:
        self.child.kill()
        self.child.communicate()


def compose_html(edition: EditionContext) -> str:
    """As it is before `typeset`."""
    return render_to_string("briefings/pdf/edition.html", {"edition": edition})


def compose_css_for_system_fonts() -> str:
    css = compose_css()
    for face in FACES:
        css = css.replace(f"'{face.family}'", f"'{face.source}'")
    return css


def compose_json(edition: EditionContext) -> str:
    publication, imprint = edition.publication, edition.imprint
    return json.dumps(
        {
            "publication": publication.name,
            "house": f"{publication.organisation}　{publication.department}",
            "label": edition.label,
            "date": str(edition.date),
            "notice": imprint.notice,
            "contact": imprint.contact_before_email,
            "email": imprint.email,
            "entries": [
                {
                    "headline": entry.headline,
                    "lead": entry.lead,
                    "body": split_blocks(entry.body),
                }
                for entry in edition.entries
            ],
        }
    )


@dataclass(frozen=True)
class Printed:
    """What one document took, and what came of it."""

    cpu: float
    wall: float
    peak: int | None  # bytes, of all documents so far; without the copy that paints long ones
    size: int
    pages: int

    @classmethod
    def by(cls, printer: Printer, edition: EditionContext) -> Self:
        own, before = time.process_time(), read_cpu(printer.pid)
        start = time.perf_counter()
        pdf = printer.print(edition)
        wall, own = time.perf_counter() - start, time.process_time() - own
        cpu = own + wait_until_at_rest(printer.pid) - before
        # Of many processes, which share their memory, no number would be fair.
        peak = None if printer.name == "Chromium" else read_peak(printer.pid)
        return cls(cpu, wall, peak, len(pdf), len(PdfReader(BytesIO(pdf)).pages))


def read_cpu(pid: int) -> float:
    """Seconds that the process has had, with all its threads and the children it waited for."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    of_children = sum(map(int, after_name[13:15])) / os.sysconf("SC_CLK_TCK")
    # Its clock counts in nanoseconds, what /proc tells of itself in hundredths of a second.
    return time.clock_gettime((~pid << 3) | 2) + of_children


def wait_until_at_rest(pid: int) -> float:
    """The CPU once it is: a press tidies up after it has answered."""
    latest = read_cpu(pid)
    while True:
        time.sleep(AT_REST)
        now = read_cpu(pid)
        if now == latest:
            return now
        latest = now


def read_peak(pid: int) -> int | None:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def run() -> Iterator[dict[str, object]]:
    with ExitStack() as stack:
        css = compose_css_for_system_fonts()
        printers: list[Printer] = [
            Ours(),
            Rival("plain", compose_html, css),
            Rival("Chromium", compose_html, css),
            Rival("typst", compose_json),
        ]
        for printer in printers:
            stack.callback(printer.close)
            printer.print(make_context(2, DAY, text=-1))  # also imports and reads fonts
        pages_at_first: float = 0
        for entries in ENTRIES:
            taken: dict[str, list[Printed]] = {printer.name: [] for printer in printers}
            for text in range(ROUNDS):
                edition = make_context(entries, DAY, text=text)
                for printer in printers:
                    taken[printer.name].append(Printed.by(printer, edition))
            shown = {"entries": entries, "rounds": ROUNDS}
            for name, printed in taken.items():
                yield shown | {"printer": name} | describe(printed)
            a_page = find_median(taken["ours"], lambda p: p.cpu / p.pages)
            pages_at_first = pages_at_first or a_page
            ours = taken["ours"]
            yield shown | {
                "cpu ours/plain": compare_all(ours, taken["plain"], lambda p: p.cpu),
                "size ours/plain": compare_all(ours, taken["plain"], lambda p: p.size),
                "wall ours/plain": compare_all(ours, taken["plain"], lambda p: p.wall),
                "wall ours/Chromium": compare_all(ours, taken["Chromium"], lambda p: p.wall),
                "size ours/Chromium": compare_all(ours, taken["Chromium"], lambda p: p.size),
                "cpu ours/Chromium": compare_all(ours, taken["Chromium"], lambda p: p.cpu),
                "cpu ours/typst": compare_all(ours, taken["typst"], lambda p: p.cpu),
                "pages": ours[0].pages,
                "CPU per page": round(a_page, 4),
                "CPU per page / that of 2 entries": round(a_page / pages_at_first, 2),
                "load": round(os.getloadavg()[0], 1),
            }


def describe(printed: list[Printed]) -> dict[str, object]:
    peaks = [p.peak for p in printed if p.peak]
    return {
        "cpu s": round(find_median(printed, lambda p: p.cpu), 2),
        "wall s": round(find_median(printed, lambda p: p.wall), 2),
        "peak MB": round(max(peaks) / 1e6) if peaks else None,
        "size kB": round(find_median(printed, lambda p: p.size) / 1e3),
        "pages": find_median(printed, lambda p: p.pages),
        "CPU per page": round(find_median(printed, lambda p: p.cpu / p.pages), 4),
    }


def find_median(printed: list[Printed], figure: Callable[[Printed], float]) -> float:
    return statistics.median(map(figure, printed))


def compare_all(
    ours: list[Printed], theirs: list[Printed], figure: Callable[[Printed], float]
) -> float:
    """The median of the rounds' ratios, in each of which both printed the same text."""
    ratios = (figure(a) / figure(b) for a, b in zip(ours, theirs, strict=True))
    return round(statistics.median(ratios), 3)
