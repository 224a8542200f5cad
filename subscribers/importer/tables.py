"""From the bytes of a list to its rows, one after the other, whatever its length.

A row has the number that a spreadsheet shows beside it: the first, which has the headings, is 1.
"""

import csv
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import TextIOWrapper
from itertools import count
from typing import Any, BinaryIO

from subscribers.importer.encodings import find_encoding

LONGEST_LINE = 32 * 1024  # characters
MOST_COLUMNS = 100
MOST_LINES = 20  # of one row: within quotes there may be line ends
# What an XLSX file may unpack to. Sheets are gone through row by row; all other XML, texts and
# styles above all, is held in memory at once.
LARGEST_SHEET = 1024 * 1024 * 1024
LARGEST_TEXTS = 64 * 1024 * 1024
SHEETS = "xl/worksheets/"
LAST_ROW = 1_048_576  # of any sheet; a row says its own number, and the ones before are made up


class UnreadableList(ValueError):
    """The file is no list we can read; why, in Chinese."""


@dataclass(frozen=True, slots=True)
class Row:
    number: int
    cells: tuple[str, ...]
    has_broken_quotes: bool = False
    is_too_long: bool = False

    @property
    def is_blank(self) -> bool:
        return not any(self.cells)


@dataclass
class Table:
    """A list whose rows can be gone through once."""

    rows: Iterator[Row]
    encoding: str  # as editors know it
    # A spreadsheet leaves empty cells out at the end of a row, so there few cells are no fault.
    may_be_short: bool
    _place: "Place" = field(repr=False)

    @property
    def percent(self) -> int:
        """How far its rows have been gone through."""
        return min(100, 100 * self._place.done // max(1, self._place.total))


@dataclass
class Place:
    total: int
    done: int = 0


LABELS = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "big5hkscs": "Big5",
    "gb18030": "GB18030",
}


def open_table(file: BinaryIO) -> Table:
    """Raises UnreadableList; so may going through its rows."""
    start = file.read(8)
    if start.startswith(b"PK\x03\x04"):
        return _open_workbook(file)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise UnreadableList(
            "這是舊式 Excel（.xls）或有密碼的檔案，請另存為沒有密碼的 .xlsx 或 CSV。"
        )
    if not start:
        raise UnreadableList("檔案是空的。")
    return _open_text(file)


# ------------------------------------------------------------------------------------- as text


def _open_text(file: BinaryIO) -> Table:
    encoding = find_encoding(file)
    place = Place(total=file.seek(0, 2))
    file.seek(0)
    text = TextIOWrapper(file, encoding, errors="replace", newline="")
    separator = _find_separator(_cut_end(text.readline(LONGEST_LINE)).lstrip("\ufeff"))
    text.seek(0)
    lines = _read_lines(text, file, place)
    return Table(
        _read_records(lines, separator), LABELS[encoding], may_be_short=False, _place=place
    )


def _find_separator(headings: str) -> str:
    return max(",;\t", key=headings.count)


def _cut_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")


def _read_lines(text: TextIOWrapper, file: BinaryIO, place: Place) -> Iterator[str | None]:
    """None for a line that is too long to be one of a list; it is read past in pieces."""
    is_first = True
    while line := text.readline(LONGEST_LINE):
        place.done = file.tell()
        is_whole = len(line) < LONGEST_LINE or line.endswith(("\n", "\r"))
        while not is_whole:
            rest = text.readline(LONGEST_LINE)
            is_whole = len(rest) < LONGEST_LINE or rest.endswith(("\n", "\r"))
            line = ""
        yield (line.lstrip("\ufeff") if is_first else line) or None
        is_first = False


def _read_records(lines: Iterator[str | None], separator: str) -> Iterator[Row]:
    """A row whose quotes never close is one line that is faulty, and not the rest of the file."""
    waiting: list[str | None] = []
    width = 0  # of the headings; a row that swallowed the next ones hardly ever has as many cells
    for number in count(1):
        try:
            line = waiting.pop(0) if waiting else next(lines)
        except StopIteration:
            return
        if line is None:
            yield Row(number, (), is_too_long=True)
            continue
        cells = _split(line, separator)
        taken = [line]
        while cells is None and len(taken) < MOST_LINES and _is_open(taken):
            following = waiting.pop(0) if waiting else next(lines, None)
            if following is None:
                break
            taken.append(following)
            cells = _split("".join(taken), separator)
            if cells is not None and width and len(cells) != width:
                cells = None
        if cells is None:
            waiting = [*taken[1:], *waiting]
            yield Row(number, tuple(_cut_end(line).split(separator)), has_broken_quotes=True)
        else:
            width = width or len(cells)
            yield Row(number, tuple(cell.strip() for cell in cells))


def _is_open(lines: Sequence[str]) -> bool:
    return sum(line.count('"') for line in lines) % 2 == 1


def _split(record: str, separator: str) -> list[str] | None:
    """None if its quotes don't fit."""
    if '"' not in record:
        return _cut_end(record).split(separator)
    try:
        rows = list(csv.reader([record], delimiter=separator, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


# ------------------------------------------------------------------------------- as a workbook


def _open_workbook(file: BinaryIO) -> Table:
    from openpyxl import load_workbook

    _refuse_too_large(file)
    try:
        book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        place = Place(total=sheet.max_row or 1)
        sheet.reset_dimensions()  # what programs write there is often not so
    except Exception as error:  # whatever a faulty file makes of the library
        raise UnreadableList(FAULTY) from error
    return Table(_read_sheet(sheet, place), "XLSX", may_be_short=True, _place=place)


FAULTY = "未能讀取這個試算表，請在 Excel 另存為 .xlsx 或 CSV 再試。"


def _refuse_too_large(file: BinaryIO) -> None:
    try:
        # NotImplementedError is zipfile's word for a version that it doesn't know.
        parts = zipfile.ZipFile(file).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UnreadableList(FAULTY) from error
    texts = sum(
        part.file_size
        for part in parts
        if part.filename.endswith((".xml", ".rels")) and not part.filename.startswith(SHEETS)
    )
    if sum(part.file_size for part in parts) > LARGEST_SHEET or texts > LARGEST_TEXTS:
        raise UnreadableList("試算表內容太多，請另存為 CSV 再試。")


def _read_sheet(sheet: Any, place: Place) -> Iterator[Row]:
    rows = sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS)
    for number in count(1):
        try:
            values = next(rows, None)
        except Exception as error:
            raise UnreadableList(FAULTY) from error
        if values is None:
            return
        if number > LAST_ROW:
            raise UnreadableList(FAULTY)
        place.done = number
        cells = [_write_out(value) for value in values]
        while cells and not cells[-1]:
            cells.pop()
        yield Row(number, tuple(cells), is_too_long=sum(map(len, cells)) > LONGEST_LINE)


def _write_out(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(" ", "minutes")
    return str(value).strip()
