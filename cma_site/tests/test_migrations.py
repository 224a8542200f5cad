"""The version before still runs while a migration is done, and for a while after.

What of a migration it would not outlive is refused here. `docs/operations.md` tells the rules.
"""

from collections.abc import Iterator, Sequence

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState

# What was there when the rules began; each later migration is held to them.
NEWEST_FREE = {
    "briefings": "0015_search_postings",
    "cma_site": "0005_happenings",
    "subscribers": "0021_pacing",
}
# "app.0042_name: RemoveField model.field" -> the release whose code was the first not to use it.
# It may go in a later one.
UNUSED_SINCE: dict[str, str] = {}

TAKES_AWAY = (
    migrations.RemoveField,
    migrations.RenameField,
    migrations.RenameModel,
    migrations.DeleteModel,
    migrations.AlterModelTable,
)


def list_breaks(app: str, state: ProjectState, operations: Sequence[Operation]) -> Iterator[str]:
    """What the code of before would fail at; `state` becomes that after the operations."""
    for operation in operations:
        if isinstance(operation, migrations.SeparateDatabaseAndState):
            yield from list_breaks(app, state.clone(), operation.database_operations)
        elif breaks(app, state, operation):
            yield name(operation)
        operation.state_forwards(app, state)


def breaks(app: str, state: ProjectState, operation: Operation) -> bool:
    if isinstance(operation, migrations.AddField):
        field = operation.field
        # Django drops `default` from the column once it is filled: who doesn't know of it can't
        # write a row.
        is_filled = field.null or field.has_db_default() or field.many_to_many
        return not is_filled
    if isinstance(operation, migrations.AlterField):
        before = state.models[app, operation.model_name_lower].fields[operation.name]
        return before.null and not operation.field.null
    return isinstance(operation, TAKES_AWAY)


def name(operation: Operation) -> str:
    of = getattr(operation, "name", None) or operation.old_name
    model = getattr(operation, "model_name", None)
    words = f"{model}.{of}" if model else of
    return f"{type(operation).__name__} {words.lower()}"


def test_no_new_migration_breaks_the_version_before():
    loader = MigrationLoader(None)
    found = []
    for app, newest_free in NEWEST_FREE.items():
        new = sorted(one for label, one in loader.disk_migrations if label == app)
        for one in new[new.index(newest_free) + 1 :]:
            migration = loader.get_migration(app, one)
            state = loader.project_state((app, one), at_end=False)
            found += [
                f"{app}.{one}: {broken}" for broken in list_breaks(app, state, migration.operations)
            ]

    assert sorted(found) == sorted(UNUSED_SINCE)


def test_what_goes_was_unused_in_a_release_that_is_out(settings):
    changelog = (settings.BASE_DIR / "CHANGELOG.md").read_text()

    out = {line.split()[1] for line in changelog.splitlines() if line.startswith("## ")}

    assert set(UNUSED_SINCE.values()) <= out - {"Unreleased"}


WORD = models.CharField(max_length=9)


@pytest.mark.parametrize(
    ("operation", "broken"),
    [
        (migrations.RemoveField("Member", "word"), "RemoveField member.word"),
        (migrations.RenameField("Member", "word", "name"), "RenameField member.word"),
        (migrations.RenameModel("Member", "Reader"), "RenameModel member"),
        (migrations.DeleteModel("Member"), "DeleteModel member"),
        (migrations.AlterModelTable("Member", "elsewhere"), "AlterModelTable member"),
        (migrations.AddField("Member", "name", WORD), "AddField member.name"),
        (
            migrations.AddField("Member", "name", models.CharField(max_length=9, default="")),
            "AddField member.name",
        ),
        (migrations.AlterField("Member", "word", WORD), "AlterField member.word"),
        (
            migrations.SeparateDatabaseAndState([migrations.RemoveField("Member", "word")]),
            "RemoveField member.word",
        ),
    ],
)
def test_what_the_version_before_would_not_outlive_is_found(operation, broken):
    assert list(list_breaks("app", make_state(), [operation])) == [broken]


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddField("Member", "name", models.CharField(max_length=9, null=True)),
        migrations.AddField("Member", "name", models.CharField(max_length=9, db_default="")),
        migrations.AddField("Member", "friends", models.ManyToManyField("app.Member")),
        migrations.AlterField("Member", "word", models.CharField(max_length=99, null=True)),
        migrations.CreateModel("Reader", [("word", WORD)]),
        # Taken from the code in this release, from the database in the next.
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField("Member", "word")]
        ),
    ],
)
def test_what_the_version_before_knows_nothing_of_is_free(operation):
    assert list(list_breaks("app", make_state(), [operation])) == []


def test_an_operation_is_judged_by_what_those_before_it_left():
    steps = [
        migrations.AddField("Member", "name", models.CharField(max_length=9, null=True)),
        migrations.AlterField("Member", "name", WORD),
    ]

    assert list(list_breaks("app", make_state(), steps)) == ["AlterField member.name"]


def make_state() -> ProjectState:
    state = ProjectState()
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("word", models.CharField(max_length=9, null=True)),
    ]
    state.add_model(ModelState("app", "Member", fields))
    return state
