"""What the database knows of how the site is, asked when somebody wants to know.

Numbers only, about nobody. Asking takes a twentieth of the time at most: what took long is kept for
twenty times as long before it is asked again, and what takes too long is broken off.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from threading import Lock
from time import monotonic

from django.db import connection, transaction
from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from briefings.models import Printout, PrintoutState
from briefings.search.index import list_tail
from cma_site.celery import app
from cma_site.models import Happening
from cma_site.watching.happenings import (
    BACKUP,
    FAILED_TASK,
    PRINTED,
    PRINTING_BOUNDS,
    TICK,
)
from subscribers.models import (
    Delivery,
    DeliveryState,
    Mailing,
    MailingState,
    MailReport,
    RecordedKind,
)

logger = logging.getLogger(__name__)

KEPT = 10.0  # seconds, and at least
RESTS = 20  # times as long as asking took
PATIENCE = 2.0  # seconds, for each question
RECENT = {"1d": timedelta(days=1), "7d": timedelta(days=7)}
RATED_OVER = timedelta(minutes=5)

Question = Callable[[datetime], list[Metric]]


class SiteCollector(Collector):
    def describe(self) -> list[Metric]:
        """None: or registering would ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        yield from ANSWERS.recall()


class Answers:
    """The last ones, in this process's memory: what tells how the site is needs no other part."""

    def __init__(self) -> None:
        self._metrics: list[Metric] = []
        self._until = 0.0
        self._lock = Lock()

    def recall(self) -> list[Metric]:
        """Asked anew when their time is over; who comes meanwhile waits for them."""
        with self._lock:
            start = monotonic()
            if start >= self._until:
                self._metrics = ask_state(timezone.now())
                end = monotonic()
                self._until = end + max(KEPT, RESTS * (end - start))
            return self._metrics

    def forget(self) -> None:
        self._until = 0.0


ANSWERS = Answers()


def ask_state(now: datetime) -> list[Metric]:
    """With `site_questions_failed`: whoever watches is told that something is not known."""
    metrics: list[Metric] = []
    failed = 0
    for question in QUESTIONS:
        try:
            with answering_in_time():
                metrics.extend(question(now))
        except Exception:
            logger.warning("%s was not answered", question.__name__, exc_info=True)
            failed += 1
    doubt = "Questions to the database that were not answered in time, of all at the last asking."
    return [*metrics, GaugeMetricFamily("site_questions_failed", doubt, failed)]


@contextmanager
def answering_in_time() -> Iterator[None]:
    """A question within it that takes longer than PATIENCE is broken off, with a DatabaseError."""
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{PATIENCE}s"])
            yield
        return
    # No transaction: on SQLite it would take the one lock for writing.
    connection.ensure_connection()
    deadline = monotonic() + PATIENCE
    connection.connection.set_progress_handler(lambda: monotonic() > deadline, 10_000)
    try:
        yield
    finally:
        connection.connection.set_progress_handler(None, 0)


# ------------------------------------------------------------------------------------ questions
def ask_deliveries(_: datetime) -> list[Metric]:
    """Of the mailings under way, by the ledger's index on mailing and state."""
    counts = dict.fromkeys(DeliveryState.values, 0)
    rows = Delivery.objects.filter(mailing__in=_list_running()).order_by()
    counts |= dict(rows.values_list("state").annotate(Count("pk")))
    states = GaugeMetricFamily(
        "site_deliveries", "Deliveries of the mailings under way, by state.", labels=["state"]
    )
    for state, count in counts.items():
        states.add_metric([state], count)
    running = _list_running().count()
    return [states, GaugeMetricFamily("site_mailings_running", "Mailings under way.", running)]


def ask_undecided(now: datetime) -> list[Metric]:
    """Of which a mailing that is done may have some: they wait for a person."""
    recent = Mailing.objects.filter(opened_at__gt=now - RECENT["7d"])
    unknown = Delivery.objects.filter(mailing__in=recent, state=DeliveryState.UNKNOWN).count()
    about = "Deliveries held for a person, of the mailings opened within a week."
    return [GaugeMetricFamily("site_deliveries_unknown", about, unknown)]


def ask_queue_age(now: datetime) -> list[Metric]:
    due = Delivery.objects.due(now).filter(mailing__in=_list_running())
    oldest = due.aggregate(at=Min("not_before"))["at"]
    about = "Seconds for which the oldest delivery that could be sent has waited to be claimed."
    return [GaugeMetricFamily("site_queue_age_seconds", about, _tell_age(oldest, now))]


def ask_send_rate(now: datetime) -> list[Metric]:
    at_work = Mailing.objects.filter(
        Q(state=MailingState.SENDING) | Q(finished_at__gt=now - RATED_OVER)
    )
    sent = Delivery.objects.filter(
        mailing__in=at_work, state=DeliveryState.SENT, sent_at__gt=now - RATED_OVER
    ).count()
    rate = sent / RATED_OVER.total_seconds()
    about = "Deliveries sent each second, over the last five minutes."
    return [GaugeMetricFamily("site_sent_per_second", about, rate)]


def ask_returns(now: datetime) -> list[Metric]:
    """Of mailings of late, how many copies went out, and how many of them came back, and why."""
    sent = GaugeMetricFamily(
        "site_sent", "Deliveries sent, of the mailings opened in the window.", labels=["window"]
    )
    reports = GaugeMetricFamily(
        "site_reports",
        "Deliveries that came back or were complained of, of the mailings opened in the window.",
        labels=["window", "kind"],
    )
    for window, length in RECENT.items():
        recent = Mailing.objects.filter(opened_at__gt=now - length)
        copies = Delivery.objects.filter(mailing__in=recent, state=DeliveryState.SENT)
        sent.add_metric([window], copies.count())
        found = (
            MailReport.objects.filter(delivery__mailing__in=recent, received_at__gt=now - length)
            .order_by()
            .values_list("kind")
            .annotate(Count("delivery", distinct=True))
        )
        for kind, count in (dict.fromkeys(RecordedKind.values, 0) | dict(found)).items():
            reports.add_metric([window, kind], count)
    return [sent, reports]


def ask_printouts(now: datetime) -> list[Metric]:
    waiting = Printout.objects.under_way()
    oldest = waiting.aggregate(at=Min("waiting_since"))["at"]
    refused = Printout.objects.filter(state=PrintoutState.REFUSED).count()
    return [
        GaugeMetricFamily("site_pdfs_waiting", "PDFs asked for and not built.", waiting.count()),
        GaugeMetricFamily(
            "site_pdf_age_seconds",
            "Seconds for which the oldest of them has waited.",
            _tell_age(oldest, now),
        ),
        GaugeMetricFamily("site_pdfs_refused", "PDFs that could not be built.", refused),
    ]


def ask_index(_: datetime) -> list[Metric]:
    about = "Texts of the search index that no segment has yet."
    return [GaugeMetricFamily("site_index_tail", about, list_tail().count())]


def ask_happenings(_: datetime) -> list[Metric]:
    rows = list(Happening.objects.all())
    failures = CounterMetricFamily(
        "site_tasks_failed", "Tasks that ended in an error, by name.", labels=["task"]
    )
    # Those that never failed, too: to Prometheus what was not there before has not grown.
    failed = {row.detail: row.count for row in rows if row.kind == FAILED_TASK}
    for task, count in (dict.fromkeys(list_tasks(), 0) | failed).items():
        failures.add_metric([task], count)
    return [
        failures,
        *_tell_last(rows, TICK, "site_tick", "a worker did what beat queues each half minute"),
        *_tell_last(rows, BACKUP, "site_backup", "a backup was made"),
        _tell_printing(rows),
    ]


@cache
def list_tasks() -> tuple[str, ...]:
    """All of the site's, by name."""
    app.loader.import_default_modules()
    return tuple(sorted(name for name in app.tasks if not name.startswith("celery.")))


def _tell_last(rows: list[Happening], kind: str, name: str, what: str) -> Iterator[Metric]:
    """Nothing of what never happened."""
    for row in rows:
        if row.kind == kind:
            about = f"When {what} last (Unix time)."
            yield GaugeMetricFamily(f"{name}_timestamp_seconds", about, row.last_at.timestamp())


def _tell_printing(rows: list[Happening]) -> Metric:
    told = HistogramMetricFamily(
        "site_pdf_seconds", "Seconds that building a PDF took.", labels=["of"]
    )
    for of, kind in PRINTED.items():
        found = {row.detail: row for row in rows if row.kind == kind}
        total, buckets = 0, []
        for bound in (*PRINTING_BOUNDS, float("inf")):
            row = found.get(f"{bound:g}")
            total += row.count if row else 0
            buckets.append(("+Inf" if bound == float("inf") else str(bound), total))
        told.add_metric([of], buckets, sum(row.seconds for row in found.values()))
    return told


def _list_running() -> QuerySet[Mailing]:
    return Mailing.objects.filter(state=MailingState.SENDING)


def _tell_age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0


QUESTIONS: tuple[Question, ...] = (
    ask_deliveries,
    ask_undecided,
    ask_queue_age,
    ask_send_rate,
    ask_returns,
    ask_printouts,
    ask_index,
    ask_happenings,
)
