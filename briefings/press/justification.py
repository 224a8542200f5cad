"""Both edges flush: WeasyPrint 70's justification taught to widen between Chinese characters.

Its own widens spaces only, of which Chinese has none but those around numbers: lines stay ragged,
or get holes. Here what a line lacks is shared out between all its Chinese characters, punctuation
and spaces; Latin words and numbers keep their shape.

WeasyPrint places boxes, Pango draws them. Pango puts half of a letter's extra room on each side
of it and takes it back at both ends of what it draws; so a box grows by one share a character less
half a share for each end that could grow, and those halves are given back between boxes.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

# With what joins them: a share must not come between the parts of 33.5%, 2024/25 or A&B, nor
# before a hyphen at a line's end. Of an address, which has zero-width spaces at its joints, all.
_LETTER = "0-9A-Za-z\u00c0-\u024f"
_LATIN = re.compile(
    f"[!-~]*\u200b[!-~\u200b]*|[{_LETTER}]+(?:[.,:@/%'\u2019&+_-]+[{_LETTER}]+)*[%\u2010]?"
)
# Where a stretch ends between two that are kerned, Pango draws them a little wider or narrower than
# it did in one piece: these few texts are measured.
_KERNED = re.compile(f"[{_LETTER}][!-/:-@\\[-`{{-~]|[!-/:-@\\[-`{{-~][{_LETTER}]")
_NO_WIDTH = re.compile("[\u00ad\u2060]")  # Pango gives them no share
_CHINESE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")


def find_stretches(text: str) -> Iterator[tuple[int, int]]:
    """Where room can be added: all but Latin words and numbers, as (start, end).

    Brackets and punctuation stay in one stretch with their neighbours. Pango sets each stretch by
    itself, and what stands in different ones can't be drawn together by `chws`. A joiner by itself,
    as before the mark of a note, takes no room: what it joins stays together.
    """
    start = 0
    for end, after in (*(word.span() for word in _LATIN.finditer(text)), (len(text), len(text))):
        if _NO_WIDTH.sub("", text[start:end]):
            yield start, end
        start = after


# Pixels a character. Of whole ones Pango halves unevenly.
TRIED = 0.75


class _Shares:
    """How much of a line's extra room a text takes: whole shares, and half ones at its ends."""

    def __init__(self, text: str) -> None:
        stretches = list(find_stretches(text))
        self.whole = sum(len(_NO_WIDTH.sub("", text[start:end])) for start, end in stretches)
        self.at_start = bool(stretches) and stretches[0][0] == 0
        self.at_end = bool(stretches) and stretches[-1][1] == len(text)

    @property
    def within(self) -> float:
        """What Pango adds inside the text itself."""
        return max(0.0, self.whole - (self.at_start + self.at_end) / 2)


def _list_texts(box: Any) -> Iterator[Any]:
    from weasyprint.formatting_structure import boxes

    if isinstance(box, boxes.TextBox):
        if box.text:
            yield box
    elif isinstance(box, (boxes.LineBox, boxes.InlineBox)):
        for child in box.children:
            if child.is_in_normal_flow():
                yield from _list_texts(child)


class _Line:
    """One line being widened."""

    def __init__(
        self, line: Any, extra_width: float, measure: Callable[[Any, float], float]
    ) -> None:
        self.texts = list(_list_texts(line))
        self.shares = {id(text): _Shares(text.text) for text in self.texts}
        self.is_chinese = any(_CHINESE.search(text.text) for text in self.texts)
        self.unkerned = {
            id(text): measure(text, TRIED) - text.width - TRIED * self._shares_of(text).within
            for text in self.texts
            if self.is_chinese and _KERNED.search(text.text)
        }
        extra_width -= sum(self.unkerned.values())
        total: float = sum(shares.whole for shares in self.shares.values())
        if self.texts:
            first, last = self._shares_of(self.texts[0]), self._shares_of(self.texts[-1])
            total -= (first.at_start + last.at_end) / 2
        self.share = extra_width / total if total > 0 else 0.0

    def _shares_of(self, text: Any) -> _Shares:
        return self.shares[id(text)]

    def widen(self, box: Any, moved: float = 0.0) -> float:
        """Move the box to the right by `moved` and widen it; how far what follows it moves."""
        from weasyprint.formatting_structure import boxes

        if id(box) in self.shares:
            return self._widen_text(box, moved)
        if not isinstance(box, (boxes.LineBox, boxes.InlineBox)):
            box.translate(moved, 0)
            return moved
        box.position_x += moved
        end = moved
        for child in box.children:
            if child.is_in_normal_flow():
                end = self.widen(child, end)
        box.width += end - moved
        return end

    def _widen_text(self, box: Any, moved: float) -> float:
        shares = self._shares_of(box)
        if shares.at_start and box is not self.texts[0]:
            moved += self.share / 2
        box.position_x += moved
        widened = self.share * shares.within + self.unkerned.get(id(box), 0.0)
        box.width += widened
        box.justification_spacing = box.pango_layout.justification_spacing = self.share
        box.pango_layout.is_spread = True
        moved += widened
        if shares.at_end and box is not self.texts[-1]:
            moved += self.share / 2
        return moved


def install() -> None:
    """Teach this process's WeasyPrint; asks for the version that was read for it."""
    from weasyprint import __version__
    from weasyprint.layout import inline
    from weasyprint.text.ffi import TO_UNITS, ffi, pango
    from weasyprint.text.line_break import Layout, line_size

    if __version__ != "70.0":
        raise RuntimeError(f"written for WeasyPrint 70.0, this is {__version__}")
    justify_by_spaces, set_text_plainly = inline.justify_line, Layout.set_text

    def justify_line(context: Any, line: Any, extra_width: float) -> None:
        widened = _Line(line, extra_width, measure)
        if not widened.is_chinese or line.style["direction"] == "rtl":
            justify_by_spaces(context, line, extra_width)
        elif widened.share:
            widened.widen(line)

    def measure(box: Any, share: float) -> float:
        """How wide Pango really draws a text, given so much a character."""
        layout = Layout(box.style, share)
        layout.is_spread = True
        layout.set_text(box.text, justify=True)
        width: float = line_size(layout.get_first_line()[0], box.style)[0]
        return width

    def set_text(layout: Any, text: str, justify: bool = False) -> None:  # noqa: FBT001, FBT002
        if not (justify and getattr(layout, "is_spread", False)):
            set_text_plainly(layout, text, justify)
            return
        set_text_plainly(layout, text)
        spread(layout, layout.justification_spacing)

    def spread(layout: Any, share: float) -> None:
        """Give Pango the share for each character, above the spacing that the style asks for."""
        attributes = pango.pango_layout_get_attributes(layout.layout)
        if attributes == ffi.NULL:
            attributes = ffi.gc(pango.pango_attr_list_new(), pango.pango_attr_list_unref)

        def space(start: int, end: int, spacing: float) -> None:
            attribute = pango.pango_attr_letter_spacing_new(int(spacing * TO_UNITS))
            attribute.start_index, attribute.end_index = start, end
            pango.pango_attr_list_change(attributes, attribute)

        letters, words = layout.style["letter_spacing"], layout.style["word_spacing"]
        spacing = share + (0 if letters == "normal" else letters)
        for start, end in find_stretches(layout.text):
            before = len(layout.text[:start].encode())
            space(before, before + len(layout.text[start:end].encode()), spacing)
        if words:
            encoded = layout.text.encode()
            for found in re.finditer(b" |\xc2\xa0", encoded):
                is_at_an_end = found.start() in (0, len(encoded) - 1)
                # Of what is added at an end Pango takes half away.
                space(*found.span(), spacing + words * (2 if is_at_an_end else 1))
        pango.pango_layout_set_attributes(layout.layout, attributes)

    inline.justify_line, Layout.set_text = justify_line, set_text
