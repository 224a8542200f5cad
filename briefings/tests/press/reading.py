"""Printing a text on paper of any width, and reading its lines back."""

from dataclasses import dataclass
from functools import cache
from io import BytesIO
from itertools import groupby
from pathlib import Path

import pdfplumber
from django.conf import settings

from briefings.press.client import Press, PrintedDocument
from briefings.press.typesetting import typeset, untypeset

EM = 11  # points
MARGIN = 40  # points


@dataclass(frozen=True)
class Line:
    text: str
    left: float  # from the text area's left edge, in points
    right: float  # how far short of its right edge


@cache
def find_press() -> Press:
    return Press(Path(settings.FONTS_DIR))


def print_html(html: str, css: str = "", **options) -> bytes:
    whole = f'<!doctype html><html lang="zh-HK"><title>試</title><body>{html}</body></html>'
    return find_press().print(
        PrintedDocument(typeset(whole), css, **options), seconds=60, patience=60
    )


def write_css(ems: int, more: str = "") -> str:
    return f"""
    @page {{ size: {ems * EM + 2 * MARGIN}pt 800pt; margin: {MARGIN}pt }}
    html {{ font: {EM}pt/1.6 'CMA Serif HK'; font-feature-settings: 'chws'; word-spacing: -.05em }}
    body, p {{ margin: 0 }}
    p {{ text-align: justify; overflow-wrap: anywhere }}
    [lang=en] {{ word-spacing: 0; hyphens: auto }}
    {more}
    """


def read_lines(pdf: bytes) -> list[Line]:
    with pdfplumber.open(BytesIO(pdf)) as document:
        return [line for page in document.pages for line in _read_page(page)]


def _read_page(page) -> list[Line]:
    lines = []
    for _, group in groupby(page.chars, key=lambda char: round(char["bottom"])):
        chars = [char for char in group if untypeset(char["text"]).strip()]
        if chars:
            text = untypeset("".join(char["text"] for char in chars))
            left = min(char["x0"] for char in chars) - MARGIN
            right = page.width - MARGIN - max(char["x1"] for char in chars)
            lines.append(Line(text, left, right))
    return lines
