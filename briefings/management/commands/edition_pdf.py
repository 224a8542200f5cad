from argparse import ArgumentParser
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from briefings.checks import PRINTING
from briefings.contexts import describe_edition
from briefings.files import write_whole
from briefings.models import Edition
from briefings.pdf import PDFRefused, render_edition_pdf
from briefings.press.client import PDF_A, PDF_UA


class Command(BaseCommand):
    help = "把一期（草稿亦可）製成可列印的 A4 PDF。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG", help="該期的網址，例如 2026-11-23")
        parser.add_argument(
            "--out", type=Path, required=True, metavar="FILE", help="寫入的檔案；已有的會被取代"
        )

        parser.add_argument(
            "--archive", action="store_true", help="長期保存用的 PDF/A-3a，代替無障礙的 PDF/UA-1"
        )

    def get_check_kwargs(self, options: dict[str, Any]) -> Any:  # the stubs know no deploy checks
        return {"tags": [PRINTING], "include_deployment_checks": True}

    def handle(
        self, *args: Any, slug: str, out: Path, archive: bool = False, **options: Any
    ) -> None:
        edition = Edition.objects.filter(slug=slug).first()
        if edition is None:
            raise CommandError(f"沒有「{slug}」這一期。{suggest_slugs(slug)}")
        try:
            variant = PDF_A if archive else PDF_UA
            pdf = render_edition_pdf(describe_edition(edition), variant=variant)
            write_whole(out, pdf)
        except PDFRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        except OSError as error:
            raise CommandError(f"不能寫入 {out}：{error.strerror}") from error
        self.stdout.write(f"已把 {slug} 寫入 {out}（{len(pdf) / 1000:,.0f} kB）。")


def suggest_slugs(wanted: str) -> str:
    """What the person may have meant, or else which editions are newest."""
    slugs = list(Edition.objects.newest_first().values_list("slug", flat=True))
    if not slugs:
        return "網站未有任何一期。"
    if near := get_close_matches(wanted, slugs, n=5, cutoff=0.7):
        return f"相近的有：{'、'.join(near)}。"
    return f"最新的有：{'、'.join(slugs[:5])}。"
