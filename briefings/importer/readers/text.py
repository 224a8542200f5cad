"""From the bytes of a text file to its text, whatever it was encoded in."""

import codecs
import unicodedata

from briefings.importer.documents import UnreadableDocument

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

TEXT_CONTROLS = frozenset("\t\n\r\f\v\x1c\x1d\x1e\x85")


def read_text(data: bytes, *, name: str) -> str:
    """Raises UnreadableDocument when the bytes are not text we know how to read."""
    text = decode(data, name=name)[1].lstrip("\ufeff")
    if any(is_stray_control(character) for character in text):
        raise UnreadableDocument(f"{name}：檔案含有控制字元，不是純文字檔。")
    return text


def decode(data: bytes, *, name: str) -> tuple[str, str]:
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
    return marks * 100 >= len(text.strip()) and not any(map(is_stray_control, text))


def is_stray_control(character: str) -> bool:
    return character not in TEXT_CONTROLS and unicodedata.category(character) == "Cc"
