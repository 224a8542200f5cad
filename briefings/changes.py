"""How a process knows that what it keeps in memory is old: the database marks each change.

Triggers on the tables do it, so that whoever writes to them is noticed, in whatever way: a bulk
update, SQL by hand, another program. The marks belong to the writer's transaction.
"""

import secrets
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from zlib import crc32

from django.db import connection
from django.db.models import Max

from briefings.models.changes import ChangeMark

Kind = ChangeMark.Kind
MOST_MARKS = 100  # of a kind, from which on they are forgotten
# Of a change of each kind: how often, and what sum. Equal only if nothing was changed between.
Sum = tuple[int, int]


class Watched(NamedTuple):
    """A table, and the columns of it that matter; without any, all do."""

    kind: str
    table: str
    columns: tuple[str, ...] = ()


def read_marks() -> Mapping[str, Sum]:
    """One query; its cost grows with the changes since `forget_marks`."""
    with connection.cursor() as cursor:
        # Asked at every search and page: the ORM takes longer to write it than it takes.
        cursor.execute("SELECT kind, count(*), sum(mark) FROM briefings_changemark GROUP BY kind")
        marks = {kind: (count, int(mark)) for kind, count, mark in cursor.fetchall()}
    # Without a mark nobody knows: that is never the same as it was.
    return {kind: marks.get(kind) or (0, secrets.randbits(52)) for kind in Kind.values}


def mark_change(kind: str) -> None:
    _run(_write_mark(kind))


def forget_marks() -> None:
    """The sum of what is left is another one, so that processes read once more for nothing."""
    for kind in Kind:
        marks = ChangeMark.objects.filter(kind=kind)
        if marks.count() > MOST_MARKS:
            newest = marks.aggregate(Max("pk"))["pk__max"]
            marks.filter(pk__lt=newest).delete()


# --------------------------------------------------------------------------------------- triggers


def watch(tables: Iterable[Watched]) -> None:
    """Have changes of these tables marked, and of no others; twice is like once.

    What was changed while nobody watched is marked too.
    """
    known = dict(_list_triggers())
    wanted = {name: watched for watched in tables for name in _name_triggers(watched)}
    for name in known.keys() - wanted.keys():
        _run(f'DROP TRIGGER "{name}"{_on(known[name])}')
    missing = {watched for name, watched in wanted.items() if name not in known}
    for watched in sorted(missing):
        _create_triggers(watched)
    marked = set(ChangeMark.objects.values_list("kind", flat=True))
    for kind in {watched.kind for watched in missing} | (set(Kind.values) - marked):
        mark_change(kind)


def unwatch() -> None:
    """All that are watched: no migration can change a column that a trigger names."""
    for name, table in _list_triggers():
        _run(f'DROP TRIGGER "{name}"{_on(table)}')


def list_watched() -> set[tuple[str, str]]:
    """(kind, table) of those that are."""
    return {(name.split("_")[0], table) for name, table in _list_triggers()}


def _create_triggers(watched: Watched) -> None:
    names = _name_triggers(watched)
    create = _create_on_postgresql if connection.vendor == "postgresql" else _create_on_sqlite
    for name, event in zip(names, ("INSERT", "DELETE", "UPDATE"), strict=True):
        _run(f'DROP TRIGGER IF EXISTS "{name}"{_on(watched.table)}')
        create(watched, name, event)


def _create_on_postgresql(watched: Watched, name: str, event: str) -> None:
    """For each statement, however many rows it changes."""
    mark, rows = _write_mark(watched.kind), ""
    if event == "UPDATE" and watched.columns:
        # The columns are named in a text, so that a migration may change them.
        columns = ", ".join(f'"{column}"' for column in ("id", *watched.columns))
        rows = "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows"
        mark = (
            f"IF EXISTS (SELECT {columns} FROM new_rows EXCEPT SELECT {columns} FROM old_rows)"  # noqa: S608
            f" THEN {mark}; END IF"
        )
    _run(
        f'CREATE OR REPLACE FUNCTION "{name}"() RETURNS trigger LANGUAGE plpgsql'
        f" AS $$ BEGIN {mark}; RETURN NULL; END $$"
    )
    events = "DELETE OR TRUNCATE" if event == "DELETE" else event
    _run(
        f'CREATE TRIGGER "{name}" AFTER {events} ON "{watched.table}" {rows}'
        f' FOR EACH STATEMENT EXECUTE FUNCTION "{name}"()'
    )


def _create_on_sqlite(watched: Watched, name: str, event: str) -> None:
    changed = " OR ".join(f'OLD."{column}" IS NOT NEW."{column}"' for column in watched.columns)
    condition = f" WHEN {changed}" if event == "UPDATE" and changed else ""
    _run(
        f'CREATE TRIGGER "{name}" AFTER {event} ON "{watched.table}"{condition}'
        f" BEGIN {_write_mark(watched.kind)}; END"
    )


def _name_triggers(watched: Watched) -> tuple[str, str, str]:
    """One each for insertion, deletion, change; of other columns they have another name."""
    columns = f"{crc32(','.join(watched.columns).encode()):08x}"
    table = watched.table.removeprefix("briefings_")
    inserted, deleted, updated = (
        f"{watched.kind}_{table}_{event}_{columns}_marked" for event in ("ins", "del", "upd")
    )
    return inserted, deleted, updated


def _list_triggers() -> list[tuple[str, str]]:
    """(name, table)"""
    if connection.vendor == "postgresql":
        sql = "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE tgenabled <> 'D'"
    else:
        sql = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'"
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [(name, table) for name, table in cursor.fetchall() if name.endswith("_marked")]


def _on(table: str) -> str:
    return f' ON "{table}"' if connection.vendor == "postgresql" else ""


def _write_mark(kind: str) -> str:
    # 52 bits, so that their sum is exact wherever it is made.
    if connection.vendor == "postgresql":
        return (
            "INSERT INTO briefings_changemark (kind, mark)"  # noqa: S608
            f" VALUES ('{kind}', (random() * 4503599627370495)::bigint)"
        )
    number = Kind.values.index(kind) + 1
    return (
        "INSERT OR REPLACE INTO briefings_changemark (id, kind, mark)"  # noqa: S608
        f" VALUES ({number}, '{kind}', random() >> 12)"
    )


def _run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
