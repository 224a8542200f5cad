"""One sender of the bench, in a process of its own: python -m bench.sending JOB ARGUMENT…

    prepare MEMBERS VARIANTS     prints the key of a mailing to so many, all queued
    ours MAILING PART PARTS      says "ready", waits for a line, sends its part of the chunks
    sent MAILING                 how many are
    content MAILING              what is mailed, for others to mail
    rivals                       makes their database

Each prints one JSON document; `ours` how long it took and what it cost.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import django

if __name__ == "__main__":
    django.setup()

from django.core.checks import run_checks
from django.db import connection
from django.utils import timezone

from bench.desk import count_sent, open_one
from cma_site.celery import spare_collector
from subscribers.delivery import send_chunk
from subscribers.messages import fill_digest, make_slots
from subscribers.models import Delivery, DeliveryState, Digest, Mailing, MailingState, Member
from subscribers.waking import CHUNK

# Of Chinese: with markup and links 45 KB of text and HTML, as the evidence that set the goals had.
CHARACTERS = 5000
# Of a worker, as compose.yaml, the units and `script/demo` start it.
THREADS = 2


def prepare(members: int, variants: int = 1) -> dict[str, object]:
    """The second and further calls make a ledger as it was before anything was sent."""
    mailing = Mailing.objects.first()
    if mailing is None:
        mailing = Mailing.objects.get(pk=open_one(1, CHARACTERS)["mailing"])
    if Member.objects.count() < members:
        multiply_members(members)
    Delivery.objects.filter(mailing=mailing).delete()
    digests = make_variants(mailing, variants)
    queue_all(mailing, digests, members)
    Mailing.objects.filter(pk=mailing.pk).update(
        state=MailingState.SENDING, woken_at=None, finished_at=None
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    first = Digest.objects.get(pk=digests[0])
    return {"mailing": mailing.pk, "KB": round(len((first.text + first.html).encode()) / 1000, 1)}


def multiply_members(members: int) -> None:
    """After the first, in one statement: a million by themselves would take an hour."""
    table = Member._meta.db_table
    fields = Member._meta.concrete_fields
    columns = [str(field.column) for field in fields if not field.primary_key]
    made = {"email": "'member' || n || '@example.com'", "name": "'會員' || n"}
    values = ", ".join(made.get(column, f'"{column}"') for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    first = Member.objects.order_by("pk").values_list("pk", flat=True)[0]
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{table}" ({names}) SELECT {values} '  # noqa: S608  (our own names)
            f'FROM "{table}", generate_series(%s, %s) AS n WHERE id = %s',
            [Member.objects.count(), members - 1, first],
        )


def make_variants(mailing: Mailing, count: int) -> list[int]:
    """The keys of so many digests, each with a subject and words of its own."""
    first, *others = mailing.digests.order_by("pk")
    missing = [
        Digest(
            mailing=mailing,
            key=f"{number:064}",
            subject=f"{first.subject}；第 {number} 種",
            text=f"{first.text}\n第 {number} 種",
            html=first.html.replace("</body>", f"<p>第 {number} 種</p></body>"),
        )
        for number in range(len(others) + 1, count)
    ]
    Digest.objects.bulk_create(missing, batch_size=200)
    return list(mailing.digests.order_by("pk").values_list("pk", flat=True)[:count])


def queue_all(mailing: Mailing, digests: list[int], members: int) -> None:
    """In the order in which an opening writes them: what is alike together."""
    table = Delivery._meta.db_table
    row: dict[str, Any] = {
        "mailing_id": mailing.pk,
        "state": DeliveryState.QUEUED,
        "attempts": 0,
        "not_before": timezone.now(),
        "reply": "",
    }
    # Columns that others add later have a default in the model.
    for field in Delivery._meta.concrete_fields:
        column = str(field.column)
        if not field.null and column not in row and field.has_default():
            row[column] = field.get_default()
    names = ", ".join(f'"{name}"' for name in row)
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{table}" ({names}, member_id, email, name, digest_id) '  # noqa: S608
            f"SELECT {', '.join(['%s'] * len(row))}, id, email, name, "
            "(%s::bigint[])[1 + (row_number() OVER (ORDER BY id) - 1) * %s / %s] "
            f'FROM "{Member._meta.db_table}" ORDER BY id LIMIT %s',
            [*row.values(), digests, len(digests), members, members],
        )


def list_chunks(mailing: int) -> list[tuple[int, int]]:
    """By the first and the last key of each; without a list of all, which would be memory."""
    chunks, keys = [], Delivery.objects.filter(mailing=mailing).order_by("pk")
    for place, key in enumerate(keys.values_list("pk", flat=True).iterator(chunk_size=CHUNK)):
        if place % CHUNK == 0:
            chunks.append((key, key))
        chunks[-1] = (chunks[-1][0], key)
    return chunks


def send_part(mailing: int, part: int, parts: int) -> dict[str, object]:
    """What a worker does, without Celery: chunk after chunk, in as many threads."""
    run_checks()  # as a worker does before it takes up work; it loads all that there is
    spare_collector()
    chunks = list_chunks(mailing)[part::parts]
    started_with = read_cpu()
    print("ready", flush=True)
    sys.stdin.readline()
    start = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as threads:
        sending = [threads.submit(send_chunk, mailing, *chunk) for chunk in chunks]
    for one in sending:
        one.result()
    return {
        "seconds": time.perf_counter() - start,
        "cpu": read_cpu() - started_with,
        "cpu with start": read_cpu(),
        "peak MB": read_peak(),
    }


def read_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def read_peak() -> float:
    """Not getrusage's, which counts what the process had been forked from."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def show_content(mailing: int) -> dict[str, str]:
    """The edition's text and HTML as the first member has them."""
    delivery = Delivery.objects.filter(mailing=mailing).order_by("pk")[0]
    text, html = fill_digest(delivery.digest, make_slots(delivery))
    return {"text": text, "html": html}


def make_database_for_rivals() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE rivals")


JOBS: dict[str, Callable[..., object]] = {
    "prepare": prepare,
    "ours": send_part,
    "sent": count_sent,
    "content": show_content,
    "rivals": make_database_for_rivals,
}

if __name__ == "__main__":
    print(json.dumps(JOBS[sys.argv[1]](*map(int, sys.argv[2:]))), flush=True)
