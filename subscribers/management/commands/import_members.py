from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from briefings.models import Publication
from subscribers.import_pages import summarise
from subscribers.imports import ImportRefused, accept, hand_in, work_on
from subscribers.models import ImportStep, JoinsAs, MemberImport, RowKind, word_consent

SHOWN = 3  # rows of each kind


class Command(BaseCommand):
    help = "由 CSV 或 XLSX 名單匯入會員。沒有 --accept 只預覽，不寫入任何會員。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="CSV 或 XLSX 檔")
        parser.add_argument("--consent", required=True, help="這些人在哪裏、怎樣同意收取")
        parser.add_argument("--date", help="最遲一位同意的日期，例如 2026-10-03；預設是今天")
        parser.add_argument("--wording", help="當時請他們同意的字句；預設是登記頁的字句")
        parser.add_argument("--active", action="store_true", help="有同意的紀錄，毋須再確認")
        parser.add_argument("--update", action="store_true", help="更新已是會員的稱呼和政策主題")
        parser.add_argument("--accept", action="store_true", help="預覽後即寫入")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            own = self.hand_in(file, options)
            self.work(own, "核對")
            self.report(own)
            if not options["accept"]:
                self.stdout.write("這是預覽，沒有寫入任何會員；可在編輯台的「匯入會員」決定。")
                return
            accept(own, by=None, now=timezone.now())
        except ImportRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.work(own, "寫入")
        self.report(own)

    def hand_in(self, path: Path, options: dict[str, Any]) -> MemberImport:
        try:
            with path.open("rb") as content:
                return hand_in(
                    File(content, name=path.name),
                    by=None,
                    consent_source=options["consent"],
                    consent_wording=options["wording"] or word_consent(Publication.load()),
                    consented_on=read_date(options["date"]),
                    joins_as=JoinsAs.ACTIVE if options["active"] else JoinsAs.PENDING,
                    updates_members=options["update"],
                )
        except OSError as error:
            raise CommandError(f"{path}：未能開啟檔案（{error.strerror}）。") from error

    def work(self, own: MemberImport, what: str) -> None:
        """In this process, unless a worker was quicker to take it."""
        # For whoever watches: a log gets the result alone.
        with tqdm(total=100, desc=what, unit="%", disable=None) as bar:
            work_on(own.pk, lambda at: bar.update(at.percent - bar.n))
        own.refresh_from_db()
        if own.step == ImportStep.FAILED:
            raise CommandError(own.reason)
        if own.is_under_way:
            raise CommandError("另有程序正在處理這份名單，請在編輯台的「匯入會員」看結果。")

    def report(self, own: MemberImport) -> None:
        self.stdout.write(f"{own.get_step_display()}：{own.total:,} 行，{summarise(own.counts)}。")
        for kind in RowKind:
            if not (count := own.counts.get(kind)):
                continue
            self.stdout.write(f"  {kind.label}：{count:,}")
            if kind not in (RowKind.NEW, RowKind.UPDATED):
                for row in own.rows.filter(kind=kind)[:SHOWN]:
                    self.stdout.write(f"    第 {row.number} 行：{row.reason}")


def read_date(value: str | None) -> date:
    if value is None:
        return timezone.localdate()
    try:
        day = date.fromisoformat(value)
    except ValueError as error:
        raise CommandError(f"日期「{value}」無效，請寫成 2026-10-03 的樣式。") from error
    if day > timezone.localdate():
        raise CommandError("同意日期不能在今天以後。")
    return day
