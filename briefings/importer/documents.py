"""What readers hand to the parsers: a manuscript an editor can see and correct, and its lines."""

import re
from dataclasses import dataclass
from enum import StrEnum

LINE_END = re.compile(r"\r\n|\r|\n")
# A page turn, Word's soft line end and their rarer kin end a line of text, but an editor does not
# count a new line after them: both halves keep the number the user sees.
UNCOUNTED_LINE_END = re.compile("[\f\v\x1c\x1d\x1e\x85\u2028\u2029]")
SPACES = " \t\u00a0\u3000"


class UnreadableDocument(Exception):
    """A file that cannot be taken in as an old edition. The message is Chinese, for the editor."""


class Kind(StrEnum):
    TEXT = "text"
    PDF = "pdf"
    WORD = "word"


@dataclass(frozen=True)
class Doubt:
    """Something to show an editor: the line of the file and what is unsure about it."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"第 {self.line} 行：{self.message}"


@dataclass(frozen=True)
class Manuscript:
    """What was read in a file. Of text and PDF the source is lines of text; of Word it is HTML
    that has passed the allow-list, one heading, paragraph, list or table a line.
    """

    name: str
    kind: Kind
    source: str
    doubts: tuple[Doubt, ...] = ()  # what the reader had to leave out, and where


@dataclass(frozen=True)
class Line:
    """One line that is not blank.

    `number` counts from 1 as an editor shows it. `text` has no spaces at either end. `marked`
    tells whether a space followed it: the department's PDF leaves one where a block ends.
    """

    number: int
    text: str
    marked: bool


@dataclass(frozen=True)
class Document:
    """The lines of one file. Blank lines and page turns mean nothing and are not here."""

    name: str
    lines: tuple[Line, ...]


def document_from_text(text: str, *, name: str) -> Document:
    """Raises UnreadableDocument when there is nothing but white space."""
    lines = tuple(
        Line(number, stripped, marked=piece[-1] in SPACES)
        for number, counted in enumerate(LINE_END.split(text), start=1)
        for piece in UNCOUNTED_LINE_END.split(counted)
        if (stripped := piece.strip(SPACES))
    )
    if not lines:
        raise UnreadableDocument(f"{name}：檔案是空的。")
    return Document(name=name, lines=lines)
