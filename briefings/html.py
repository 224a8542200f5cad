"""The one allow-list that every piece of stored HTML has passed.

What it lets through is what page, mail and PDF can all show. Styles, classes and images are not
among it: the look is the stylesheet's, and a remote image would tell who reads.
"""

import re
from html import unescape

import nh3

_BLOCK_END = re.compile(r"</(?:p|h[2-4]|li|blockquote|tr|table|ul|ol)>|<br\s*/?>|<hr\s*/?>")
_CELL_END = re.compile(r"</t[dh]>")
_TAG = re.compile(r"<[^>]*>")
_EMPTY_PARAGRAPH = re.compile(r"<p>(?:\s|&nbsp;|<br>)*</p>\s*")

# A cell that claims to span 65,000 columns keeps the PDF busy for a minute.
_LARGEST = {"colspan": 20, "rowspan": 50, "start": 9999}
# An address must name its scheme: relative to what, page, mail and PDF would each see otherwise.
# Brackets in its host are what urlsplit(), and WeasyPrint with it, gives up on.
_ADDRESS = re.compile(r"(?:https?://[^\s\[\]<>\"/?#]+|mailto:)[^\s<>\"]*", re.IGNORECASE)

# Layout recurses: at 150 levels WeasyPrint gives up, at 100,000 the parser takes minutes.
_MOST_LEVELS = 30
_OPENING_OR_CLOSING = re.compile(r"<(/?)([a-zA-Z][^\s/<>]*+)[^<>]*+>")
# Tags that stand alone, or that the next of their kind closes.
_NOT_NESTING = {
    *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"),
    *("caption", "dd", "dt", "li", "option", "p", "tbody", "td", "th", "thead", "tr"),
}


def _keep_attribute(tag: str, name: str, value: str) -> str | None:  # noqa: ARG001
    if name == "href":
        return value if _ADDRESS.fullmatch(value.strip()) else None
    largest = _LARGEST.get(name)
    if largest is None:
        return value
    is_number = value.isascii() and value.isdigit() and len(value) <= len(str(largest))
    return value if is_number and int(value) <= largest else None


_cleaner = nh3.Cleaner(
    tags={
        *("p", "br", "h2", "h3", "h4", "blockquote", "ul", "ol", "li", "hr"),
        *("strong", "b", "em", "i", "u", "s", "sub", "sup", "a"),
        *("table", "caption", "thead", "tbody", "tr", "th", "td"),
    },
    attributes={
        "a": {"href", "title"},
        "ol": {"start"},
        "th": {"colspan", "rowspan", "scope"},
        "td": {"colspan", "rowspan"},
    },
    attribute_filter=_keep_attribute,
    url_schemes={"http", "https", "mailto"},
    link_rel="noopener noreferrer",
    strip_comments=True,
)


def clean_html(value: str) -> str:
    """`value` with only what the allow-list knows; the text of a dropped tag stays.

    Cleaning twice gives the same as once. Trailing empty paragraphs, which rich text editors
    leave behind, are dropped, so that an empty editor gives the empty string. NUL characters,
    which PostgreSQL can't store, are dropped too, and tags nested deeper than a page could show.
    """
    return _drop_empty_end(_cleaner.clean(_flatten(value.replace("\0", ""))))


def _flatten(html: str) -> str:
    """Without the tags, opening and closing, that stand deeper than `_MOST_LEVELS`."""
    level = 0

    def keep(tag: re.Match[str]) -> str:
        nonlocal level
        is_closing, name = tag[1], tag[2].lower()
        if name in _NOT_NESTING:
            return tag[0]
        if is_closing:
            level = max(0, level - 1)
            return tag[0] if level < _MOST_LEVELS else ""
        level += 1
        return tag[0] if level <= _MOST_LEVELS else ""

    return _OPENING_OR_CLOSING.sub(keep, html)


def _drop_empty_end(html: str) -> str:
    """Walks back from the end, in linear time; one pattern for it all would take quadratic."""
    end = len(html)
    while (start := html.rfind("<p>", 0, end)) != -1:
        if not _EMPTY_PARAGRAPH.fullmatch(html, start, end):
            break
        end = start
    return html if end == len(html) else html[:end].rstrip()


def split_blocks(value: str) -> list[str]:
    """The text of each paragraph, heading, list item or table row, without mark-up or empties."""
    marked = _CELL_END.sub(" ", _BLOCK_END.sub("\n", value.replace("\n", " ")))
    lines = (unescape(_TAG.sub("", line)).strip() for line in marked.split("\n"))
    return [line for line in lines if line]


def to_text(value: str) -> str:
    """Plain text, one block a line: for the index."""
    return "\n".join(split_blocks(value))
