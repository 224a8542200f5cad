"""Printing, as seen from the rest of the program: HTML in, a PDF out, or the reason why not."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from ctypes import CDLL, c_char_p
from ctypes.util import find_library
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from threading import Lock, Timer
from typing import IO

from briefings.press.fonts import FontsMissing, name_fonts, prepare_fonts
from briefings.press.frames import Kind, read_frame, write_frame
from briefings.press.index import Index

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
LIBRARIES = ("weasyprint", "pydyf", "uharfbuzz", "fonttools", "Pillow", "Pyphen")
SYSTEM_LIBRARIES = (("pango-1.0", "pango_version_string"), ("harfbuzz", "hb_version_string"))

# What a child needs of our environment, in which there are secrets too.
PASSED_ON = ("PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")

SAID_EVERY = 5  # seconds, whether or not a page is laid out meanwhile

PDF_UA, PDF_A = "pdf/ua-1", "pdf/a-3a"


class PressRefused(Exception):
    """There can be no PDF of this; the message is for an editor to read."""


class PressBusy(PressRefused):
    """There may be one later: others were before us."""


@dataclass(frozen=True)
class PrintedDocument:
    """All that a PDF is made of: nothing else is asked for."""

    html: str
    css: str
    pictures: Mapping[str, bytes] = field(default_factory=dict)  # by their address in the HTML
    variant: str = PDF_UA
    index: Index | None = None  # goes to the end, with the pages that the layout gives its terms


@cache
def name_press() -> str:
    """What decides a PDF's bytes beside its content: fonts, versions, and our own code.

    Raises FontsMissing.
    """
    versions = [f"{name} {version(name)}" for name in LIBRARIES]
    system = [f"{name} {_ask_version(name, function)}" for name, function in SYSTEM_LIBRARIES]
    ours = [sha256(file.read_bytes()).hexdigest() for file in sorted(HERE.glob("*.py"))]
    return "\n".join([name_fonts(), *versions, *system, *ours])


def _ask_version(library: str, function: str) -> str:
    ask = getattr(CDLL(find_library(library)), function)
    ask.restype = c_char_p
    return str(ask().decode())


class Press:
    """A child process kept warm: one document at a time, threads wait their turn.

    The first takes a second and a half more. It is started when first needed, and anew whenever
    it has gone: because it was idle, had grown large, ran out of memory or time, or was killed.
    """

    def __init__(self, fonts: Path) -> None:
        self.fonts = fonts
        self._child: _Child | None = None
        self._turn = Lock()

    @property
    def pid(self) -> int | None:
        """Of the child, if it was started: for whoever measures what it takes."""
        return self._child.process.pid if self._child else None

    def print(
        self,
        document: PrintedDocument,
        *,
        seconds: float,
        patience: float,
        on_pages: Callable[[int], None] | None = None,
    ) -> bytes:
        """The PDF; `on_pages` hears how many pages are laid out so far, at least every five
        seconds, so that whoever reports it is seen to be alive.

        Raises PressBusy when others took longer than `patience` seconds, and PressRefused, also
        when `seconds` on the wall were not enough (with a child that broke off: twice as many).
        """
        with self._take_turn(patience):
            try:
                return self._print_once(document, seconds, on_pages)
            except _ChildGone:
                # It may have been killed for another's sake, or have gone just before we came.
                pass
            try:
                return self._print_once(document, seconds, on_pages)
            except _ChildGone:
                raise PressRefused("內容令排版程式中斷，未能製作 PDF。") from None

    @contextmanager
    def _take_turn(self, patience: float) -> Iterator[None]:
        """A volume takes minutes, in which nobody's thread should be held up."""
        if not self._turn.acquire(timeout=patience):
            raise PressBusy("排版程式正在製作另一份文件，請稍後再試。")
        try:
            yield
        finally:
            self._turn.release()

    def _print_once(
        self,
        document: PrintedDocument,
        seconds: float,
        on_pages: Callable[[int], None] | None,
    ) -> bytes:
        child = self._start()
        with self._ended_unless_answered(), _ended_after(seconds, child):
            _send(document, child.to, seconds)
            kind, payload = _await_answer(child.back, on_pages)
        if kind != Kind.PDF:
            raise PressRefused(payload.decode())
        return payload

    def _start(self) -> "_Child":
        if self._child is None or self._child.process.poll() is not None:
            self.close()
            self._child = self._spawn()
        return self._child

    def _spawn(self) -> "_Child":
        env = {
            "LANG": "C.UTF-8",
            "FONTCONFIG_FILE": str(prepare_fonts(self.fonts) / "fonts.conf"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "briefings.press.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd=ROOT,
            env=env,
            start_new_session=True,  # Ctrl-C is for whoever started us
        )
        if process.stdin is None or process.stdout is None:
            raise AssertionError("it was started with both")
        return _Child(process, process.stdin, process.stdout)

    @contextmanager
    def _ended_unless_answered(self) -> Iterator[None]:
        """A child that was left in the middle of something would answer the next with that."""
        try:
            yield
        except PressRefused:
            raise
        except (BrokenPipeError, EOFError) as error:
            self.close()
            raise _ChildGone from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the child, whatever it is doing; the next document starts another."""
        child, self._child = self._child, None
        if child:
            child.end()


@dataclass
class _Child:
    process: subprocess.Popen[bytes]
    to: IO[bytes]
    back: IO[bytes]
    is_late: bool = False

    def kill(self) -> None:
        if self.process.poll() is None:  # the number of one that has gone may be another's by now
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def end(self) -> None:
        self.kill()
        self.process.wait()
        for pipe in (self.to, self.back):
            with suppress(OSError):
                pipe.close()


@contextmanager
def _ended_after(seconds: float, child: _Child) -> Iterator[None]:
    """Whatever the child is doing by then, also reading what it is sent."""

    def end() -> None:
        child.is_late = True
        child.kill()

    timer = Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (BrokenPipeError, EOFError):
        if child.is_late:
            child.process.wait()
            reason = f"排版超過{seconds:.0f}秒，未能製作 PDF；請把內容分成幾篇。"
            raise PressRefused(reason) from None
        raise
    finally:
        timer.cancel()


def _await_answer(stream: IO[bytes], on_pages: Callable[[int], None] | None) -> tuple[Kind, bytes]:
    """What the child says at last. Raises EOFError where it goes without."""
    pages = 0
    ready = select.poll()  # select() knows no descriptor beyond 1,023
    ready.register(stream, select.POLLIN)
    while True:
        if ready.poll(SAID_EVERY * 1000):
            kind, payload = read_frame(stream)
            if kind != Kind.PAGES:
                return kind, payload
            pages = int(payload)
        if on_pages:
            on_pages(pages)


class _ChildGone(Exception):
    """It ended without an answer."""


def _send(document: PrintedDocument, stream: IO[bytes], seconds: float) -> None:
    options = {
        "variant": document.variant,
        "seconds": seconds,
        "index": document.index.as_dict() if document.index else None,
    }
    write_frame(stream, Kind.OPTIONS, json.dumps(options).encode())
    write_frame(stream, Kind.CSS, document.css.encode())
    for address, content in document.pictures.items():
        write_frame(stream, Kind.PICTURE, address.encode() + b"\0" + content)
    write_frame(stream, Kind.HTML, document.html.encode())


__all__ = [
    "PDF_A",
    "PDF_UA",
    "FontsMissing",
    "Press",
    "PressBusy",
    "PressRefused",
    "PrintedDocument",
    "name_press",
]
