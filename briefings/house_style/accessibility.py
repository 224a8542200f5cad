"""What keeps a reader from it who listens, or who jumps from heading to heading."""

import re
from collections.abc import Iterator

from briefings.house_style.blocks import Text, is_blank
from briefings.house_style.findings import Field, Finding, Severity
from briefings.house_style.glossary import Glossary

_SAYS_NOTHING = re.compile(
    r"(?:請?(?:按|點擊|點按|參閱|詳見)?(?:此|這裏|這裡|此處|連結)|更多|詳情|按我|連結|網址|網頁"
    r"|(?:click |tap )?here|link|more|read more|website)[。.…>》]*",
    re.IGNORECASE,
)
_BARE_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s]+", re.IGNORECASE)


def find_pictures_without_words(text: Text, glossary: Glossary) -> Iterator[Finding]:  # noqa: ARG001
    for number, has_words in enumerate(text.pictures):
        if not has_words:
            yield _report_element(
                "no-alternative-text",
                "picture",
                number,
                f"第{number + 1}張圖片沒有替代文字，看不見圖的讀者不知道它說甚麼。",
            )


def find_tables_without_header(text: Text, glossary: Glossary) -> Iterator[Finding]:  # noqa: ARG001
    for number, has_header in enumerate(text.tables):
        if not has_header:
            yield _report_element(
                "no-table-header",
                "table",
                number,
                f"第{number + 1}個表格沒有標題列，讀屏軟件說不出每格屬於哪一欄。",
            )


def _report_element(rule: str, element: str, number: int, message: str) -> Finding:
    return Finding(rule, Severity.ERROR, message, Field.BODY, number, 0, 0, "", element=element)


def find_unclear_links(text: Text, glossary: Glossary) -> Iterator[Finding]:  # noqa: ARG001
    for block in text.blocks:
        for link in block.links:
            words = block.text[link.start : link.end].strip()
            if not words:
                message = "連結沒有文字。"
            elif _BARE_ADDRESS.fullmatch(words):
                message = "連結文字是網址；改為說明連到哪裏，例如文件或機構的名稱。"
            elif _SAYS_NOTHING.fullmatch(words):
                message = f"連結文字「{words}」單獨讀來不知連到哪裏；改用文件或機構的名稱。"
            else:
                continue
            yield block.report("link-text", Severity.WARNING, link.start, link.end, message)


def find_heading_faults(text: Text, glossary: Glossary) -> Iterator[Finding]:  # noqa: ARG001
    """Empty headings, and those that skip a level. A text may begin with either of the upper two:
    the entry's own headline stands above it, on its page as h1, in its edition's as h2."""
    level = 2
    for block in text.blocks:
        if not block.heading_level:
            continue
        end = len(block.text)
        if is_blank(block.text):
            yield block.report("empty-heading", Severity.ERROR, 0, end, "標題是空的。")
            continue
        if block.heading_level > level + 1:
            yield block.report(
                "heading-order",
                Severity.WARNING,
                0,
                end,
                f"跳過了一級標題：這裏應是{'大中小'[level - 1]}標題。",
            )
        level = block.heading_level
