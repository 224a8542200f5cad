"""The allow-list's HTML as text to be read: the text part of mail.

inscriptis was tried for this: it aligns Chinese table cells by counting characters, breaks a cell
of paragraphs into rows, marks no quotation, and brings lxml and requests.
"""

import re
from collections.abc import Iterable
from html.parser import HTMLParser

_SPACES = re.compile(r"[ \t\r\n\f]+")
_FRAMED = {"blockquote", "li", "h2", "h3", "h4", "td", "th"}
_APART = {"p", "ul", "ol", "table", "caption", "figure", "figcaption"}


def to_plain_text(value: str) -> str:
    """HTML as `clean_html` leaves it, as lines of any length with an empty one between blocks.

    A picture is its alternative text. Lists have bullets or their numbers, quotations a `>`, a
    table's row one line. A link is followed by its address in `<…>`, which tell a mail program
    where it ends (RFC 3986, C). A note leaves its number, and comes after everything else.
    """
    writer = _Writer()
    writer.feed(value)
    writer.close()
    lines = writer.leave_frame()
    notes = ["", "註釋：", *writer.notes] if writer.notes else []
    return "\n".join([*lines, *notes])


class _Writer(HTMLParser):
    """What is marked as a whole (item, quotation, cell) is first written into its own frame."""

    def __init__(self) -> None:
        super().__init__()
        self.line = ""
        self.frames: list[list[str]] = [[]]
        self.rows: list[list[str]] = []  # those being written, the innermost last
        self.numbers: list[int | None] = []  # the next item's, for each list around; None: a bullet
        self.address = ""
        self.notes: list[str] = []
        self.noted = ""  # the line that the note being written belongs to

    def handle_data(self, data: str) -> None:
        self.line += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in _APART:
            self.set_apart()
        if tag in _FRAMED:
            self.end_line()
            self.frames.append([])
        match tag:
            case "a":
                self.address = given.get("href") or ""
            case "br":
                self.end_line()
            case "hr":
                self.set_apart("＊　＊　＊")
            case "span":  # of these the allow-list keeps only notes
                self.noted, self.line = f"{self.line}[{len(self.notes) + 1}]", ""
            case "sup":
                self.line += "^"  # or 10⁴ reads 104
            case "img" if given.get("alt"):
                self.line += f"〔圖：{given['alt']}〕"
            case "ul":
                self.numbers.append(None)
            case "ol":
                self.numbers.append(int(given.get("start") or 1))
            case "tr":
                self.rows.append([])

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "a":
                self.write_address()
            case "span":
                self.notes.append(f"[{len(self.notes) + 1}] {_SPACES.sub(' ', self.line).strip()}")
                self.line = self.noted
            case "h2" | "h3" | "h4":
                self.set_apart(*_mark(self.leave_frame(), "■ "))
            case "blockquote":
                self.set_apart(*(f"> {line}".rstrip() for line in self.leave_frame()))
            case "li":
                self.write_item()
            case "td" | "th":
                self.rows[-1].append(" ".join(filter(None, self.leave_frame())))
            case "tr":
                self.write_row()
            case "ul" | "ol":
                self.numbers.pop()
        if tag in _APART:
            self.set_apart()

    def write_address(self) -> None:
        shown = self.address.removeprefix("mailto:")
        if shown and not self.line.rstrip().endswith(shown.rstrip("/")):
            self.line += f" <{shown}>"

    def write_item(self) -> None:
        number = self.numbers[-1] if self.numbers else None  # the allow-list keeps a stray <li>
        marker = "• " if number is None else f"{number}. "
        if number is not None:
            self.numbers[-1] = number + 1
        item = _mark(filter(None, self.leave_frame()), marker)
        self.frames[-1].extend(item)

    def write_row(self) -> None:
        cells = self.rows.pop()
        if any(cells):
            self.frames[-1].append("｜".join(cells))

    def set_apart(self, *lines: str) -> None:
        """`lines`, or what is written next, with an empty line before and after."""
        self.end_line()
        for line in ("", *lines, "") if lines else ("",):
            if line or (self.frames[-1] and self.frames[-1][-1]):
                self.frames[-1].append(line)

    def end_line(self) -> None:
        text = _SPACES.sub(" ", self.line).strip()
        self.line = ""
        if text:
            self.frames[-1].append(text)

    def leave_frame(self) -> list[str]:
        self.end_line()
        lines = self.frames.pop()
        return lines[:-1] if lines and not lines[-1] else lines


def _mark(lines: Iterable[str], marker: str) -> list[str]:
    """The marker before the first line, and as much space before the others."""
    space = " " * len(marker)
    return [(space if number else marker) + line for number, line in enumerate(lines)]
