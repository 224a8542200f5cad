"""How a process knows that what it keeps in memory is old: the database marks each change.

Triggers on the tables do it, so that whoever writes to them is noticed, in whatever way: a bulk
update, SQL by hand, another program. The marks belong to the writer's transaction.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from django.db import connection

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
    return {kind: marks.get(kind, (0, 0)) for kind in Kind.values}


def mark_change(kind: str) -> None:
    _run(_write_mark(kind))


def forget_marks() -> None:
    """The sum of what is left is another one, so that processes read once more for nothing."""
    for kind in Kind:
        marks = ChangeMark.objects.filter(kind=kind).order_by("-pk")
        old = list(marks.values_list("pk", flat=True)[1:])
        if len(old) > MOST_MARKS:
            ChangeMark.objects.filter(pk__in=old).delete()


# --------------------------------------------------------------------------------------- triggers


def watch(tables: Iterable[Watched]) -> None:
    """Have changes of these tables marked; twice is like once."""
    watch_one = _watch_on_postgresql if connection.vendor == "postgresql" else _watch_on_sqlite
    for watched in tables:
        watch_one(watched)


def unwatch() -> None:
    """All that were watched."""
    if connection.vendor == "postgresql":
        for kind in Kind.values:
            _run(f"DROP FUNCTION IF EXISTS briefings_mark_{kind} CASCADE")
        return
    for _, name in _list_triggers():
        _run(f'DROP TRIGGER "{name}"')


def list_watched() -> set[tuple[str, str]]:
    """(kind, table) of those that are."""
    return {(name.rsplit("_", 2)[1], table) for table, name in _list_triggers()}


def _watch_on_postgresql(watched: Watched) -> None:
    kind, table, columns = watched
    _run(
        f"CREATE OR REPLACE FUNCTION briefings_mark_{kind}() RETURNS trigger LANGUAGE plpgsql"
        f" AS $$ BEGIN {_write_mark(kind)}; RETURN NULL; END $$"
    )
    changed = " OR ".join(f'OLD."{name}" IS DISTINCT FROM NEW."{name}"' for name in columns)
    for event, each in (
        ("INSERT OR DELETE OR TRUNCATE", "FOR EACH STATEMENT"),
        ("UPDATE", f"FOR EACH ROW WHEN ({changed})" if columns else "FOR EACH STATEMENT"),
    ):
        _run(
            f'CREATE OR REPLACE TRIGGER "{_name_trigger(watched, event)}"'
            f' AFTER {event} ON "{table}" {each} EXECUTE FUNCTION briefings_mark_{kind}()'
        )


def _watch_on_sqlite(watched: Watched) -> None:
    kind, table, columns = watched
    changed = " OR ".join(f'OLD."{name}" IS NOT NEW."{name}"' for name in columns)
    for event in ("INSERT", "DELETE", "UPDATE"):
        name = _name_trigger(watched, event)
        condition = f" WHEN {changed}" if event == "UPDATE" and columns else ""
        _run(f'DROP TRIGGER IF EXISTS "{name}"')
        _run(
            f'CREATE TRIGGER "{name}" AFTER {event} ON "{table}"{condition}'
            f" BEGIN {_write_mark(kind)}; END"
        )


def _name_trigger(watched: Watched, event: str) -> str:
    return f"{watched.table}_{event.split(maxsplit=1)[0].lower()}_{watched.kind}_marked"


def _list_triggers() -> list[tuple[str, str]]:
    """(table, name)"""
    if connection.vendor == "postgresql":
        sql = "SELECT tgrelid::regclass::text, tgname FROM pg_trigger"
    else:
        sql = "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'"
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [(table, name) for table, name in cursor.fetchall() if name.endswith("_marked")]


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
