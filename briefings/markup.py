"""A rendered page cut into its tags and the text between them, to be put together again.

Pure. For pages that our own templates wrote: every `<` of a text is escaped there. What is put
together from unchanged pieces is the page, byte for byte.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape, unescape

# Scripts and their like are one piece with all that is in them; so are comments.
_PIECE = re.compile(
    r"<!--.*?-->|<(?:script|style|textarea|template)\b.*?</(?:script|style|textarea|template)\s*>"
    r"|<(?P<closing>/?)(?P<name>[a-zA-Z][\w-]*)(?P<attributes>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>",
    re.DOTALL | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"""(?<=[\s"'])([a-zA-Z][\w:-]*)="([^"]*)\"""")
EMPTY_TAGS = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr")
)


@dataclass(frozen=True)
class Tag:
    source: str
    name: str
    is_closing: bool

    @property
    def attributes(self) -> dict[str, str]:
        """Those written with double quotes, as templates write them."""
        return {name.lower(): unescape(value) for name, value in _ATTRIBUTE.findall(self.source)}

    def change(self, change: Callable[[str, str], str]) -> str:
        """The tag with each attribute's value what `change` makes of its name and value."""

        def write(found: re.Match[str]) -> str:
            value = unescape(found[2])
            changed = change(found[1].lower(), value)
            return found[0] if changed == value else f'{found[1]}="{escape(changed)}"'

        return _ATTRIBUTE.sub(write, self.source)


def split_markup(html: str) -> Iterator[Tag | str]:
    """Tags, and the text before, between and after them; what is neither is an unnamed tag."""
    end = 0
    for piece in _PIECE.finditer(html):
        if piece.start() > end:
            yield html[end : piece.start()]
        yield Tag(piece[0], (piece["name"] or "").lower(), bool(piece["closing"]))
        end = piece.end()
    if end < len(html):
        yield html[end:]
