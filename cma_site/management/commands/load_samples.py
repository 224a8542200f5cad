from typing import Any

from django.core.management.base import BaseCommand

from cma_site.samples.load import load_samples


class Command(BaseCommand):
    help = "載入示範期數、政策主題、詞彙、提法和會員；已有的不會改動。"

    def handle(self, *args: Any, **options: Any) -> None:
        report = load_samples()
        self.stdout.write(
            f"新增：{report.editions} 期、{report.entries} 篇短評、"
            f"{report.themes} 個政策主題、{report.terms} 個詞彙、"
            f"{report.phrases} 個常看的提法、{report.members} 位會員。"
        )
