import json
import sys
from typing import Any
from unicodedata import east_asian_width

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from subscribers.domain_health.checking import Report, check_domain
from subscribers.domain_health.findings import Finding, Level

SUBJECT_WIDTH = 14


class Command(BaseCommand):
    help = (
        "檢查寄件網域和郵件伺服器：SPF、DKIM、DMARC、MX、TLS、反向 DNS。"
        "不會寄出郵件；有錯誤時以 1 結束。"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="只輸出一份 JSON 文件")

    def handle(self, *args: Any, **options: Any) -> None:
        report = check_domain(timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps(describe(report), ensure_ascii=False, indent=2))
        else:
            self._tell(report)
        if report.worst is Level.ERROR:
            sys.exit(1)

    def _tell(self, report: Report) -> None:
        self.stdout.write(
            f"寄件電郵：{report.sender}　郵件伺服器：{report.relay or '（未有）'}\n\n"
        )
        for finding in report.findings:
            subject = pad(finding.subject, SUBJECT_WIDTH)
            self.stdout.write(f"{finding.level.value}  {subject}{finding.found}")
            for label, text in (
                ("原因", finding.why),
                ("做法", finding.remedy),
                ("紀錄", finding.record),
            ):
                if text:
                    self.stdout.write(f"{'':{6 + SUBJECT_WIDTH}}{label}：{text}")
        counts = "，".join(f"{level.value} {report.count(level)} 項" for level in Level)
        self.stdout.write(f"\n{counts}。")


def pad(text: str, width: int) -> str:
    """To so many columns, of which a Chinese character takes two."""
    taken = sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
    return text + " " * (width - taken)


def describe(report: Report) -> dict[str, Any]:
    return {
        "sender": report.sender,
        "relay": report.relay,
        "checked_at": report.checked_at.isoformat(),
        "level": report.worst.key,
        "findings": [describe_finding(finding) for finding in report.findings],
    }


def describe_finding(finding: Finding) -> dict[str, str]:
    return {
        "code": finding.code,
        "level": finding.level.key,
        "subject": finding.subject,
        "found": finding.found,
        "why": finding.why,
        "remedy": finding.remedy,
        "record": finding.record,
    }
