"""A long document's pages painted by two processes: the second half by a copy of this one.

Once laid out, pages no longer know of each other; to write them as PDF operators and to compress
these is a quarter of the work. The copy (`fork`) has all that was laid out and hands back bytes.
Where it meets what is more than text, lines and colours (pictures, gradients, a character without
a glyph), or dies, the page is painted here as any other. Which pages are whose is a matter of
their number alone, so that every machine writes the same bytes.
"""

import logging
import os
import pickle
import signal
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, Any

FEWEST = 120  # pages: the copy costs a twentieth more CPU, for a fifth less time


@dataclass(frozen=True)
class _Glyphs:
    """What a page is the first to show of a font: of each glyph what it stands for, and its width.

    The font's key is that of WeasyPrint.
    """

    font: int
    to_unicode: dict[int, str]
    widths: dict[int, int]


@dataclass(frozen=True)
class _PaintedPage:
    deflated: bytes
    tags: list[tuple[int, str]]  # the number of a leaf among the page's, and how it is tagged
    glyphs: list[_Glyphs]
    opacities: dict[str, dict[str, float]]


class _NotPlain(Exception):
    """To be painted where more than operators can be told."""


def _leave_warning(_record: logging.LogRecord) -> bool:
    """A warning is to be heard in the process that somebody listens to."""
    raise _NotPlain


def install() -> None:
    """Teach this process's WeasyPrint; asks for the version that was read for it."""
    from weasyprint import __version__, document
    from weasyprint.pdf import stream as streams

    if __version__ != "70.0":
        raise RuntimeError(f"written for WeasyPrint 70.0, this is {__version__}")
    generate_alone, paint_alone = document.generate_pdf, document.Page.paint
    find_data = streams.Stream.data.fget
    copies: list[_Copy] = []  # of the document in the making, if it is long

    def generate_pdf(printed: Any, *args: Any, **options: Any) -> Any:
        if len(printed.pages) < FEWEST:
            return generate_alone(printed, *args, **options)
        copies.append(_Copy(printed.pages))
        try:
            return generate_alone(printed, *args, **options)
        finally:
            copies.pop().close()

    def paint(page: Any, stream: Any, scale: float = 1) -> None:
        painted = copies[-1].find(page, stream, scale) if copies else None
        if painted:
            _take_over(painted, page, stream)
        else:
            paint_alone(page, stream, scale)

    def data(stream: Any) -> bytes:
        deflated = getattr(stream, "deflated", None)
        if deflated is None:
            return bytes(find_data(stream))
        whole = streams.pydyf.Stream([deflated], {**stream.extra, "Filter": "/FlateDecode"})
        return bytes(whole.data)

    document.generate_pdf, document.Page.paint = generate_pdf, paint
    streams.Stream.data = property(data)


class _Copy:
    """The other process, from when the first page is painted until its half is needed."""

    def __init__(self, pages: list[Any]) -> None:
        self.numbers = {page: number for number, page in enumerate(pages)}
        self.half = (len(pages) + 1) // 2
        self.process: int | None = None
        self.answers: IO[bytes] | None = None  # a pipe would be full before we read from it
        self.painted: dict[int, _PaintedPage] | None = None

    def find(self, page: Any, stream: Any, scale: float) -> _PaintedPage | None:
        """The page as the copy painted it, if it did; `stream` is still empty."""
        number = self.numbers[page]
        if number == 0 and stream._tags is not None:
            self._start(stream, scale)
        if number < self.half or self.process == 0:  # that is, in the copy itself
            return None
        if self.painted is None:
            self.painted = self._read_answers()
        painted = self.painted.pop(number, None)
        # What describes a font is the size that it is first met in: we meet it first.
        if painted and all(glyphs.font in stream._fonts for glyphs in painted.glyphs):
            return painted
        return None

    def _start(self, pattern: Any, scale: float) -> None:
        """Nothing is lost where the system gives us no second process."""
        seconds_left, _ = signal.getitimer(signal.ITIMER_REAL)
        try:
            self.answers = TemporaryFile()  # noqa: SIM115
            self.process = os.fork()
        except OSError:
            return
        if self.process:
            return
        status = 1
        with suppress(BaseException):
            _let_go_of_others(self.answers)
            signal.setitimer(signal.ITIMER_REAL, seconds_left)  # a fork has none
            first, *_ = pages = list(self.numbers)
            painted = dict(_paint_plain(pages[self.half :], first, pattern, scale))
            pickle.dump({self.numbers[page]: done for page, done in painted.items()}, self.answers)
            self.answers.flush()
            status = 0
        os._exit(status)

    def _read_answers(self) -> dict[int, _PaintedPage]:
        if self._wait() != 0 or self.answers is None:
            return {}
        self.answers.seek(0)
        # The file has no name: nobody else wrote into it.
        answers: dict[int, _PaintedPage] = pickle.load(self.answers)  # noqa: S301
        return answers

    def _wait(self) -> int:
        if self.process is None:
            return 1
        process, self.process = self.process, None
        return os.waitpid(process, 0)[1]

    def close(self) -> None:
        if self.process:
            os.kill(self.process, signal.SIGKILL)
            self._wait()
        if self.answers:
            self.answers.close()


def _let_go_of_others(answers: IO[bytes]) -> None:
    """So that whoever waits for the press sees it end when it does, not when its copy does."""
    for talk in (0, 1):
        os.close(talk)
    os.closerange(3, answers.fileno())
    os.closerange(answers.fileno() + 1, os.sysconf("SC_OPEN_MAX"))


def _paint_plain(
    pages: Iterable[Any], first: Any, pattern: Any, scale: float
) -> Iterator[tuple[Any, _PaintedPage]]:
    """In the copy: the pages that can be handed back. `pattern` is the first page's stream."""
    logging.getLogger("weasyprint").addFilter(_leave_warning)
    shown: dict[int, tuple[int, int]] = {}
    for page in pages:
        is_alike = (page.width, page.height, page.bleed) == (first.width, first.height, first.bleed)
        if is_alike and page.forms == {None: []}:
            with suppress(_NotPlain):
                yield page, _paint(page, pattern, scale, shown)


def _paint(
    page: Any, pattern: Any, scale: float, shown: dict[int, tuple[int, int]]
) -> _PaintedPage:
    """Raises _NotPlain. `shown` counts what earlier pages showed of each font."""
    stream = _make_stream(pattern)
    # As WeasyPrint begins a page.
    stream.transform(d=-1, f=page.height * scale)
    states = stream._resources["ExtGState"]
    known = len(states)
    page.paint(stream, scale)
    return _PaintedPage(
        _deflate(stream),
        _list_tags(page, stream),
        list(_list_new_glyphs(stream._fonts, shown)),
        {key: dict(state) for key, state in islice(states.items(), known, None)},
    )


def _make_stream(pattern: Any) -> Any:
    from weasyprint.pdf.stream import Stream

    def refuse(*_: Any, **__: Any) -> None:
        raise _NotPlain

    class PlainStream(Stream):  # type: ignore[misc]
        add_image = add_group = add_pattern = add_shading = set_state = refuse

    return PlainStream(
        pattern._fonts,
        pattern.page_rectangle,
        pattern._resources,
        pattern._images,
        {},
        pattern._color_profiles,
        pattern._output_intent,
        compress=True,
    )


def _deflate(stream: Any) -> bytes:
    """As pydyf does it."""
    from pydyf import _to_bytes

    return zlib.compress(b"\n".join(map(_to_bytes, stream.stream)), 9)


def _list_tags(page: Any, stream: Any) -> list[tuple[int, str]]:
    """In the order that they were given. Raises _NotPlain."""
    numbers = {leaf: number for number, leaf in enumerate(_list_leaves(page._page_box))}
    if not stream._tags.keys() <= numbers.keys():
        raise _NotPlain
    return [(numbers[box], tag["tag"]) for box, tag in stream._tags.items()]


def _list_leaves(box: Any) -> Iterator[Any]:
    """What is drawn and tagged, in an order that both processes find."""
    from weasyprint.formatting_structure.boxes import ParentBox
    from weasyprint.layout.absolute import AbsolutePlaceholder

    if isinstance(box, AbsolutePlaceholder):
        box = box._box
    if not isinstance(box, ParentBox):
        yield box
        return
    for child in box.children:
        yield from _list_leaves(child)


def _list_new_glyphs(fonts: dict[int, Any], shown: dict[int, tuple[int, int]]) -> Iterator[_Glyphs]:
    for key, font in fonts.items():
        told, measured = shown.get(key, (0, 0))
        shown[key] = len(font.to_unicode), len(font.widths)
        if shown[key] != (told, measured):
            yield _Glyphs(
                key,
                dict(islice(font.to_unicode.items(), told, None)),
                dict(islice(font.widths.items(), measured, None)),
            )


def _take_over(painted: _PaintedPage, page: Any, stream: Any) -> None:
    """Leave all as if the page had been painted here."""
    from pydyf import Dictionary

    stream.deflated = painted.deflated
    leaves = list(_list_leaves(page._page_box))
    for mcid, (leaf, tag) in enumerate(painted.tags):
        stream._tags[leaves[leaf]] = {"tag": tag, "mcid": mcid}
    for glyphs in painted.glyphs:
        font = stream._fonts[glyphs.font]
        for glyph, characters in glyphs.to_unicode.items():
            font.to_unicode.setdefault(glyph, characters)
        for glyph, width in glyphs.widths.items():
            font.widths.setdefault(glyph, width)
    for key, state in painted.opacities.items():
        stream._resources["ExtGState"].setdefault(key, Dictionary(state))
