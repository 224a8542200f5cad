from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from cma_site.backups.making import make_backup
from cma_site.backups.rows import list_kept_models
from cma_site.watching.happenings import BACKUP, note_happening


class Command(BaseCommand):
    help = (
        "把資料庫、檔案和密鑰備份成一個檔案；期間網站照常運作。檔案內有密鑰和會員資料，請妥善保管。"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="備份檔，如 backup-2026-11-29.zip")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        if file.exists():
            raise CommandError(f"{file} 已存在，請用另一個檔名。")
        with tqdm(total=len(list_kept_models()) + 1, unit="項", disable=None) as progress:

            def tell(what: str) -> None:
                progress.set_postfix_str(what)
                progress.update()

            try:
                rows = make_backup(file, timezone.now(), tell=tell)
            except OSError as error:
                raise CommandError(f"未能寫入備份：{error}") from error
        note_happening(BACKUP)
        self.stdout.write(f"已備份 {sum(rows.values()):,} 行到 {file}。")
