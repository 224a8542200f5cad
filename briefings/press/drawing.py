"""Lines written into the PDF shorter than WeasyPrint 70 writes them.

WeasyPrint writes twice for each glyph how far it stands from its natural place. In a line that
was widened between its characters that is the same number forty times over; here it is said once
(`Tc`, ISO 32000-1, 9.3.2), and before a glyph only what differs from it. What is rounded off is
carried to the next glyph, so that a line ends where the layout has it. A page's text takes a third
of the bytes before compression, the PDF of 200 entries 11 % less after it.

What needs more than glyphs in a row (pictures as glyphs, raised marks, right-to-left, characters
without a glyph, ellipses) is left to WeasyPrint.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Any, NamedTuple

_GLYPH = Struct("=IiiiI")  # PangoGlyphInfo: glyph, width, offsets to the right and up, attributes
_EMPTY = 0x0FFFFFFF  # a character that shows nothing; what is above is none of the font's glyphs
_SMALLEST = 1e-6  # as WeasyPrint has it


class _NotPlain(Exception):
    """Not just glyphs in a row."""


class _Run(NamedTuple):
    """Neighbours of one font."""

    font: Any
    pango_font: Any
    item: Any
    clusters: Any
    font_size: float
    glyphs: list[tuple[int, int, int]]  # how wide each is set, and how far from there it begins
    text: str  # of the whole line


def install() -> None:
    """Teach this process's WeasyPrint; asks for the version that was read for it."""
    from weasyprint import __version__
    from weasyprint.draw import text as drawn

    if __version__ != "70.0":
        raise RuntimeError(f"written for WeasyPrint 70.0, this is {__version__}")
    draw_by_glyph = drawn.draw_first_line

    def draw_first_line(
        stream: Any, textbox: Any, text_overflow: str, block_ellipsis: Any, matrix: Any
    ) -> Any:
        is_whole = text_overflow != "ellipsis" and block_ellipsis == "none"
        if is_whole and textbox.style["font_size"] >= _SMALLEST and textbox.text.strip():
            try:
                runs = list(_read_runs(stream, textbox))
            except _NotPlain:
                pass
            else:
                _write(stream, runs, matrix)
                return []
        return draw_by_glyph(stream, textbox, text_overflow, block_ellipsis, matrix)

    drawn.draw_first_line = draw_first_line


def _read_runs(stream: Any, textbox: Any) -> Iterator[_Run]:
    """Raises _NotPlain."""
    from weasyprint.text.ffi import ffi, pango

    layout = textbox.pango_layout
    pango.pango_layout_set_single_paragraph_mode(layout.layout, True)  # noqa: FBT003
    line, _ = layout.get_first_line()
    run = line.runs[0]
    while run != ffi.NULL:
        item, string = run.data.item, run.data.glyphs
        pango_font = item.analysis.font
        font, font_size = stream.add_font(pango_font)
        if font.svg or font.png or font.colr or font.bitmap or item.analysis.level % 2:
            raise _NotPlain
        if pango.pango_version() < 14802:  # as WeasyPrint has it
            font_size = textbox.style["font_size"]
        glyphs = []
        content = ffi.buffer(string.glyphs, string.num_glyphs * _GLYPH.size)
        for glyph, width, x_offset, y_offset, _ in _GLYPH.iter_unpack(content):
            if y_offset or glyph > _EMPTY:
                raise _NotPlain
            glyphs.append((glyph, width, x_offset))
        yield _Run(font, pango_font, item, string.log_clusters, font_size, glyphs, layout.text)
        run = run.next


def _list_gaps(runs: Iterable[_Run]) -> Iterator[list[tuple[int, int]]]:
    """Of each run its glyphs, each with how far it begins from where the last one ended."""
    from weasyprint.text.ffi import TO_UNITS

    place = ended = 0.0  # in Pango's units, as are the gaps
    for run in runs:
        widths, to_unicode = run.font.widths, run.font.to_unicode
        unit = run.font_size / 1000 * TO_UNITS
        gaps = []
        for number, (glyph, width, offset) in enumerate(run.glyphs):
            if glyph != _EMPTY:
                if glyph not in widths or glyph not in to_unicode:
                    _describe_glyph(run, number, glyph)
                begins = place + offset
                gaps.append((glyph, round(begins - ended)))
                ended = begins + widths[glyph] * unit
            place += width
        yield gaps


def _describe_glyph(run: _Run, number: int, glyph: int) -> None:
    """Its own width, and what it stands for when text is copied."""
    from weasyprint.text.ffi import FROM_UNITS, ffi, pango

    item, text = run.item, run.text.encode()
    is_last = number == len(run.glyphs) - 1
    start, end = run.clusters[number], item.length if is_last else run.clusters[number + 1]
    character = text[item.offset + start : item.offset + end].decode()
    run.font.to_unicode.setdefault(glyph, character)
    ink, logical = ffi.new("PangoRectangle *"), ffi.new("PangoRectangle *")
    pango.pango_font_get_glyph_extents(run.pango_font, glyph, ink, logical)
    width = round(logical.width * 1000 * FROM_UNITS / run.font_size)
    run.font.widths.setdefault(glyph, width)


def _write(stream: Any, runs: list[_Run], matrix: Any) -> None:
    from weasyprint.text.ffi import FROM_UNITS, TO_UNITS

    gaps_of_runs = list(_list_gaps(runs))
    usual = _find_usual(gap for gaps in gaps_of_runs for _, gap in gaps)
    stream.set_text_matrix(*matrix.values)
    if usual:
        stream.stream.append(f"{usual * FROM_UNITS:.4f} Tc")
    carried: float = usual  # it comes after each glyph, and not before the first
    pieces: list[str] = []
    for run, gaps in zip(runs, gaps_of_runs, strict=True):
        font = run.font.hash, run.font_size
        if font != stream._current_font:
            _show(stream, pieces)
            stream.set_font_size(*font)
        unit = run.font_size / 1000 * TO_UNITS
        least = unit / 2
        for glyph, gap in gaps:
            carried += gap - usual
            if not -least <= carried <= least:
                moved = round(carried / unit)
                pieces.append(f">{-moved}<")
                carried -= moved * unit
            pieces.append(f"{glyph:04x}")
    _show(stream, pieces)
    if usual:
        stream.stream.append(b"0 Tc")


def _show(stream: Any, pieces: list[str]) -> None:
    if pieces:
        stream.show_text(f"<{''.join(pieces)}>".replace("<>", ""))
        pieces.clear()


def _find_usual(gaps: Iterable[int]) -> int:
    """The gap that most glyphs have before them, if there are enough to mention it."""
    counted = Counter(gaps).most_common(1)
    return counted[0][0] if counted and counted[0][1] > 2 else 0
