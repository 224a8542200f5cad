"""The printable edition: `EditionContext` → bytes, and the stored copy that readers are given."""

import logging
import re
import subprocess
from ctypes.util import find_library
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from threading import RLock
from typing import Any

from django.core.files.storage import default_storage
from django.template.loader import render_to_string

from briefings.contexts import EditionContext, absolute_url, describe_edition
from briefings.files import store_whole
from briefings.html import PICTURE_NAME
from briefings.models import Edition
from briefings.pictures import file_of

logger = logging.getLogger(__name__)

# What edition.css asks for by name. Kai for the lead is a grace: without it the serif serves.
FONT_FAMILIES = ("Noto Serif CJK HK", "Noto Sans CJK HK")
# These two bring all others with them. WeasyPrint works without harfbuzz-subset too, but cutting
# one edition's fonts down then takes 7 seconds instead of 0.3.
LIBRARIES = ("pangoft2-1.0", "harfbuzz-subset")
INSTALL_COMMAND = (
    "sudo apt-get install libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-cjk fonts-arphic-ukai"
)

# Whether one FontConfiguration bears several threads is nowhere promised.
# Reentrant, since whoever stores a PDF holds it too, to see whether another has just done so.
_one_render_at_a_time = RLock()


class PDFRefused(Exception):
    """There can be no PDF: this machine lacks a part without which it would be empty boxes, or
    what is to be printed is more than WeasyPrint can lay out.
    """


@cache
def find_missing_parts() -> tuple[str, ...]:
    """What printing Chinese needs and this machine lacks, in plain words.

    Asks fontconfig, as WeasyPrint will, for fonts that cover Hong Kong's Chinese; a font that
    has only the name doesn't count. Costs some 50 ms, once a process: after installing something,
    start the process again (a FontConfiguration wouldn't see it either).
    """
    missing = [f"程式庫 {name}" for name in LIBRARIES if not find_library(name)]
    families = _list_chinese_families()
    return (*missing, *(f"中文字型 {name}" for name in FONT_FAMILIES if name not in families))


def _list_chinese_families() -> set[str]:
    # Debian's Pango depends on the package that has fc-list.
    command = ["fc-list", ":lang=zh-hk", "family"]
    try:
        listing = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return set()
    # A font's names in several languages stand on one line: "Noto Sans CJK HK,思源黑體".
    return {name.strip() for line in listing.stdout.splitlines() for name in line.split(",")}


@dataclass(frozen=True)
class _Press:
    """What renders share. Made anew for each they would cost two thirds more time, and memory."""

    stylesheet: Any
    fonts: Any
    fetcher: Any


@cache
def _prepare_press() -> _Press:
    from weasyprint import CSS
    from weasyprint.text.fonts import FontConfiguration
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class PictureFetcher(URLFetcher):  # type: ignore[misc]
        """WeasyPrint's own reads local files into the PDF and asks any server it is told to.

        This one has our own pictures, as they are stored, and asks nobody.
        """

        def fetch(self, url: str, headers: dict[str, str] | None = None) -> Any:  # noqa: ARG002
            name = _find_picture_name(url)
            if not name:
                raise ValueError(f"an edition fetches only its pictures: {url[:200]}")
            with default_storage.open(file_of(name)) as file:
                return URLFetcherResponse(url, file.read())

    fetcher, fonts = PictureFetcher(), FontConfiguration()
    stylesheet = CSS(string=_compose_css(), font_config=fonts, url_fetcher=fetcher)
    return _Press(stylesheet, fonts, fetcher)


def _find_picture_name(url: str) -> str | None:
    site = re.escape(absolute_url("/pictures/"))
    match = re.fullmatch(f"{site}({PICTURE_NAME})", url)
    return match[1] if match else None


def _compose_html(edition: EditionContext) -> str:
    return render_to_string("briefings/pdf/edition.html", {"edition": edition})


def _compose_css() -> str:
    return render_to_string("briefings/pdf/edition.css")


def render_edition_pdf(edition: EditionContext) -> bytes:
    """The edition on A4, as PDF/UA-1: the same bytes for the same edition on the same machine.

    Raises PDFRefused where a font or library is missing, or the text can't be laid out. Takes
    about 0.1 s a page, the first in a process 2 s more; further threads wait their turn.
    """
    return _print(_compose_html(edition))


def _print(html: str) -> bytes:
    if missing := find_missing_parts():
        raise PDFRefused(f"無法製作 PDF，缺少{'、'.join(missing)}。請安裝：{INSTALL_COMMAND}")
    from weasyprint import HTML

    with _one_render_at_a_time:
        press = _prepare_press()
        document = HTML(string=html, base_url=None, url_fetcher=press.fetcher)
        try:
            pdf: bytes = document.write_pdf(
                stylesheets=[press.stylesheet],
                font_config=press.fonts,
                presentational_hints=True,  # what makes <ol start="3"> start at 3
                pdf_variant="pdf/ua-1",
            )
        except (ArithmeticError, LookupError, RecursionError, ValueError) as error:
            logger.exception("WeasyPrint gave up")
            raise PDFRefused(f"無法製作 PDF，內容未能排版（{error}）。") from error
    return pdf


def store_edition_pdf(edition: Edition) -> str:
    """The name in `default_storage` of the edition's PDF, which is built only if it isn't there.

    Two who build at once write the same bytes. Old files stay: somebody may be reading them.
    """
    html = _compose_html(describe_edition(edition))
    name = _name_file(edition, html)
    if not default_storage.exists(name):
        with _one_render_at_a_time:
            if not default_storage.exists(name):  # nobody built it while we waited
                store_whole(name, _print(html))
    return name


def find_edition_pdf(edition: Edition) -> str | None:
    """The name of the edition's PDF as it should now be, if it has been built."""
    name = _name_file(edition, _compose_html(describe_edition(edition)))
    return name if default_storage.exists(name) else None


def _name_file(edition: Edition, html: str) -> str:
    """Says what is in it: a changed edition, template or WeasyPrint makes a new file."""
    ingredients = "\0".join([html, _compose_css(), version("weasyprint")])
    return f"pdf/{edition.slug}-{sha256(ingredients.encode()).hexdigest()[:20]}.pdf"
