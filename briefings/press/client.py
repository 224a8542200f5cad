"""Printing, as seen from the rest of the program: HTML in, a PDF out, or the reason why not."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from ctypes import CDLL, c_char_p
from ctypes.util import find_library
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from threading import Lock
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

SAID_EVERY = 5  # seconds, while waiting for a turn

PDF_UA, PDF_A = "pdf/ua-1", "pdf/a-3a"


class PressRefused(Exception):
    """There can be no PDF of this; the message is for an editor to read."""


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
        self._child: subprocess.Popen[bytes] | None = None
        self._turn = Lock()

    def print(
        self,
        document: PrintedDocument,
        *,
        seconds: float,
        on_pages: Callable[[int], None] | None = None,
    ) -> bytes:
        """The PDF; `on_pages` hears how many pages are laid out so far, or 0 while others have
        their turn.

        Raises PressRefused, also when `seconds` on the wall, of the layout alone, were not enough.
        """
        with self._take_turn(on_pages):
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
    def _take_turn(self, on_pages: Callable[[int], None] | None) -> Iterator[None]:
        """A volume takes minutes: who waits that long must not be thought dead."""
        while not self._turn.acquire(timeout=SAID_EVERY):
            if on_pages:
                on_pages(0)
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
        to_child, from_child = self._start()
        with self._ended_unless_answered():
            _send(document, to_child, seconds)
            for kind, payload in self._listen(from_child, seconds):
                if kind == Kind.PAGES:
                    if on_pages:
                        on_pages(int(payload))
                elif kind == Kind.PDF:
                    return payload
                else:
                    raise PressRefused(payload.decode())
        raise _ChildGone

    def _start(self) -> tuple[IO[bytes], IO[bytes]]:
        """The pipes to and from the child."""
        if self._child is None or self._child.poll() is not None:
            self.close()
            self._child = self._spawn()
        if self._child.stdin is None or self._child.stdout is None:
            raise AssertionError("it was started with both")
        return self._child.stdin, self._child.stdout

    def _spawn(self) -> subprocess.Popen[bytes]:
        env = {
            "LANG": "C.UTF-8",
            "FONTCONFIG_FILE": str(prepare_fonts(self.fonts) / "fonts.conf"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
        }
        return subprocess.Popen(
            [sys.executable, "-m", "briefings.press.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd=ROOT,
            env=env,
            start_new_session=True,  # Ctrl-C is for whoever started us
        )

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

    def _listen(self, stream: IO[bytes], seconds: float) -> Iterator[tuple[Kind, bytes]]:
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([stream], [], [], left)[0]:
                self.close()
                raise PressRefused(f"排版超過{seconds:.0f}秒，未能製作 PDF；請把內容分成幾篇。")
            yield read_frame(stream)

    def close(self) -> None:
        """End the child, whatever it is doing; the next document starts another."""
        child, self._child = self._child, None
        if child is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()


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
    "PressRefused",
    "PrintedDocument",
    "name_press",
]
