"""Pages of search results against LIKE, tantivy and Wagtail's search over the same entries.

ENTRIES=10000,100000 has it done for archives of both sizes, one after the other, and compares
them; 10,000 is what it does unasked. The queries are the same, drawn from the smallest.
"""

import os
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from django.conf import settings
from django.db import connection

from bench.__main__ import measure
from bench.archive import load_archive, measure_tables, read_texts
from bench.corpus import load_vocabulary
from bench.oracle import find_all
from bench.result_pages import Page
from bench.search_ours import INDEX, ask_ours, list_ours
from bench.search_queries import HISTORIES, Asked, choose_queries
from bench.search_rivals import Like, Rival, Tantivy, Wagtail
from briefings.models import Audience, Entry
from briefings.phrases import make_term, trace_phrases

Figure = dict[str, object]
Figures = Iterator[Figure]

SAMPLED = 2000  # entries that queries are chosen from, at most
SLOW = 50_000  # entries; of more LIKE is asked only once, and Wagtail one query of each class
MOST_FOR_RIVALS = 100_000  # entries; of more it is only told how our time grows
SAVED = 40  # entries
OURS = "ours"


class Timing:
    """A query, what it should find and did, and how long each took (ms)."""

    def __init__(self, asked: Asked, wanted: set[int], found: set[int]) -> None:
        self.asked = asked
        self.hits = len(wanted)
        self.recall = len(wanted & found) / len(wanted) if wanted else float(not found)
        self.precision = len(wanted & found) / len(found) if found else 1.0
        self.took: dict[str, float] = {}
        self.pages: dict[str, Page] = {}

    def ratio(self, name: str) -> float:
        """How many times as long as ours."""
        return self.took[name] / self.took[OURS]

    def has_facets_of(self, name: str) -> bool:
        """Whether ours are the same."""
        ours, theirs = self.pages[OURS], self.pages[name]
        return (ours.themes, ours.years) == (theirs.themes, theirs.years)


def run() -> Figures:
    sizes = sorted(map(int, os.environ.get("ENTRIES", "10000").split(",")))
    asked: list[Asked] = []
    timings: dict[int, list[Timing]] = {}
    for size in sizes:
        say(f"{connection.vendor}：{size:,} 篇")
        text_size = load_archive(size)
        asked = asked or choose_for(size)
        base: Figure = {"database": connection.vendor, "entries": size}
        with TemporaryDirectory(dir=settings.VAR_DIR) as folder:
            rivals = set_up(size, Path(folder) / "tantivy")
            timings[size] = time_queries(asked, rivals, size)
            for figure in compare(timings[size], rivals, text_size):
                yield base | figure
    for smaller, larger in pairwise(sizes):
        for figure in compare_growth(timings[smaller], timings[larger]):
            yield {"database": connection.vendor, "entries": [smaller, larger]} | figure


def compare(timings: Sequence[Timing], rivals: Sequence[Rival], text_size: int) -> Figures:
    yield from compare_kinds(timings, rivals)
    yield from compare_sizes(text_size, rivals)
    if rivals:
        yield from compare_all(timings, rivals)
        yield from compare_histories()
        yield compare_saving()


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def shorten(ratio: float) -> float:
    return float(f"{ratio:.3g}")


def choose_for(size: int) -> list[Asked]:
    texts = ["\n".join(text) for _, text in read_texts(step=max(1, size // SAMPLED))]
    return choose_queries(texts, load_vocabulary())


def set_up(size: int, folder: Path) -> list[Rival]:
    if size > MOST_FOR_RIVALS:
        return []
    say("索引：tantivy、modelsearch")
    return [Like(), Tantivy(folder), Wagtail()]


# ---------------------------------------------------------------------------------------- queries


def time_queries(asked: Sequence[Asked], rivals: Sequence[Rival], size: int) -> list[Timing]:
    """Query by query everybody in turn, thrice, once warm; of each the shortest.

    At 100,000 entries Wagtail takes half a minute a query, so it isn't asked all of them.
    """
    say("逐字核對")
    wanted = find_all([each.text for each in asked], read_texts())
    contestants: dict[str, Callable[[str], Page]] = {OURS: ask_ours}
    contestants |= {rival.name: rival.ask for rival in rivals}
    say(f"查詢：{len(asked)} 個")
    timings: list[Timing] = []
    for each, keys in zip(asked, wanted, strict=True):
        timing = Timing(each, keys, list_ours(each.text))
        is_first = not timings or timings[-1].asked.kind != each.kind
        present = contestants.copy()
        if size >= SLOW and not is_first:
            present.pop(Wagtail.name, None)
        for name, ask in present.items():
            if not is_slow(name, size):
                ask(each.text)
        for turn in range(3):
            for name, ask in present.items():
                if turn == 0 or not is_slow(name, size):
                    time_one(timing, name, partial(ask, each.text))
        timings.append(timing)
    return timings


def is_slow(name: str, size: int) -> bool:
    return name == Wagtail.name or (name == Like.name and size >= SLOW)


def time_one(timing: Timing, name: str, ask: Callable[[], Page]) -> None:
    pages: list[Page] = []
    took = measure(lambda: pages.append(ask())) * 1000
    timing.took[name] = min(took, timing.took.get(name, took))
    timing.pages[name] = pages[0]


def by_kind(timings: Sequence[Timing]) -> Mapping[str, list[Timing]]:
    groups: dict[str, list[Timing]] = defaultdict(list)
    for timing in timings:
        groups[timing.asked.kind].append(timing)
    return groups


def compare_kinds(timings: Sequence[Timing], rivals: Sequence[Rival]) -> Figures:
    """`found` is what each counted, of what there is."""
    for kind, group in by_kind(timings).items():
        hits = sum(timing.hits for timing in group)
        yield {
            "figure": "class",
            "class": kind,
            "queries": len(group),
            "hits": statistics.median(timing.hits for timing in group),
            "recall": round(statistics.mean(timing.recall for timing in group), 4),
            "precision": round(statistics.mean(timing.precision for timing in group), 4),
            "ours ms": round(statistics.median(timing.took[OURS] for timing in group), 2),
            **{
                f"{rival.name} / ours": shorten(
                    statistics.median(timing.ratio(rival.name) for timing in of(rival.name, group))
                )
                for rival in rivals
            },
            "found": {
                name: count_found(name, of(name, group))
                for name in (OURS, *(rival.name for rival in rivals))
                if hits
            },
        }


def of(name: str, timings: Sequence[Timing]) -> list[Timing]:
    """Those in which somebody was asked."""
    return [timing for timing in timings if name in timing.took]


def count_found(name: str, timings: Sequence[Timing]) -> float:
    """Of all there is for these queries."""
    hits = sum(timing.hits for timing in timings)
    return round(sum(timing.pages[name].total for timing in timings) / hits, 4)


def compare_all(timings: Sequence[Timing], rivals: Sequence[Rival]) -> Figures:
    """Without the queries that find nothing, as the geometric mean; and where we are slowest."""
    found = [timing for timing in timings if timing.hits]
    yield {
        "figure": "all",
        "queries": len(found),
        "facets as tantivy's": sum(timing.has_facets_of(Tantivy.name) for timing in found),
        **{
            f"{rival.name} / ours": shorten(
                statistics.geometric_mean(
                    timing.ratio(rival.name) for timing in of(rival.name, found)
                )
            )
            for rival in rivals
        },
    }
    for name in (Like.name, Tantivy.name):
        worst = min(timings, key=lambda timing: timing.ratio(name))
        yield {
            "figure": f"worst against {name}",
            "query": worst.asked.text,
            "hits": worst.hits,
            "ours ms": round(worst.took[OURS], 2),
            f"{name} / ours": shorten(worst.ratio(name)),
        }


def compare_growth(smaller: Sequence[Timing], larger: Sequence[Timing]) -> Figures:
    """How time grows, for hits that grow once; of 1 and less it grows no faster than they do."""
    before, after = by_kind(smaller), by_kind(larger)
    for kind in before:
        hits = [sum(timing.hits for timing in group[kind]) for group in (before, after)]
        took = [sum(timing.took[OURS] for timing in group[kind]) for group in (before, after)]
        if all(hits):
            growth = (took[1] / took[0]) / (hits[1] / hits[0])
            yield {
                "figure": "growth",
                "class": kind,
                "hits": round(hits[1] / hits[0], 2),
                "time / hits": round(growth, 3),
            }


# ------------------------------------------------------------------------------------- the others


def compare_sizes(text_size: int, rivals: Sequence[Rival]) -> Figures:
    sizes = {OURS: sum(measure_tables(model._meta.db_table) for model in INDEX)}
    sizes |= {rival.name: size for rival in rivals if (size := rival.measure_index())}
    yield {
        "figure": "size",
        "text MB": round(text_size / 1e6, 1),
        **{f"{name} / text": round(size / text_size, 2) for name, size in sizes.items()},
    }


def compare_histories() -> Figures:
    like = Like()
    for phrase in HISTORIES:
        term = make_term(phrase)
        if term is None:
            continue
        ours = partial(trace_phrases, [term], Audience.PUBLIC)
        [_, [history]] = ours()
        counted = like.count_by_quarter(phrase).values()
        took = {"ours": 0.0, "LIKE": 0.0}
        took["ours"] = min(measure(ours) for _ in range(3))
        took["LIKE"] = min(measure(partial(like.count_by_quarter, phrase)) for _ in range(2))
        yield {
            "figure": "history",
            "phrase": phrase,
            "hits": history.entries,
            "occurrences": history.occurrences,
            "hits by LIKE": sum(entries for entries, _ in counted),
            "occurrences by LIKE": sum(times for _, times in counted),
            "ours ms": round(took["ours"] * 1000, 1),
            "LIKE / ours": shorten(took["LIKE"] / took["ours"]),
        }


def compare_saving() -> Figure:
    """Entries saved with a changed text, in turns with and without the index being told of it."""
    entries = list(Entry.objects.order_by("pk")[: 2 * SAVED])
    whole, without = [], []
    for changed, unindexed in zip(entries[::2], entries[1::2], strict=True):
        for entry in (changed, unindexed):
            entry.body += "<p>這一段是後來加上去的，好讓索引有事可做。</p>"
        whole.append(measure(changed.save))
        with patch("briefings.models.entries.index_entry"):
            without.append(measure(unindexed.save))
    Entry.objects.filter(pk__in=[entry.pk for entry in entries]).refresh_index()
    saving = statistics.median(without)
    return {
        "figure": "saving",
        "saving ms": round(saving * 1000, 2),
        "indexing / saving": round((statistics.median(whole) - saving) / saving, 2),
    }
