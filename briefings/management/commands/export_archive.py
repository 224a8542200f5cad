from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from briefings.models import Audience
from briefings.pdf import PDFRefused
from briefings.plain_files.exporting import ArchiveChanges, export_archive, list_editions
from briefings.plain_files.folder import NotOurFolder


class Command(BaseCommand):
    help = (
        "把已出版的全部內容匯出成網頁、JSON 和 PDF，不需要本系統也能閱讀。"
        "再次匯出到同一資料夾時，沒有改動的檔案原封不動。"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="資料夾；已有匯出的會換成新的")
        parser.add_argument(
            "--members", action="store_true", help="連只限會員的內容在內（預設只匯出公開的）"
        )

    def handle(self, *args: Any, folder: Path, members: bool, **options: Any) -> None:
        audience = Audience.MEMBERS if members else Audience.PUBLIC
        now = timezone.now()
        total = 2 * len(list_editions(audience, now))
        with tqdm(total=total, unit="期", disable=None) as progress:
            try:
                done = export_archive(
                    folder.absolute(), now, audience=audience, tell=progress.update
                )
            except NotOurFolder as error:
                raise CommandError(f"{folder} 不是匯出的資料夾，內有其他檔案。") from error
            except ArchiveChanges as error:
                raise CommandError("匯出期間內容不斷改動，請稍後再試。") from error
            except (PDFRefused, OSError) as error:
                raise CommandError(f"未能匯出：{error}") from error
        self.stdout.write(
            f"已匯出 {done.editions} 期到 {folder}，"
            f"共 {done.files} 個檔案，其中 {done.unchanged} 個沒有改動。"
        )
        if done.without_pdf or done.lost_pictures:
            raise CommandError(
                "\n".join(
                    [
                        *(f"{label}的 PDF 未能製成。" for label in done.without_pdf),
                        *(f"圖片檔遺失：{name}" for name in done.lost_pictures),
                    ]
                )
            )
