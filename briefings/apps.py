from typing import Any

from django.apps import AppConfig
from django.db import connection
from django.db.migrations import Migration
from django.db.models.signals import post_migrate, pre_migrate


class BriefingsConfig(AppConfig):
    name = "briefings"
    verbose_name = "編務"

    def ready(self) -> None:
        from briefings import checks, history, lookups  # noqa: F401  (they register themselves)

        pre_migrate.connect(stop_watching, sender=self)
        post_migrate.connect(watch_changes, sender=self)


def stop_watching(plan: list[tuple[Migration, bool]], **_kwargs: Any) -> None:
    """While tables of the archive are changed, which triggers on them would refuse."""
    from briefings import changes

    if any(migration.app_label == "briefings" for migration, _ in plan):
        changes.unwatch()


def watch_changes(**_kwargs: Any) -> None:
    """Unless the migrations went back to before there was anything to watch for."""
    from briefings import catalogue, changes, kept_pages
    from briefings.models import ChangeMark

    if ChangeMark._meta.db_table in connection.introspection.table_names():
        changes.watch((*catalogue.WATCHED, *kept_pages.list_watched()))
