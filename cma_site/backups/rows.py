"""Rows as JSON, the same from either database, and back."""

import base64
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.models import Field, Model, sql
from django.utils.duration import duration_iso_string

# What isn't kept, and why.
LEFT_OUT = {
    **dict.fromkeys(
        ("briefings.IndexedText", "briefings.Segment", "briefings.SegmentPosting"),
        "the search index; made anew",
    ),
    "briefings.ChangeMark": "written by triggers",
    "cma_site.Happening": "of the installation, not of what it keeps",
    "briefings.Presence": "who has which form open",
    **dict.fromkeys(
        ("sessions.Session", "subscribers.MemberSession", "subscribers.LoginLink"),
        "everybody logs in anew",
    ),
    **dict.fromkeys(
        (
            "axes.AccessAttempt",
            "axes.AccessAttemptExpiration",
            "axes.AccessFailureLog",
            "axes.AccessLog",
        ),
        "attempts at logging in, forgotten soon in any case",
    ),
}

BATCH = 1000  # rows in one statement, or fewer where the database takes no more


def list_kept_models() -> list[type[Model]]:
    """By label. Those that Django makes for many-to-many fields too."""
    models = [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and model._meta.label not in LEFT_OUT
    ]
    return sorted(models, key=lambda model: model._meta.label)


@contextmanager
def one_moment() -> Iterator[None]:
    """All reading within it sees the database as it is now, and holds up nobody who writes."""
    if connection.vendor == "postgresql":
        with transaction.atomic():
            _execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
        return
    _execute("BEGIN DEFERRED")  # atomic() would take SQLite's one lock for writing
    try:
        yield
    finally:
        _execute("ROLLBACK")


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def read_rows(model: type[Model]) -> Iterator[str]:
    """A line of JSON for each row, by its key; in memory a few at a time."""
    names = [field.attname for field in model._meta.concrete_fields]
    rows = model._base_manager.order_by("pk").values_list(*names)
    for row in rows.iterator(chunk_size=BATCH):
        fields = {name: encode(value) for name, value in zip(names, row, strict=True)}
        yield json.dumps(fields, ensure_ascii=False, sort_keys=True)


def encode(value: Any) -> Any:
    """As JSON has it and `Field.to_python` reads it; times in UTC, to the microsecond."""
    match value:
        case None | bool() | int() | float() | str() | list() | dict():
            return value
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date() | time():
            return value.isoformat()
        case timedelta():
            return duration_iso_string(value)
        case Decimal() | UUID():
            return str(value)
        case bytes() | memoryview():
            return base64.b64encode(value).decode()
    raise TypeError(f"no way to write {value!r}")


def write_rows(model: type[Model], lines: Iterable[str]) -> int:
    """Just as they were, with their keys and times; how many."""
    fields = list(model._meta.concrete_fields)
    at_once, written = _count_at_once(fields), 0
    rest = iter(lines)
    while batch := list(islice(rest, at_once)):
        rows = [_make_row(model, fields, json.loads(line)) for line in batch]
        query = sql.InsertQuery(model)
        query.insert_values(fields, rows, raw=True)  # raw: or times of making would be now
        query.get_compiler(connection=connection).execute_sql()
        written += len(rows)
    return written


def _count_at_once(fields: list[Field]) -> int:
    most: int = connection.ops.bulk_batch_size(fields, range(BATCH))
    return min(most, BATCH)


def _make_row(model: type[Model], fields: list[Field], values: dict[str, Any]) -> Model:
    return model(**{field.attname: field.to_python(values[field.attname]) for field in fields})


def go_on_counting(models: Iterable[type[Model]]) -> None:
    """The next key that the database gives is a new one."""
    for statement in connection.ops.sequence_reset_sql(no_style(), list(models)):
        _execute(statement)
