"""An old edition as far as its file tells."""

import datetime
import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from briefings.html import LONGEST, HTMLTooLong
from briefings.importer.blocks import Block, list_texts
from briefings.importer.documents import Doubt, UnreadableDocument

# The department's editions have two or three; a file with more than this is something else.
MOST_ENTRIES = 100


@dataclass(frozen=True)
class LegacyEntry:
    """`lead` is plain text, one paragraph a line; `line` is the heading's."""

    headline: str
    lead: str
    blocks: tuple[Block, ...]
    line: int

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """The body as plain text: each paragraph, list item and table row."""
        return list_texts(self.blocks)

    @property
    def body(self) -> str:
        return "\n".join(block.html for block in self.blocks)


@dataclass(frozen=True)
class LegacyImprint:
    """The footer as it stands, and the address its mailto line links to; `line` is its first."""

    lines: tuple[str, ...]
    link: str
    line: int


@dataclass(frozen=True)
class LegacyEdition:
    """`first_hash` is that of the text as the file has it, if an editor has corrected it since."""

    name: str
    entries: tuple[LegacyEntry, ...]
    imprint: LegacyImprint | None
    doubts: tuple[Doubt, ...]
    number: int | None = None
    date: datetime.date | None = None
    first_hash: str = ""

    @property
    def source_hash(self) -> str:
        """By which the text is known again, though it was corrected on its way in."""
        return self.first_hash or hash_entries(
            (entry.headline, entry.lead, "".join(entry.paragraphs)) for entry in self.entries
        )


def refuse_excess(count: int, *, name: str) -> None:
    """Raises UnreadableDocument when there are too many headlines for an edition."""
    if count > MOST_ENTRIES:
        raise UnreadableDocument(
            f"{name}：有 {count} 個標題，不像是一期（最多 {MOST_ENTRIES} 篇）。"
        )


def refuse_long(edition: LegacyEdition) -> LegacyEdition:
    """Raises UnreadableDocument for an entry that is longer than any could be kept."""
    for entry in edition.entries:
        if (length := len(entry.body)) > LONGEST:
            raise UnreadableDocument(
                f"{edition.name}：第 {entry.line} 行起的一篇：{HTMLTooLong(length)}"
            )
    return edition


def hash_entries(entries: Iterable[tuple[str, str, str]]) -> str:
    """SHA-256 of headlines, leads and bodies without white space: however saved, the same edition.

    Where paragraphs end is left out too, for that may have been worked out from less evidence.
    """
    bare = (
        "".join(unicodedata.normalize("NFC", text).split()) for entry in entries for text in entry
    )
    return hashlib.sha256("\n".join(bare).encode()).hexdigest()
