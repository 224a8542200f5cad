"""Ratios, each measured within one run: python -m bench [--again] [NAME…], one JSON line a figure.

A ratio compares two ways of doing the same work on the same data, taken in turns; it means the
same on a slow machine as on a fast one, which seconds don't.

With --again, on another database, what no database has a part in, or brings its own, is left out.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module

import django

NAMES = (
    "pdf",
    "mail",
    "members",
    "pages",
    "send",
    "chaos",
    "load",
    "search",
)  # the last empties the archive to fill it anew
ONCE = frozenset({"pdf", "send", "chaos", "load"})


def compare(ours: Callable[[], object], theirs: Callable[[], object], rounds: int = 5) -> float:
    """How many times as long `theirs` takes, by the median of rounds run in turns."""
    return statistics.median(measure(theirs) / measure(ours) for _ in range(rounds))


def measure(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main(arguments: list[str]) -> None:
    names = [name for name in arguments if name != "--again"] or list(NAMES)
    if unknown := set(names) - set(NAMES):
        sys.exit(f"沒有這項：{'、'.join(unknown)}；可選：{'、'.join(NAMES)}")
    chosen = [n for n in names if n not in ONCE or "--again" not in arguments]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")
    django.setup()
    for name in chosen:
        figures: Iterator[dict[str, object]] = import_module(f"bench.{name}").run()
        for figure in figures:
            print(json.dumps({"bench": name} | figure, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
