"""From a PDF to lines of text, as a reader sees them from the top of a page to its foot.

A space stands at the end of a line where the page shows that a block ends there: by an indent, a
gap or another size of type. That is the mark the department's own text files have.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice, pairwise
from statistics import median
from typing import Any

from briefings.importer.documents import Doubt, UnreadableDocument

MOST_PAGES = 60
LEAST_CHARACTERS_A_PAGE = 10  # a scanned page has none, or a stamp

# Two characters with this much of their size between them are two words.
WORD_GAP = 0.5
MARGIN = 0.09  # of the page's height, at the top and at the foot, where running heads stand
MASTHEAD = 4  # lines
INDENT = 1.2  # em
GAP = 1.3  # times the usual distance from line to line

PAGE_NUMBER = re.compile(
    r"第\s*\d+\s*頁(?:\s*[，,、/]?\s*共\s*\d+\s*頁)?|^\W*\d{1,3}(?:\s*/\s*\d{1,3})?\W*$"
)
LEADERS = re.compile(r"(?:\s*[.．·…‥]){3,}\s*\d{0,3}\s*$")
UNKNOWN_GLYPH = re.compile(r"\(cid:\d+\)")
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# Chinese type has no spaces; justified lines only look as if they had.
GAP_IN_CHINESE = re.compile(r"(?<=[\u2e80-\u9fff\uff00-\uffef]) +(?=[\u2e80-\u9fff\uff00-\uffef])")


@dataclass(frozen=True)
class PrintedLine:
    """Places are in points, from the left and from the top of its page."""

    text: str
    page: int
    left: float
    right: float
    top: float
    size: float
    is_in_margin: bool


def read_pdf(data: bytes) -> tuple[str, list[Doubt]]:
    """The text, and nothing in doubt about it. Raises UnreadableDocument."""
    lines, page_count = _read_lines(data)
    characters = sum(len(line.text) for line in lines)
    if characters < LEAST_CHARACTERS_A_PAGE * page_count:
        raise UnreadableDocument("PDF 沒有文字，可能是掃描本；請先做文字辨識（OCR）。")
    if sum(line.text.count("\ufffd") for line in lines) * 20 > characters:
        raise UnreadableDocument("PDF 的字型沒有對應的文字，讀出來是亂碼；請改用 Word 檔。")
    printed = _drop_running_heads(lines, page_count)
    ends = _find_block_ends(printed)
    texts = [
        line.text + (" " if is_end else "") for line, is_end in zip(printed, ends, strict=True)
    ]
    return "\n".join(texts) + "\n", []


def _read_lines(data: bytes) -> tuple[list[PrintedLine], int]:
    import pdfplumber
    from pdfminer.pdfdocument import PDFPasswordIncorrect
    from pdfminer.pdfpage import PDFPage
    from pdfplumber.utils.exceptions import PdfminerException

    try:
        with pdfplumber.open(BytesIO(data)) as pdf:
            # Counted before they are laid out; the first too many ends the counting.
            page_count = sum(1 for _ in islice(PDFPage.create_pages(pdf.doc), MOST_PAGES + 1))
            if page_count > MOST_PAGES:
                raise UnreadableDocument(f"PDF 超過 {MOST_PAGES} 頁的上限，不像是一期。")
            lines = [line for page in pdf.pages for line in _read_page(page)]
    except PdfminerException as error:
        if error.args and isinstance(error.args[0], PDFPasswordIncorrect):
            raise UnreadableDocument("這個 PDF 有密碼保護，請先移除密碼。") from error
        raise
    return lines, page_count


def _read_page(page: Any) -> list[PrintedLine]:
    found = page.extract_text_lines(return_chars=True, x_tolerance_ratio=WORD_GAP)
    lines = [_describe_line(line, page) for line in found]
    page.close()  # or every page's characters stay in memory
    return [line for line in lines if line.text]


def _describe_line(found: dict[str, Any], page: Any) -> PrintedLine:
    sizes = Counter(round(character["size"], 1) for character in found["chars"])
    height = page.height or 1
    return PrintedLine(
        text=_tidy(found["text"]),
        page=page.page_number,
        left=found["x0"],
        right=found["x1"],
        top=found["top"],
        size=sizes.most_common(1)[0][0],
        is_in_margin=found["bottom"] < MARGIN * height or found["top"] > (1 - MARGIN) * height,
    )


def _tidy(text: str) -> str:
    text = CONTROL.sub("", UNKNOWN_GLYPH.sub("\ufffd", text))
    return GAP_IN_CHINESE.sub("", LEADERS.sub("", text)).strip()


def _drop_running_heads(lines: Sequence[PrintedLine], page_count: int) -> list[PrintedLine]:
    """Without page numbers, what is repeated in the margins, and the masthead that it repeats."""
    pages_of = Counter(
        bare
        for bare, _ in {
            (_strip_numbers(line.text), line.page) for line in lines if line.is_in_margin
        }
    )
    running = {
        line
        for line in lines
        if line.is_in_margin
        and (
            PAGE_NUMBER.search(line.text)
            or (page_count > 1 and pages_of[_strip_numbers(line.text)] >= (page_count + 1) // 2)
            or (page_count > 2 and pages_of[_strip_numbers(line.text)] >= 2)
        )
    }
    heads = "\n".join(_squeeze(line.text) for line in running)
    return [
        line
        for place, line in enumerate(lines)
        if line not in running
        and not (place < MASTHEAD and line.page == 1 and _squeeze(line.text) in heads)
    ]


def _strip_numbers(text: str) -> str:
    return re.sub(r"[\d\s]+", "", text)


def _squeeze(text: str) -> str:
    return "".join(text.split())


def _find_block_ends(lines: Sequence[PrintedLine]) -> list[bool]:
    """After which lines the page shows that a paragraph, heading or lead is at its end."""
    steps = [b.top - a.top for a, b in pairwise(lines) if a.page == b.page and a.size == b.size]
    usual = median(steps) if steps else 0
    edges = _find_edges(lines)
    ends = [_is_block_end(a, b, usual, edges[b.size]) for a, b in pairwise(lines)]
    return [*ends, True][: len(lines)]


def _find_edges(lines: Sequence[PrintedLine]) -> dict[float, tuple[float, float]]:
    """For each size of type, where its lines begin at the left and end at the right."""
    edges = {}
    for size in {line.size for line in lines}:
        same = [line for line in lines if line.size == size]
        edges[size] = min(line.left for line in same), max(line.right for line in same)
    return edges


def _is_block_end(
    line: PrintedLine, follower: PrintedLine, usual: float, edges: tuple[float, float]
) -> bool:
    if line.size != follower.size:
        return True
    if line.page == follower.page and usual and follower.top - line.top > GAP * usual:
        return True
    left, right = edges
    em = line.size
    is_indented = follower.left > left + INDENT * em
    stands_further_in = follower.left > line.left + INDENT * em / 2
    is_short = line.right < right - 2 * em
    return is_indented and (stands_further_in or is_short)
