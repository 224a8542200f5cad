"""Filling an empty database, of whichever kind, from a backup."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from tempfile import SpooledTemporaryFile

from django.apps import apps
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.files import File
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import Model

from briefings.apps import watch_changes
from cma_site.backups.archive import PIECE, BackupReader, BadBackup
from cma_site.backups.making import KEYS, list_keys, list_migrations, name_table
from cma_site.backups.rows import go_on_counting, list_kept_models, write_rows
from cma_site.secret_files import write_secret

FILES = "files/"

# Of these a database that was only just set up has rows, which give way to the backup's.
MADE_BY_MIGRATIONS = {
    "auth.Group",
    "auth.Group_permissions",
    "auth.Permission",
    "briefings.Imprint",
    "briefings.Publication",
    "contenttypes.ContentType",
}


@dataclass(frozen=True)
class Restored:
    rows: int
    missing_keys: int  # that a person has to put into the environment


def restore_backup(path: Path, *, tell: Callable[[str], object] = str) -> Restored:
    """Raises BadBackup if it can't be done; of the database nothing is changed then.

    Killed half-way it leaves some files at most, and can be run again; killed in making the
    search index, which comes last, only that is to be made (`rebuild_search_index`).
    """
    with BackupReader.open(path) as backup:
        tell("核對備份檔")
        backup.verify()
        _check_database(backup)
        tell("檔案")
        for name in backup.names:
            if name.startswith(FILES):
                _restore_file(backup, name)
        rows = _restore_rows(backup, tell)
        missing_keys = _restore_keys(json.loads(b"".join(backup.read(KEYS))))
    tell("搜尋索引")
    call_command("rebuild_search_index", stdout=StringIO())
    return Restored(rows, missing_keys)


def _check_database(backup: BackupReader) -> None:
    ours, theirs = set(list_migrations()), set(backup.manifest["migrations"])
    if ours != theirs:
        differing = "、".join(sorted(ours ^ theirs)[:6])
        raise BadBackup(
            "資料庫的結構與備份時不同，請用製作備份的版本執行 migrate，還原後才升級。"
            f"不同之處：{differing}"
        )
    full = [
        str(model._meta.verbose_name)
        for model in list_kept_models()
        if model._meta.label not in MADE_BY_MIGRATIONS and model._base_manager.exists()
    ]
    if full:
        raise BadBackup(
            f"資料庫已有資料（{'、'.join(full[:6])}）。"
            "請指向一個新的資料庫，執行 migrate 後再還原。"
        )


def _restore_file(backup: BackupReader, name: str) -> None:
    """What is there whole already is left as it is; what a kill cut off is not."""
    stored = name.removeprefix(FILES)
    with SpooledTemporaryFile(max_size=8 * PIECE) as whole:
        for piece in backup.read(name):
            whole.write(piece)
        size = whole.tell()
        if default_storage.exists(stored):
            if default_storage.size(stored) == size:
                return
            default_storage.delete(stored)
        whole.seek(0)
        default_storage.save(stored, File(whole))


def _restore_rows(backup: BackupReader, tell: Callable[[str], object]) -> int:
    models, count = list_kept_models(), 0
    try:
        with transaction.atomic():
            for model in _children_first(MADE_BY_MIGRATIONS):
                model._base_manager.all().delete()
            for model in models:
                tell(str(model._meta.verbose_name))
                count += _restore_table(backup, model)
            go_on_counting(models)
            connection.check_constraints()
    except DatabaseError as error:
        raise BadBackup(f"資料庫不接受備份的內容，沒有還原：{error}") from error
    ContentType.objects.clear_cache()
    watch_changes()
    return count


def _children_first(labels: set[str]) -> list[type[Model]]:
    """A relation's own rows before what they lead to."""
    return [apps.get_model(label) for label in sorted(labels, key=_count_parents, reverse=True)]


def _count_parents(label: str) -> int:
    return sum(1 for field in apps.get_model(label)._meta.concrete_fields if field.is_relation)


def _restore_table(backup: BackupReader, model: type[Model]) -> int:
    label = model._meta.label
    written = write_rows(model, backup.read_lines(name_table(model)))
    if written != backup.manifest["rows"][label]:
        raise BadBackup(f"備份檔中的 {label} 行數不符。")
    return written


def _restore_keys(keys: list[str]) -> int:
    """A laptop gets the key that links in the mail that was sent are signed with. A server's keys
    come from its environment: of those how many it doesn't know.
    """
    if not settings.PRODUCTION and keys[0] != settings.SECRET_KEY:
        write_secret(settings.VAR_DIR / "secret-key", keys[0])
        return len(keys) - 1
    return len(set(keys).difference(list_keys()))
