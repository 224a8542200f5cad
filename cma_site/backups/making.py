"""A backup of the database as it is at one moment, of the files it names, and of the keys."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.files.storage import Storage, default_storage
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model

from cma_site.backups.archive import PIECE, BackupWriter, create_archive
from cma_site.backups.rows import list_kept_models, one_moment, read_rows

KEYS = "keys.json"


def make_backup(
    path: Path, now: datetime, *, tell: Callable[[str], object] = str
) -> dict[str, int]:
    """How many rows of each table are in it. `tell` hears what comes next.

    Nobody who writes is held up. Memory stays flat.
    """
    with create_archive(path) as archive:
        with one_moment():
            rows = {}
            for model in list_kept_models():
                tell(str(model._meta.verbose_name))
                rows[model._meta.label] = _write_table(archive, model)
            migrations = list_migrations()
        tell("檔案")
        for name in list_files(default_storage):
            _write_file(archive, name)
        archive.write(KEYS, [json.dumps(list_keys()).encode()])
        about = {"made_at": now.isoformat(), "migrations": migrations, "rows": rows}
        archive.finish(about)
    return rows


def _write_table(archive: BackupWriter, model: type[Model]) -> int:
    count = 0

    def write_lines() -> Iterator[bytes]:
        nonlocal count
        for line in read_rows(model):
            count += 1
            yield f"{line}\n".encode()

    archive.write(name_table(model), write_lines())
    return count


def name_table(model: type[Model]) -> str:
    return f"rows/{model._meta.label}.jsonl"


def list_migrations() -> list[str]:
    """Those that the database has had; by them it is known that two have the same tables."""
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in applied)


def list_files(storage: Storage, folder: str = "") -> Iterator[str]:
    """All, by name, of whatever kind the storage is."""
    try:
        folders, files = storage.listdir(folder)
    except FileNotFoundError:  # a storage where nothing was ever put
        return
    for name in sorted(files):
        yield f"{folder}{name}"
    for name in sorted(folders):
        yield from list_files(storage, f"{folder}{name}/")


def list_keys() -> list[str]:
    """By which links in mail are signed, the present one first."""
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]


def _write_file(archive: BackupWriter, name: str) -> None:
    """Not what was cleared away since it was listed: whatever is drawn anew or no longer needed."""
    try:
        file = default_storage.open(name)
    except FileNotFoundError:
        return
    with file:
        archive.write(f"files/{name}", file.chunks(PIECE))
