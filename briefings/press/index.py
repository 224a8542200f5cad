"""The index at a bound volume's end: terms, and the pages on which the layout put them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Self

from briefings.press.typesetting import typeset

# The anchor of the index, and until there is one of the empty page that holds its place.
PLACE = "index"


@dataclass(frozen=True)
class Term:
    """What is looked up, and the anchors in the text that it leads to, in their order."""

    name: str
    anchors: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    title: str
    terms: tuple[Term, ...]


@dataclass(frozen=True)
class Index:
    title: str
    running: str  # what the heads of its pages say on the left
    house: str  # and their feet
    sections: tuple[Section, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Self:
        sections = tuple(
            Section(
                section["title"],
                tuple(Term(term["name"], tuple(term["anchors"])) for term in section["terms"]),
            )
            for section in given["sections"]
        )
        return cls(given["title"], given["running"], given["house"], sections)


def compose_index(index: Index, pages_of: Mapping[str, int]) -> str:
    """A document of its own; a page that a term stands on twice is named once."""
    title = escape(index.title)
    shown = {"title": index.title, "running": index.running, "house": index.house}
    data = "".join(f' data-{name}="{escape(value)}"' for name, value in shown.items())
    sections = "".join(_compose_section(section, pages_of) for section in index.sections)
    return typeset(
        f'<!doctype html><html lang="zh-HK"><head><title>{title}</title></head>'
        f'<body class="index"><h2 id="{PLACE}"{data}>{title}</h2>{sections}</body></html>'
    )


def _compose_section(section: Section, pages_of: Mapping[str, int]) -> str:
    terms = "".join(
        f"<li>{escape(term.name)}　"
        f'<span class="pages">{"、".join(_link_pages(term.anchors, pages_of))}</span></li>'
        for term in section.terms
        if any(anchor in pages_of for anchor in term.anchors)
    )
    heading = f"<h3>{escape(section.title)}</h3>"
    return f"<section>{heading}<ul>{terms}</ul></section>" if terms else ""


def _link_pages(anchors: Iterable[str], pages_of: Mapping[str, int]) -> list[str]:
    first_on: dict[int, str] = {}
    for anchor in anchors:
        if anchor in pages_of:
            first_on.setdefault(pages_of[anchor], anchor)
    return [f'<a href="#{escape(first_on[page])}">{page}</a>' for page in sorted(first_on)]


_TAG = re.compile(r"""(<(?:[^>"']|"[^"]*"|'[^']*')*>)""")  # > may stand in an attribute
_BLOCK = re.compile(r"<(?:p|li|h[1-6]|td|th|figcaption|caption)[ >]")
_CHARACTER = "&#?[0-9A-Za-z]+;"  # whole, or a term could be found within its name
_STARTS_A_WORD, _ENDS_A_WORD = re.compile(r"[0-9A-Za-z]"), re.compile(r"[0-9A-Za-z]$")


def mark_terms(html: str, terms: Sequence[str], *, prefix: str) -> tuple[str, dict[str, list[str]]]:
    """The HTML with each term's first place in a block made an anchor, and the anchors of each.

    A term that mark-up divides is not found. Where one term contains another, the longer is meant;
    AI is not found in MAIN.
    """
    found: dict[str, list[str]] = {term: [] for term in terms}
    if not terms:
        return html, found
    names = {written: term for term in terms for written in _write_escaped(term)}
    pattern = _make_pattern(names)
    seen: set[str] = set()  # within this block

    def mark(match: re.Match[str]) -> str:
        term = names.get(match[0], "")
        if not term or term in seen:
            return match[0]
        seen.add(term)
        anchor = f"{prefix}-{terms.index(term)}-{len(found[term])}"
        found[term].append(anchor)
        return f'<span id="{anchor}">{match[0]}</span>'

    pieces = _TAG.split(html)
    for place, piece in enumerate(pieces):
        if place % 2 == 0:
            pieces[place] = pattern.sub(mark, piece)
        elif _BLOCK.match(piece):
            seen.clear()
    return "".join(pieces), found


def _write_escaped(term: str) -> set[str]:
    """As Django writes it, and as the sanitised body does, which leaves quotation marks alone."""
    return {escape(term), escape(term, quote=False)}


def _make_pattern(names: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(names, key=lambda name: (-len(name), name))
    return re.compile("|".join([*map(_bound_word, longest_first), _CHARACTER]))


def _bound_word(name: str) -> str:
    before = "(?<![0-9A-Za-z])" if _STARTS_A_WORD.match(name) else ""
    after = "(?![0-9A-Za-z])" if _ENDS_A_WORD.search(name) else ""
    return before + re.escape(name) + after
