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
_EMPTY_PARAGRAPHS = re.compile(r"(?:\s*<p>(?:\s|&nbsp;|<br>)*</p>)+\s*$")

# A cell that claims to span 65,000 columns keeps the PDF busy for a minute.
_LARGEST = {"colspan": 20, "rowspan": 200, "start": 9999}


def _keep_attribute(tag: str, name: str, value: str) -> str | None:  # noqa: ARG001
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
    which PostgreSQL can't store, are dropped too.
    """
    return _EMPTY_PARAGRAPHS.sub("", _cleaner.clean(value.replace("\0", "")))


def split_blocks(value: str) -> list[str]:
    """The text of each paragraph, heading, list item or table row, without mark-up or empties."""
    marked = _CELL_END.sub(" ", _BLOCK_END.sub("\n", value.replace("\n", " ")))
    lines = (unescape(_TAG.sub("", line)).strip() for line in marked.split("\n"))
    return [line for line in lines if line]


def to_text(value: str) -> str:
    """Plain text, one block a line: for the index and for the text part of mail."""
    return "\n".join(split_blocks(value))
