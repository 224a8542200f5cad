"""The number and the date of an edition, where a masthead or the name of a file tells them."""

import re
import unicodedata
from datetime import date

_DIGITS = {character: value for value, character in enumerate("〇一二三四五六七八九")} | {"零": 0}
_HAN = "〇零一二三四五六七八九十"

_NUMBER = re.compile(
    rf"第\s*(\d{{1,4}}|[{_HAN}]{{1,3}})\s*(?:期|號|号)|\bno\.?\s*(\d{{1,4}})\b", re.I
)
_DATE = re.compile(
    rf"((?:19|20)\d\d|[一二][{_HAN}]{{3}})\s*年\s*(\d{{1,2}}|[{_HAN}]{{1,2}})\s*月"
    rf"\s*(\d{{1,2}}|[{_HAN}]{{1,3}})\s*日"
    r"|(?<!\d)((?:19|20)\d\d)([-./_]?)(\d\d?)\5(\d\d?)(?!\d)"
)


def find_number(text: str) -> int | None:
    """第12期、第十二期、No. 12."""
    found = _NUMBER.search(unicodedata.normalize("NFKC", text))
    return (_read_number(found[1] or found[2]) or None) if found else None


def find_date(text: str) -> date | None:
    """2023年11月15日、二〇二三年十一月十五日、2023-11-15、20231115."""
    for found in _DATE.finditer(unicodedata.normalize("NFKC", text)):
        year, month, day = found.group(1, 2, 3) if found[1] else found.group(4, 6, 7)
        try:
            return date(_read_number(year), _read_number(month), _read_number(day))
        except ValueError:
            continue
    return None


def _read_number(text: str) -> int:
    if text.isascii():
        return int(text)
    if "十" not in text:
        return int("".join(str(_DIGITS[character]) for character in text))
    tens, _, ones = text.partition("十")
    return 10 * (_DIGITS[tens] if tens else 1) + (_DIGITS[ones] if ones else 0)
