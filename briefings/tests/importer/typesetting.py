"""Sets texts as the department's old editions were set, for the importer to take apart again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from briefings.importer.paragraphs import NOT_AT_LINE_START, OPENERS, measure_width

MEASURE = 74  # 37 characters; a body paragraph begins with an indent of two, which the text loses
INDENT = 4
FOOTER = (
    "以上資料由香港中華廠商聯合會秘書處編寫，內容僅供內部參考；如有任何查詢，請聯絡政策研究部。",
    "電話：2542 8611；傳真：3421 1092；電郵：research@cma.org.hk ",
    "mailto:research@cma.org.hk",
)


@dataclass(frozen=True)
class Piece:
    headline: str
    lead: str
    paragraphs: tuple[str, ...]


def typeset(
    pieces: Sequence[Piece],
    *,
    titles: Sequence[str] | None = None,
    bullet: str = "\uf09f ",
    label: str = "短評",
    footer: Sequence[str] = FOOTER,
    lines_a_page: int = 45,
) -> str:
    """A blank line after every line, a space after every block, pages that turn in mid-sentence.

    `titles` are those of the contents list, if they are to differ from the headlines.
    """
    if titles is None:
        titles = [piece.headline for piece in pieces]
    contents = [f"{bullet}{title} " for title in titles]
    body = chain.from_iterable(
        _set_piece(number, piece, label) for number, piece in enumerate(pieces, start=1)
    )
    lines = [*contents, *body, " " * 128, *footer]
    text = ""
    for place, line in enumerate(lines, start=1):
        turns = place % lines_a_page == 0 and not line.endswith(" ")
        text += line + ("\n " if turns else "\n\n")
    return text


def _set_piece(number: int, piece: Piece, label: str) -> Iterator[str]:
    yield f"{number}. {piece.headline} "
    yield from wrap(piece.lead, indent=0)
    if label:
        yield f"{label} "
    for paragraph in piece.paragraphs:
        yield from wrap(paragraph, indent=INDENT)


def wrap(text: str, *, indent: int, measure: int = MEASURE) -> list[str]:
    """Lines of a paragraph: no mark begins a line, no bracket is left open at its end."""
    lines = [""]
    capacity = measure - indent
    for unit in _units(text):
        if lines[-1] and measure_width((lines[-1] + unit).rstrip()) > capacity:
            lines.append("")
            capacity = measure
        lines[-1] += unit if lines[-1] else unit.lstrip()
    return [line.rstrip() for line in lines[:-1]] + [lines[-1].rstrip() + " "]


def _units(text: str) -> Iterator[str]:
    """The smallest pieces between which a line may end."""
    unit = ""
    for character in text:
        if unit and not _is_tied(unit[-1], character):
            yield unit
            unit = ""
        unit += character
    yield unit


def _is_tied(before: str, after: str) -> bool:
    if after in NOT_AT_LINE_START or before in OPENERS:
        return True
    return before.isascii() and after.isascii() and before != " "
