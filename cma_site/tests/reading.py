"""What a page says to people: its text, and the attributes that are read out or shown."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

SPOKEN = {"title", "alt", "placeholder", "aria-label", "aria-description"}
SILENT = {"script", "style", "template", "svg", "code", "textarea", "bdi"}
EMPTY = {
    "area",
    "base",
    "br",
    "col",
    "embed",
    "hr",
    "img",
    "input",
    "link",
    "meta",
    "source",
    "wbr",
}
BUTTONS = {"submit", "button", "reset"}

_ADDRESS = re.compile(r"(?:https?://|www\.|/)[\w./?=&%#+:@-]+|[\w.+-]+@[\w-]+\.[\w.-]+")
_FILE_NAME = re.compile(r"\b[0-9a-f]{32,}\b")
_WORD = r"[A-Za-z][A-Za-z'’]+"
_WORDS = re.compile(rf"{_WORD}(?:[ ,;:.\-]+{_WORD})*")


@dataclass
class Form:
    method: str
    # By name; what nobody can type in has its value, None is to be filled in.
    fields: dict[str, str | None] = field(default_factory=dict)

    def fill_in(self, value: str) -> dict[str, str]:
        return {name: value if kept is None else kept for name, kept in self.fields.items()}


class Page(HTMLParser):
    """Reads out what isn't marked as being in English."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.forms: list[Form] = []
        self._unread: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        is_unread = bool(self._unread) or tag in SILENT or given.get("lang", "").startswith("en")
        if is_unread:
            if tag not in EMPTY:
                self._unread.append(tag)
            return
        self.said += [value for name, value in given.items() if name in SPOKEN]
        if tag == "input" and given.get("type") in BUTTONS:
            self.said.append(given.get("value", ""))
        if tag == "option":
            self.said.append(given.get("label", ""))
        if tag == "form":
            self.forms.append(Form(given.get("method", "get")))
        if self.forms and given.get("name") and tag in {"input", "select", "textarea"}:
            is_hidden = given.get("type") == "hidden" or tag == "select"
            self.forms[-1].fields[given["name"]] = given.get("value", "") if is_hidden else None

    def handle_endtag(self, tag: str) -> None:
        if self._unread and tag == self._unread[-1]:
            self._unread.pop()

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self.said.append(data)


def find_english(text: str, allowed: re.Pattern[str]) -> list[str]:
    """Each run of Latin words that is neither an address nor allowed."""
    plain = allowed.sub(" ", _FILE_NAME.sub(" ", _ADDRESS.sub(" ", text)))
    return _WORDS.findall(plain)
