from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from cma_site.backups.archive import BadBackup
from cma_site.backups.restoring import restore_backup
from cma_site.backups.rows import list_kept_models


class Command(BaseCommand):
    help = "由備份檔還原到剛執行過 migrate 的空資料庫，SQLite 或 PostgreSQL 均可。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="backup 製作的備份檔")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        with tqdm(total=len(list_kept_models()) + 3, unit="項", disable=None) as progress:

            def tell(what: str) -> None:
                progress.set_postfix_str(what)
                progress.update()

            try:
                restored = restore_backup(file, tell=tell)
            except (BadBackup, OSError) as error:
                raise CommandError(str(error)) from error
        self.stdout.write(f"已還原 {restored.rows:,} 行。")
        if restored.missing_keys:
            self.stderr.write(
                f"備份時的密鑰有 {restored.missing_keys} 個不在這裏：請由備份檔內的 keys.json 加到 "
                "SECRET_KEY_FALLBACKS，否則已寄出郵件內的連結會失效。"
            )
