"""The press itself: a process that lays out and writes one document after the other.

It holds WeasyPrint, warm, and nothing else: no database, no settings, no secrets. It bounds its
own memory, reads no file but fonts, asks no server, and whoever waits for it ends it when time is
up. A document that takes it down takes nothing else with it.

    python -m briefings.press.child        frames on standard input, frames on standard output
"""

import gc
import json
import logging
import os
import resource
import select
import signal
import traceback
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from briefings.press.frames import Kind, read_frame, write_frame
from briefings.press.shortcuts import with_room

MOST_MEMORY = 3 * 1024**3  # of addresses; a volume of 200 entries takes a sixth of it
RETIRES_AT = 700 * 1024  # kB that it ever held: the next press begins afresh
DRAWN = "data:image/png;base64,"  # a picture that the page itself carries
IDLE = 600  # seconds without work after which it goes


class Refused(Exception):
    """Why a document can't be printed, in the words that an editor reads."""


@dataclass
class Job:
    css: str = ""
    html: str = ""
    pictures: dict[str, bytes] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def is_foreign(self) -> bool:
        """Brings styles of its own, which may leave their fonts behind for whoever comes next."""
        return "<style" in self.html or "<link" in self.html


def confine() -> None:
    """From here on this process gets no more than its share."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def read_job(stream: IO[bytes]) -> Job:
    """Raises EOFError where nobody wants anything printed any more."""
    job = Job()
    while True:
        kind, payload = read_frame(stream)
        if kind == Kind.PICTURE:
            address, _, content = payload.partition(b"\0")
            job.pictures[address.decode()] = content
        elif kind == Kind.OPTIONS:
            job.options = json.loads(payload)
        elif kind == Kind.CSS:
            job.css = payload.decode()
        else:
            job.html = payload.decode()
            return job


class MissingCharacters(logging.Handler):
    """Those that WeasyPrint drew as an empty box: it only logs them."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        if ".notdef" in str(record.msg) and record.args:
            self.found[str(record.args[0])] = None  # type: ignore[index]


class PagesLaidOut(logging.Handler):
    """WeasyPrint tells its progress by logging it. Pages laid out once more are no more pages."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(logging.INFO)
        self.stream, self.most = stream, 0

    def emit(self, record: logging.LogRecord) -> None:
        if "Creating layout - Page" in str(record.msg) and record.args:
            page = int(str(record.args[0]))  # type: ignore[index]
            if page > self.most:
                self.most = page
                write_frame(self.stream, Kind.PAGES, str(page).encode())


@lru_cache(maxsize=1)
def share_fonts() -> Any:
    """One for all documents: a new one for each costs two thirds more time, and memory."""
    from weasyprint.text.fonts import FontConfiguration

    return FontConfiguration()


@lru_cache(maxsize=8)
def parse_css(css: str) -> Any:
    from weasyprint import CSS

    return CSS(string=css, font_config=share_fonts(), url_fetcher=make_fetcher({}))


def make_fetcher(pictures: Mapping[str, bytes]) -> Any:
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class HandedIn(URLFetcher):  # type: ignore[misc]
        """WeasyPrint's own reads local files into the PDF and asks any server it is told to.

        This one has the pictures that came with the document, and asks nobody.
        """

        def fetch(self, url: str, headers: dict[str, str] | None = None) -> Any:  # noqa: ARG002
            if url in pictures:
                return URLFetcherResponse(url, pictures[url])
            if url.startswith(DRAWN):
                return URLFetcherResponse(url, b64decode(url.removeprefix(DRAWN)))
            raise ValueError(f"not among the pictures: {url[:200]}")

    return HandedIn()


@with_room
def print_job(job: Job) -> bytes:
    """Raises Refused, and whatever WeasyPrint raises at what it can't lay out."""
    from weasyprint import HTML

    from briefings.press.index import PLACE, Index, compose_index

    def lay_out(html: str, css: str) -> Any:
        document = HTML(string=html, base_url=None, url_fetcher=make_fetcher(job.pictures))
        return document.render(
            stylesheets=[parse_css(css)],
            font_config=share_fonts(),
            presentational_hints=True,  # what makes <ol start="3"> start at 3
            pdf_variant=job.options["variant"],
        )

    missing = MissingCharacters()
    logging.getLogger("weasyprint").addHandler(missing)
    try:
        document = lay_out(job.html, job.css)
        if index := job.options.get("index"):
            # Its place was kept by an empty page, for the contents to name.
            pages = [page for page in document.pages if PLACE not in page.anchors]
            pages_of = {
                anchor: number
                for number, page in enumerate(pages, start=1)
                for anchor in page.anchors
            }
            goes_on = (
                f"@page :first {{ counter-reset: page {len(pages)}; counter-increment: page }}"
            )
            html = compose_index(Index.from_dict(index), pages_of)
            document = document.copy([*pages, *lay_out(html, job.css + goes_on).pages])
        pdf: bytes = document.write_pdf(pdf_variant=job.options["variant"])
    finally:
        logging.getLogger("weasyprint").removeHandler(missing)
    if missing.found:
        raise Refused(f"字型沒有以下字元，未能印出：{describe_characters(missing.found)}。")
    return pdf


def describe_characters(characters: Mapping[str, None]) -> str:
    return "、".join(f"「{c}」（U+{ord(c):04X}）" for c in list(characters)[:20])


def answer(job: Job, stream: IO[bytes]) -> None:
    progress = PagesLaidOut(stream)
    logging.getLogger("weasyprint.progress").addHandler(progress)
    try:
        pdf = print_job(job)
    except Refused as refusal:
        write_frame(stream, Kind.REFUSED, str(refusal).encode())
    except MemoryError:
        write_frame(stream, Kind.REFUSED, "內容所需的記憶體過多，未能排版。".encode())
    except Exception as error:
        traceback.print_exc()
        reason = f"內容未能排版（{type(error).__name__}）。"
        write_frame(stream, Kind.REFUSED, reason.encode())
    else:
        write_frame(stream, Kind.PDF, pdf)
    finally:
        logging.getLogger("weasyprint.progress").removeHandler(progress)


def warm_up() -> None:
    """Half a cold document's time is reading WeasyPrint itself."""
    from briefings.press import drawing, embedding, justification, painting, shortcuts, tagging

    justification.install()
    embedding.install()
    tagging.install()
    drawing.install()
    shortcuts.install()
    painting.install()
    logging.getLogger("weasyprint.progress").setLevel(logging.INFO)
    logging.getLogger("weasyprint").setLevel(logging.WARNING)
    logging.getLogger("weasyprint.progress").propagate = False
    share_fonts()
    # A document makes millions of objects and lets go of them at its end: looking through them
    # again and again meanwhile finds nothing.
    gc.disable()
    gc.collect()
    gc.freeze()


def read_most_memory() -> int:
    """How many kB this process ever held; 0 where the system doesn't tell.

    Not getrusage's ru_maxrss: Linux hands on in it, through fork and exec, what our parent held.
    """
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0])
    except (OSError, IndexError):
        return 0


def serve(jobs: IO[bytes], answers: IO[bytes]) -> None:
    while select.select([jobs], [], [], IDLE)[0]:
        try:
            job = read_job(jobs)
        except EOFError:
            return
        # Should whoever waits be gone, this ends us. One second later than they would.
        signal.alarm(int(job.options["seconds"]) + 1)
        answer(job, answers)
        signal.alarm(0)
        if job.is_foreign or read_most_memory() > RETIRES_AT:
            return
        gc.collect()


if __name__ == "__main__":
    confine()
    # What a library prints must not come between frames.
    to_parent = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    warm_up()
    from_parent = os.fdopen(os.dup(0), "rb", buffering=0)
    serve(from_parent, to_parent)
    os._exit(0)  # taking everything apart again takes a second
