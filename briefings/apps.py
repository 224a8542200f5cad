from typing import Any

from django.apps import AppConfig
from django.db import connection
from django.db.models.signals import post_migrate


class BriefingsConfig(AppConfig):
    name = "briefings"
    verbose_name = "編務"

    def ready(self) -> None:
        from briefings import checks, history, lookups  # noqa: F401  (they register themselves)

        # SQLite forgets it where a migration makes a table anew.
        post_migrate.connect(watch_changes, sender=self)


def watch_changes(**_kwargs: Any) -> None:
    """Unless the migrations went back to before there was anything to watch for."""
    from briefings import catalogue, changes, kept_pages
    from briefings.models import ChangeMark

    if ChangeMark._meta.db_table in connection.introspection.table_names():
        changes.watch((*catalogue.WATCHED, *kept_pages.list_watched()))
