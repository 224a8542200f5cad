import json
from argparse import ArgumentParser
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from briefings.importer.documents import UnreadableDocument
from briefings.importer.legacy import LegacyEdition
from briefings.importer.loader import ImportRefused, Loaded, Status, load_edition
from briefings.importer.parser import parse_manuscript
from briefings.importer.readers import read_manuscript
from briefings.models import Audience, State
from briefings.publishing import TransitionRefused, approve_entries, publish_edition

LARGEST_NUMBER = 2**31 - 1  # what the column holds

STATUS_LABELS = {
    Status.CREATED: "已建立",
    Status.UPDATED: "已更新",
    Status.UNCHANGED: "沒有改動",
}


class Command(BaseCommand):
    help = "匯入舊有期數的 .txt、.docx 或 .pdf 檔，成為草稿。任何一個檔案有錯，全部不會寫入。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", help="文字、Word 或 PDF 檔")
        parser.add_argument("--date", help="這一期的日期，例如 2023-11-15（只限一個檔案）")
        parser.add_argument("--number", help="這一期的期號（只限一個檔案）")
        parser.add_argument("--dry-run", action="store_true", help="只報告結果，不寫入")
        parser.add_argument("--publish", action="store_true", help="匯入後公開出版；必須有日期")
        parser.add_argument("--json", action="store_true", help="只輸出一份 JSON 文件")

    def handle(self, *args: Any, **options: Any) -> None:
        on, number = read_date(options["date"]), read_number(options["number"])
        if (on or number) and len(options["files"]) > 1:
            raise CommandError("--date 和 --number 每次只可用於一個檔案。")
        try:
            editions = [parse_manuscript(read_manuscript(Path(name))) for name in options["files"]]
            with transaction.atomic():
                results = [
                    (edition, self.load(edition, number, on, publish=options["publish"]))
                    for edition in editions
                ]
                transaction.set_rollback(options["dry_run"])
        except (UnreadableDocument, ImportRefused) as error:
            raise CommandError(f"{error}\n沒有寫入任何資料。") from error
        if options["json"]:
            document = {"editions": [describe_result(*result) for result in results]}
            self.stdout.write(json.dumps(document, ensure_ascii=False, indent=2))
        else:
            for line in report_results(results, dry_run=options["dry_run"]):
                self.stdout.write(line)

    def load(
        self, legacy: LegacyEdition, number: int | None, on: date | None, *, publish: bool
    ) -> Loaded:
        loaded = load_edition(legacy, number=number, date=on)
        if not publish or loaded.edition.is_published:
            return loaded
        if loaded.edition.date is None:
            raise ImportRefused(f"{legacy.name}：沒有日期，不能出版；請用 --date 指定日期。")
        if loaded.edition.state == State.WITHDRAWN:
            raise ImportRefused(f"{legacy.name}：這一期已被撤回，請在編輯台決定是否再出版。")
        try:
            approve_entries(loaded.edition)  # whoever has a shell may approve
            publish_edition(loaded.edition, audience=Audience.PUBLIC)
        except TransitionRefused as error:
            raise ImportRefused(f"{legacy.name}：不能出版。{error}") from error
        return loaded


def read_date(value: str | None) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise CommandError(f"日期「{value}」無效，請寫成 2023-11-15 的樣式。") from error


def read_number(value: str | int | None) -> int | None:
    if value is None:
        return None
    if not str(value).isdecimal() or not 0 < int(value) <= LARGEST_NUMBER:
        raise CommandError(f"期號「{value}」無效，請寫正整數。")
    return int(value)


def describe_result(legacy: LegacyEdition, loaded: Loaded) -> dict[str, Any]:
    """One edition of the `--json` document: the text as the file has it."""
    edition = loaded.edition
    return {
        "file": legacy.name,
        "status": loaded.status,
        "slug": edition.slug,
        "number": edition.number,
        "date": edition.date.isoformat() if edition.date else None,
        "entries": [
            {"headline": e.headline, "lead": e.lead, "paragraphs": list(e.paragraphs)}
            for e in legacy.entries
        ],
        "warnings": list(loaded.warnings),
    }


def report_results(
    results: Iterable[tuple[LegacyEdition, Loaded]], *, dry_run: bool
) -> Iterable[str]:
    for legacy, loaded in results:
        state = State(loaded.edition.state).label
        yield f"{legacy.name}：{STATUS_LABELS[loaded.status]}，{state}，{loaded.edition.slug}"
        for place, entry in enumerate(legacy.entries, start=1):
            yield f"  {place}. {entry.headline}（{len(entry.paragraphs)} 段）"
        for warning in loaded.warnings:
            yield f"  注意：{warning}"
    if dry_run:
        yield "這是試行，沒有寫入任何資料。"
