"""An entry's text in blocks that an editor's page can find again, each with what stands in it.

A block of the body is what the rich text editor calls a text block: a paragraph, a heading, the
text of a list item or a cell. A line break counts one character there, as in the editor, so that
places agree, and so does a note, whose own words are read by themselves. Blocks without text are
left out on both sides, save headings, which are faulty so. A picture's caption is no block there,
but belongs to the picture.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser

from briefings.house_style.findings import Field, Finding, Severity
from briefings.search.tokens import HAN

_BLANK = " \t\r\n\f\u00a0\u3000"
_HEADINGS = {"h2": 2, "h3": 3, "h4": 4}
NOTE = "\ufffc"  # what stands for one in the text around it
_TEXT_BLOCKS = {"p", "li", "td", "th", "caption", "figcaption", *_HEADINGS}
_CONTAINERS = {"blockquote", "ul", "ol", "table", "thead", "tbody", "tr", "figure", "hr"}

# Han characters and the punctuation that belongs among them.
CHINESE = HAN[:-1] + "、。，；：？！…—「」『』（）《》〈〉【】]"
_ADDRESS = re.compile(
    r"https?://[!-~]+|www\.[!-~]+"
    # The look-behind keeps an endless word from being tried again from each of its letters.
    r"|(?<![A-Za-z0-9.+_-])[A-Za-z0-9.+_-]++@[A-Za-z0-9.-]+"
)
_BRACKETS = dict(zip("「『（(《〈【“", "」』）)》〉】”", strict=True))
_CLOSING = {closing: opening for opening, closing in _BRACKETS.items()}
# Half-width and full-width parentheses close each other.
_KIND = {mark: mark for mark in _BRACKETS} | _CLOSING | {"(": "（", ")": "（"}
_QUOTATION_MARKS = "「『“"
_TITLE_MARKS = "《〈"


@dataclass(frozen=True)
class Pair:
    """Where a bracket opens and closes; None for the one that is missing."""

    opening: int | None
    closing: int | None


@dataclass(frozen=True)
class Link:
    start: int
    end: int
    address: str


@dataclass(frozen=True)
class Block:
    field: Field
    number: int  # counted from 0 within the field
    text: str
    element: str = ""  # what it belongs to, if it is no block of the editor's; see Finding
    heading_level: int = 0
    is_quotation: bool = False
    links: tuple[Link, ...] = ()

    def report(
        self,
        rule: str,
        severity: Severity,
        start: int,
        end: int,
        message: str,
        *suggestions: str,
    ) -> Finding:
        return Finding(
            rule=rule,
            severity=severity,
            message=message,
            field=self.field,
            block=self.number,
            start=start,
            end=end,
            quote=self.text[start:end],
            suggestions=suggestions,
            element=self.element,
        )

    @cached_property
    def brackets(self) -> list[Pair]:
        return pair_brackets(self.text)

    def is_chinese_at(self, place: int) -> bool:
        """Whether a Han character or its punctuation stands there. Beyond the end nothing does.

        A note belongs to what stands before it, and is as Chinese as that.
        """
        while 0 < place < len(self.text) and self.text[place] == NOTE:
            place -= 1
        return 0 <= place < len(self.text) and _CHINESE.match(self.text[place]) is not None

    def is_quoted(self, start: int) -> bool:
        """Somebody else's words, which stay as they were said."""
        return self.is_quotation or self._quoted[start] == 1

    def is_in_title(self, start: int) -> bool:
        return self._titles[start] == 1

    def is_in_address(self, start: int) -> bool:
        """Within a web or mail address."""
        return self._addresses[start] == 1

    @cached_property
    def _quoted(self) -> bytearray:
        return self._cover(_QUOTATION_MARKS)

    @cached_property
    def _titles(self) -> bytearray:
        return self._cover(_TITLE_MARKS)

    @cached_property
    def _addresses(self) -> bytearray:
        spans = [match.span() for match in _ADDRESS.finditer(self.text)]
        return cover(len(self.text), spans)

    def _cover(self, marks: str) -> bytearray:
        spans = [
            (pair.opening, pair.closing)
            for pair in self.brackets
            if pair.opening is not None and pair.closing is not None
            if self.text[pair.opening] in marks
        ]
        return cover(len(self.text), spans)


@dataclass(frozen=True)
class Text:
    """All of an entry that the check reads."""

    blocks: tuple[Block, ...]
    # Of each, in order, what the check asks: has the picture words, the table a header?
    pictures: tuple[bool, ...] = ()  # whether they have words, or only decorate
    tables: tuple[bool, ...] = ()  # whether they have header cells


_CHINESE = re.compile(CHINESE)


def cover(length: int, spans: list[tuple[int, int]]) -> bytearray:
    """1 for each place that a span covers; linear however the spans lie in one another."""
    covered = bytearray(length)
    done = 0
    for start, end in sorted(spans):
        for place in range(max(start, done), end):
            covered[place] = 1
        done = max(done, end)
    return covered


def pair_brackets(text: str) -> list[Pair]:
    """All brackets, each with its other half if it has one, by where they open or else close.

    A closing bracket closes the nearest open one of its kind; what was opened since stays open.
    """
    pairs: list[Pair] = []
    waiting: list[int] = []
    kinds_waiting = dict.fromkeys(_KIND.values(), 0)
    for place, character in enumerate(text):
        if character in _BRACKETS:
            waiting.append(place)
            kinds_waiting[_KIND[character]] += 1
        elif character in _CLOSING:
            kind = _KIND[character]
            if not kinds_waiting[kind]:
                pairs.append(Pair(None, place))
                continue
            while True:
                opening = waiting.pop()
                kinds_waiting[_KIND[text[opening]]] -= 1
                if _KIND[text[opening]] == kind:
                    pairs.append(Pair(opening, place))
                    break
                pairs.append(Pair(opening, None))
    pairs.extend(Pair(opening, None) for opening in waiting)
    return sorted(pairs, key=_find_first)


def find_other_half(mark: str) -> str:
    return (_BRACKETS | _CLOSING)[mark]


def _find_first(pair: Pair) -> int:
    return min(place for place in (pair.opening, pair.closing) if place is not None)


def read_text(headline: str, lead: str, body: str) -> Text:
    """`body` is HTML that has passed the allow-list."""
    reader = _BodyReader()
    reader.feed(body)
    reader.close()
    reader.end_block()
    above = [Block(Field.HEADLINE, 0, headline), Block(Field.LEAD, 0, lead)]
    blocks = [block for block in above if block.text]
    return Text(
        (*blocks, *reader.blocks, *reader.captions, *reader.notes),
        tuple(reader.pictures),
        tuple(reader.tables),
    )


@dataclass
class _BodyReader(HTMLParser):
    blocks: list[Block] = field(default_factory=list)
    captions: list[Block] = field(default_factory=list)
    notes: list[Block] = field(default_factory=list)
    pictures: list[bool] = field(default_factory=list)
    tables: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._length = 0
        self._links: list[Link] = []
        self._open_link: tuple[int, str] | None = None
        self._around_note: tuple[list[str], int, list[Link]] | None = None
        self._heading_level = 0
        self._quotations = 0
        self._open_tables: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in _TEXT_BLOCKS or tag in _CONTAINERS:
            self.end_block()
        if tag == "blockquote":
            self._quotations += 1
        elif tag in _HEADINGS:
            self._heading_level = _HEADINGS[tag]
        elif tag == "table":
            self._open_tables.append(len(self.tables))
            self.tables.append(False)
        elif tag == "th" and self._open_tables:
            self.tables[self._open_tables[-1]] = True
        elif tag == "a":
            self._open_link = (self._length, values.get("href") or "")
        elif tag == "img":
            decorates = values.get("role") == "presentation"
            self.pictures.append(decorates or not is_blank(values.get("alt") or ""))
        elif tag == "br":
            self._add("\n")
        elif tag == "span":
            self._begin_note()

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._end_link()
        if tag == "span":
            self._end_note()
        elif tag == "figcaption":
            self._end_caption()
        elif tag in _TEXT_BLOCKS or tag in _CONTAINERS:
            self.end_block(keep_empty=tag in _HEADINGS)
        if tag == "blockquote":
            self._quotations = max(0, self._quotations - 1)
        elif tag == "table" and self._open_tables:
            self._open_tables.pop()

    def handle_data(self, data: str) -> None:
        self._add(data)

    def _add(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)

    def _end_link(self) -> None:
        if self._open_link:
            start, address = self._open_link
            self._links.append(Link(start, self._length, address))
            self._open_link = None

    def _begin_note(self) -> None:
        """Of spans the allow-list keeps notes only, none within another or within a link."""
        self._add(NOTE)
        self._around_note = (self._parts, self._length, self._links)
        self._parts, self._length, self._links = [], 0, []

    def _end_note(self) -> None:
        if self._around_note:
            text, links = "".join(self._parts), tuple(self._links)
            number = len(self.notes)
            self.notes.append(Block(Field.BODY, number, text, element="note", links=links))
            self._parts, self._length, self._links = self._around_note
            self._around_note = None

    def _end_caption(self) -> None:
        text = "".join(self._parts)
        if self.pictures and not is_blank(text):
            number = len(self.pictures) - 1
            self.captions.append(Block(Field.BODY, number, text, element="picture"))
        self._forget()

    def end_block(self, *, keep_empty: bool = False) -> None:
        self._end_link()
        text = "".join(self._parts)
        if keep_empty or not is_blank(text):
            self.blocks.append(
                Block(
                    Field.BODY,
                    len(self.blocks),
                    text,
                    heading_level=self._heading_level,
                    is_quotation=self._quotations > 0,
                    links=tuple(self._links),
                )
            )
        self._forget()

    def _forget(self) -> None:
        self._parts, self._links, self._length, self._heading_level = [], [], 0, 0
        self._open_link = None


def is_blank(text: str) -> bool:
    return not text.strip(_BLANK)


def read_table(lines: str) -> Iterator[list[str]]:
    """The columns of one of the package's own data files."""
    for line in lines.split("\n"):
        if line and not line.startswith("#"):
            yield line.split("\t")
