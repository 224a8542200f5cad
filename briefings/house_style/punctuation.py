"""Marks, spaces, dashes and digits."""

import re
from collections.abc import Iterator

from briefings.house_style.blocks import CHINESE, NOTE, Text, find_other_half
from briefings.house_style.findings import Field, Finding, Severity
from briefings.house_style.glossary import Glossary
from briefings.search.tokens import HAN

_FULL_WIDTH = dict(zip(",.;:?!()", "，。；：？！（）", strict=True))
_HALF_WIDTH_MARK = re.compile(
    rf"(?<={CHINESE})[,;:?!] *|(?<=[A-Za-z0-9%)])[,;:?!] *(?={HAN})"
    rf"|(?<={CHINESE}{NOTE})[,;:?!] *"
    rf"|(?<={HAN})\.(?={HAN}|[」』）]|\s*$)",
    re.MULTILINE,
)
_REPEATED = re.compile(r"([，。、；：！？])\1+")
_SPACES = re.compile(r"[ \u00a0\u3000]+")
_DASHES = re.compile("-{2,}|[—─]+")
_ELLIPSIS = re.compile(r"\.{3,}|。{3,}|[…⋯]+")
_FULL_WIDTH_DIGITS = re.compile(r"[０-９]+(?:[．，][０-９]+)*％?|[Ａ-Ｚａ-ｚ]+")
_TO_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}


def find_half_width_marks(text: Text, glossary: Glossary) -> Iterator[Finding]:  # noqa: ARG001
    for block in text.blocks:
        for match in _HALF_WIDTH_MARK.finditer(block.text):
            if not block.is_in_address(match.start()):
                mark = match[0].rstrip(" ")
                yield block.report(
                    "half-width",
                    Severity.ERROR,
                    *match.span(),
                    f"中文之間用全形的「{_FULL_WIDTH[mark]}」。",
                    _FULL_WIDTH[mark],
                )


def find_half_width_parentheses(text: Text, glossary: Glossary) -> Iterator[Finding]:  # noqa: ARG001
    """Both of a pair, where one of them touches Chinese or is full-width already."""
    for block in text.blocks:
        for pair in block.brackets:
            places = [place for place in (pair.opening, pair.closing) if place is not None]
            marks = [place for place in places if block.text[place] in "()"]
            if len(places) == 2 and any(map(block.is_chinese_at, _list_touching(places))):
                for place in marks:
                    mark = _FULL_WIDTH[block.text[place]]
                    yield block.report(
                        "parentheses",
                        Severity.WARNING,
                        place,
                        place + 1,
                        f"中文用全形括號「{mark}」。",
                        mark,
                    )


def _list_touching(places: list[int]) -> list[int]:
    return [place + step for place in places for step in (-1, 0, 1)]


def find_curly_quotes(text: Text, glossary: Glossary) -> Iterator[Finding]:  # noqa: ARG001
    """The Mainland's quotation marks, around Chinese; around English they are right."""
    for block in text.blocks:
        for pair in block.brackets:
            if pair.opening is None or pair.closing is None or block.text[pair.opening] != "“":
                continue
            if block.is_chinese_at(pair.opening + 1) or block.is_chinese_at(pair.closing - 1):
                for place, mark in ((pair.opening, "「"), (pair.closing, "」")):
                    yield block.report(
                        "curly-quotes",
                        Severity.WARNING,
                        place,
                        place + 1,
                        "中文引號用「」。",
                        mark,
                    )


def find_unbalanced_brackets(text: Text, glossary: Glossary) -> Iterator[Finding]:  # noqa: ARG001
    for block in text.blocks:
        for pair in block.brackets:
            place = pair.closing if pair.opening is None else pair.opening
            if place is None or (pair.opening is not None and pair.closing is not None):
                continue
            if (mark := block.text[place]) not in "()":
                yield block.report(
                    "unbalanced",
                    Severity.ERROR,
                    place,
                    place + 1,
                    f"{mark} 沒有與它成對的 {find_other_half(mark)} 。",
                )


def find_repeated_marks(text: Text, glossary: Glossary) -> Iterator[Finding]:  # noqa: ARG001
    for block in text.blocks:
        for match in _REPEATED.finditer(block.text):
            if match[1] != "。" or len(match[0]) == 2:  # more of them are an ellipsis
                yield block.report(
                    "repeated", Severity.ERROR, *match.span(), "標點重複。", match[1]
                )


def find_spaces(text: Text, glossary: Glossary) -> Iterator[Finding]:  # noqa: ARG001
    """Double ones, and any between Chinese characters; a headline may part its halves by one."""
    for block in text.blocks:
        for match in _SPACES.finditer(block.text):
            start, end = match.span()
            is_between_chinese = block.is_chinese_at(start - 1) and block.is_chinese_at(end)
            is_first = start == 0 or block.text[start - 1] == "\n"
            if is_first and end < len(block.text):
                yield block.report(
                    "spaces", Severity.WARNING, start, end, "段首毋須空格；縮排由版面處理。", ""
                )
            elif is_between_chinese and block.field != Field.HEADLINE:
                yield block.report("spaces", Severity.WARNING, start, end, "中文字之間有空格。", "")
            elif end - start > 1:
                yield block.report("spaces", Severity.WARNING, start, end, "有連續的空格。", " ")


def find_dashes(text: Text, glossary: Glossary) -> Iterator[Finding]:  # noqa: ARG001
    return _find_wrong_marks(text, _DASHES, "dash", "——", "破折號")


def find_ellipses(text: Text, glossary: Glossary) -> Iterator[Finding]:  # noqa: ARG001
    return _find_wrong_marks(text, _ELLIPSIS, "ellipsis", "……", "省略號")


def _find_wrong_marks(
    text: Text, pattern: re.Pattern[str], rule: str, right: str, name: str
) -> Iterator[Finding]:
    for block in text.blocks:
        for match in pattern.finditer(block.text):
            start, end = match.span()
            is_among_chinese = block.is_chinese_at(start - 1) or block.is_chinese_at(end)
            if match[0] != right and is_among_chinese and not block.is_in_address(start):
                message = f"{name}寫作「{right}」，佔兩格。"
                yield block.report(rule, Severity.ERROR, start, end, message, right)


def find_full_width_digits(text: Text, glossary: Glossary) -> Iterator[Finding]:  # noqa: ARG001
    for block in text.blocks:
        for match in _FULL_WIDTH_DIGITS.finditer(block.text):
            yield block.report(
                "full-width",
                Severity.WARNING,
                *match.span(),
                "數字和英文字母用半形。",
                match[0].translate(_TO_HALF_WIDTH),
            )
