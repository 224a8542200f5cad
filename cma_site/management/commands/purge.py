from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from cma_site.retention import RULES


class Command(BaseCommand):
    help = "刪除保存期已過的資料和檔案；beat 每晚也會做。重複執行無妨。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="只數有多少，不刪除")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        now = timezone.now()
        for rule in RULES:
            number = rule.count(now) if dry_run else rule.purge(now)
            kept = f"保存 {rule.kept.days} 天" if rule.kept else "即時"
            self.stdout.write(f"{number:>8,}  {rule.what}（{kept}）")
        self.stdout.write("以上沒有刪除。" if dry_run else "以上已刪除。")
