"""The roles that the migration makes."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

pytestmark = pytest.mark.django_db
ROLES = ["撰稿人", "編輯", "出版人", "會員管理員"]

roles = import_module("cma_site.migrations.0001_roles")
LATER = [
    import_module(f"cma_site.migrations.{name}")
    for name in ("0002_volume_roles", "0003_phrase_roles", "0004_member_import_roles")
]


def names_of(role: str) -> set[str]:
    return set(Group.objects.get(name=role).permissions.values_list("codename", flat=True))


def make_roles() -> None:
    roles.make_roles(apps, SimpleNamespace(connection=connection))


def test_each_role_is_there_from_the_start():
    assert set(Group.objects.values_list("name", flat=True)) >= set(ROLES)


def test_each_role_has_what_the_table_says():
    for role, allowed in roles.ROLES.items():
        later = [table for migration in LATER for table in migration.ROLES.get(role, {}).values()]
        tables = [*allowed.values(), *later]
        assert names_of(role) == {name for names in tables for name in names}


def test_a_publisher_is_an_editor_and_an_editor_a_writer():
    writer, editor, publisher = map(names_of, ROLES[:3])

    assert writer < editor < publisher


@pytest.mark.parametrize("role", ROLES[:3])
def test_who_writes_edits_or_publishes_sees_no_member(role):
    assert names_of(role).isdisjoint({"view_member", "change_member", "view_delivery"})


def test_making_them_again_keeps_what_an_administrator_added():
    extra = Permission.objects.get(codename="view_user")
    Group.objects.get(name="撰稿人").permissions.add(extra)

    make_roles()

    assert "view_user" in names_of("撰稿人")
    assert Group.objects.filter(name="撰稿人").count() == 1


def test_the_permissions_are_named_as_django_names_them():
    before = set(Permission.objects.values_list("codename", "name"))
    Permission.objects.filter(content_type__app_label="briefings").delete()

    make_roles()

    assert set(Permission.objects.values_list("codename", "name")) == before


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_migration_goes_back_and_forth():
    executor = MigrationExecutor(connection)
    executor.migrate([("cma_site", None)])
    assert not Group.objects.filter(name__in=ROLES).exists()

    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())

    assert Group.objects.filter(name__in=ROLES).count() == 4
