"""From the bytes of a file to a Document: numbered lines of text, and nothing yet understood."""

import codecs
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

# An edition of two entries is 12 kB; a file beyond this is some other kind of file.
LARGEST_FILE = 512 * 1024

FOREIGN_FORMATS = (
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "Word（.docx）或壓縮"),
    (b"\xd0\xcf\x11\xe0", "舊式 Word（.doc）"),
    (b"{\\rtf", "RTF"),
)

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

LINE_END = re.compile(r"\r\n|\r|\n")
# A page turn, Word's soft line end and their rarer kin end a line of text, but an editor does not
# count a new line after them: both halves keep the number the user sees.
UNCOUNTED_LINE_END = re.compile("[\f\v\x1c\x1d\x1e\x85\u2028\u2029]")
SPACES = " \t\u00a0\u3000"
TEXT_CONTROLS = frozenset("\t\n\r\f\v\x1c\x1d\x1e\x85")


class UnreadableDocument(Exception):
    """A file that cannot be taken in as an old edition. The message is Chinese, for the editor."""


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
    encoding: str
    lines: tuple[Line, ...]


def read_document(path: Path) -> Document:
    """Raises UnreadableDocument."""
    return document_from_bytes(_read_bytes(path), name=path.name)


def document_from_bytes(data: bytes, *, name: str) -> Document:
    """Raises UnreadableDocument when the bytes are not text we know how to read."""
    _refuse_foreign_format(data, name)
    encoding, text = _decode(data, name)
    text = text.lstrip("\ufeff")
    if any(_is_stray_control(character) for character in text):
        raise UnreadableDocument(f"{name}：檔案含有控制字元，不是純文字檔。")
    lines = tuple(_split_lines(text))
    if not lines:
        raise UnreadableDocument(f"{name}：檔案是空的。")
    return Document(name=name, encoding=encoding, lines=lines)


def _read_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise UnreadableDocument(f"{path}：這是資料夾，請指定檔案。")
        if not path.exists():
            raise UnreadableDocument(f"{path}：找不到檔案。")
        if not path.is_file():
            raise UnreadableDocument(f"{path}：這不是一般檔案。")
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        raise UnreadableDocument(f"{path}：未能開啟檔案（{error}）。") from error
    if len(data) > LARGEST_FILE:
        limit = LARGEST_FILE // 1024
        raise UnreadableDocument(f"{path}：檔案超過 {limit} KB 的上限，不像是一期的文字檔。")
    return data


def _refuse_foreign_format(data: bytes, name: str) -> None:
    for signature, kind in FOREIGN_FORMATS:
        if data.lstrip().startswith(signature):
            raise UnreadableDocument(f"{name}：這是 {kind} 檔案，請先另存為純文字檔。")


def _decode(data: bytes, name: str) -> tuple[str, str]:
    """The name of the encoding and the text."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return encoding, _decode_as_declared(data[len(mark) :], encoding, name)
    if b"\x00" in data:
        return _decode_unmarked_utf16(data, name)
    try:
        return "utf-8", data.decode("utf-8")
    except UnicodeDecodeError:
        return _decode_big5(data, name)


def _decode_as_declared(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableDocument(
            f"{name}：檔案開首標示為 {encoding.upper()}，但第 {error.start + 1} 個位元組起"
            "無法解讀。"
        ) from error


def _decode_unmarked_utf16(data: bytes, name: str) -> tuple[str, str]:
    """Both byte orders usually decode; only the right one gives Chinese prose."""
    if found := _decode_as_chinese(data, "utf-16-le", "utf-16-be"):
        return found
    raise UnreadableDocument(f"{name}：檔案含有空位元組（NUL），不是純文字檔。")


def _decode_big5(data: bytes, name: str) -> tuple[str, str]:
    """Microsoft's table (cp950) comes second, for signs such as € that HKSCS has elsewhere."""
    if found := _decode_as_chinese(data, "big5hkscs", "cp950"):
        return found
    raise UnreadableDocument(
        f"{name}：未能辨認文字編碼，請另存為 UTF-8、UTF-16 或 Big5-HKSCS 的純文字檔。"
    )


def _decode_as_chinese(data: bytes, *encodings: str) -> tuple[str, str] | None:
    """The first of the encodings that gives Chinese prose, and the text."""
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _reads_as_chinese(text):
            return encoding, text
    return None


def _reads_as_chinese(text: str) -> bool:
    """Wrongly decoded bytes give Han characters too, but not our commas and full stops.

    Chinese prose has a mark in every ten characters or so; chance gives one in thousands.
    """
    marks = sum(text.count(mark) for mark in "，。、：")
    return marks * 100 >= len(text.strip()) and not any(map(_is_stray_control, text))


def _is_stray_control(character: str) -> bool:
    return character not in TEXT_CONTROLS and unicodedata.category(character) == "Cc"


def _split_lines(text: str) -> list[Line]:
    return [
        Line(number, stripped, marked=piece[-1] in SPACES)
        for number, counted in enumerate(LINE_END.split(text), start=1)
        for piece in UNCOUNTED_LINE_END.split(counted)
        if (stripped := piece.strip(SPACES))
    ]
