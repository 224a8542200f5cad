"""The printable edition: `EditionContext` → what the press prints → bytes."""

import logging
import os
import re
from collections.abc import Callable
from ctypes.util import find_library
from dataclasses import replace
from functools import cache
from hashlib import sha256

from django.conf import settings
from django.core.files.storage import default_storage
from django.template.loader import render_to_string

from briefings.contexts import EditionContext, absolute_url
from briefings.html import PICTURE_NAME
from briefings.pictures import file_of
from briefings.press import fonts
from briefings.press.client import (
    PDF_UA,
    FontsMissing,
    Press,
    PressBusy,
    PressRefused,
    PrintedDocument,
    name_press,
)
from briefings.press.typesetting import typeset

SECONDS = 120  # of layout: an edition takes one; of as many characters as a body may have, 60
PATIENCE = 30  # seconds to wait for others' PDFs, which an editor waits too
LIBRARIES = ("pangoft2-1.0", "pango-1.0", "harfbuzz")
INSTALL_COMMAND = "sudo apt-get install libpangoft2-1.0-0 fonts-noto-cjk fonts-arphic-ukai"

logger = logging.getLogger(__name__)

_PICTURE = re.compile(rf'src="/pictures/({PICTURE_NAME})"')


class PDFRefused(Exception):
    """There can be no PDF: this machine lacks a font without which it would be empty boxes, or
    what is to be printed can't be laid out. The message is for an editor to read.
    """


class PDFBusy(PDFRefused):
    """There may be one later: another has been in the making for long."""


@cache
def find_missing_parts() -> tuple[str, ...]:
    """What printing Chinese needs and this machine lacks, in plain words.

    Costs some 150 ms, once a process: after installing something, start the process again (a
    FontConfiguration wouldn't see it either).
    """
    # This one brings the others that WeasyPrint needs with it.
    missing = [f"程式庫 {name}" for name in LIBRARIES if not find_library(name)]
    try:
        fonts.find_sources()
    except FontsMissing as error:
        missing += [f"中文字型 {name}" for name in error.names]
    return tuple(missing)


def _require_parts() -> None:
    if missing := find_missing_parts():
        raise PDFRefused(f"無法製作 PDF，缺少{'、'.join(missing)}。請安裝：{INSTALL_COMMAND}")


def compose_edition(edition: EditionContext, *, variant: str = PDF_UA) -> PrintedDocument:
    return compose_document(write_edition(edition), variant=variant)


def write_edition(edition: EditionContext) -> str:
    """The HTML that is printed, for which no fonts are needed yet."""
    return render_to_string("briefings/pdf/edition.html", {"edition": edition})


def compose_document(html: str, *, variant: str = PDF_UA, more_css: str = "") -> PrintedDocument:
    """What the press is handed, but for its pictures, which their names in the HTML stand for."""
    return PrintedDocument(typeset(html), compose_css() + more_css, variant=variant)


@cache
def compose_css() -> str:
    return render_to_string("briefings/pdf/edition.css")


def digest_document(document: PrintedDocument) -> str:
    """Says what is in it: other content, template, font or library, other letters. A picture whose
    file is lost is left out, so its coming back makes another PDF.

    Raises PDFRefused where there are no fonts to print with.
    """
    _require_parts()
    lost = sorted(name for name in _find_pictures(document.html) if not _has_picture(name))
    content = (document.variant, document.css, document.html, repr(document.index), *lost)
    return sha256("\0".join([name_press(), *content]).encode()).hexdigest()[:24]


def render_edition_pdf(edition: EditionContext, *, variant: str = PDF_UA) -> bytes:
    """The edition on A4, as PDF/UA-1: the same bytes for the same edition and libraries.

    Raises PDFRefused. Takes some 0.1 s a page, the first in a process 2 s more; further threads
    wait their turn, half a minute at most.
    """
    document = compose_edition(edition, variant=variant)
    return print_document(document, seconds=SECONDS)


def print_document(
    document: PrintedDocument,
    *,
    seconds: float,
    patience: float = PATIENCE,
    on_pages: Callable[[int], None] | None = None,
) -> bytes:
    """Raises PDFBusy or PDFRefused; see `Press.print`."""
    _require_parts()
    with_pictures = replace(document, pictures=_read_pictures(document.html))
    try:
        press = _find_press()
        return press.print(with_pictures, seconds=seconds, patience=patience, on_pages=on_pages)
    except PressBusy as busy:
        raise PDFBusy(str(busy)) from busy
    except PressRefused as refusal:
        raise PDFRefused(f"無法製作 PDF：{refusal}") from refusal


def find_unprintable(text: str) -> list[str]:
    """The characters that no font of ours has: a PDF with them is refused."""
    if find_missing_parts():
        return []
    try:
        return fonts.find_unprintable(text, _list_printable())
    except OSError:  # a machine that may not make its fonts prints nothing, and says so elsewhere
        logger.exception("No fonts to ask")
        return []


@cache
def _list_printable() -> frozenset[int]:
    families = fonts.read_characters(fonts.prepare_fonts(settings.FONTS_DIR))
    return frozenset().union(*families.values())


def _read_pictures(html: str) -> dict[str, bytes]:
    pictures = {}
    for name in _find_pictures(html):
        if _has_picture(name):
            with default_storage.open(file_of(name)) as file:
                pictures[absolute_url(f"/pictures/{name}")] = file.read()
        else:
            logger.error("The file of picture %s is lost; printing without it", name)
    return pictures


def _find_pictures(html: str) -> set[str]:
    return set(_PICTURE.findall(html))


def _has_picture(name: str) -> bool:
    return default_storage.exists(file_of(name))


def _find_press() -> Press:
    return _press_of(os.getpid())


@cache
def _press_of(process: int) -> Press:  # noqa: ARG001  (who was forked from us has its own)
    return Press(settings.FONTS_DIR)
