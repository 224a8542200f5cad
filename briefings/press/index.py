"""The index at a bound volume's end: terms, and the pages on which the layout put them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Self


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
        return cls(given["title"], sections)


def compose_index(index: Index, pages_of: Mapping[str, int]) -> str:
    """A document of its own; a page that a term stands on twice is named once."""
    sections = "".join(_compose_section(section, pages_of) for section in index.sections)
    return (
        f'<!doctype html><html lang="zh-HK"><head><title>{escape(index.title)}</title></head>'
        f'<body class="index"><h2 data-title="{escape(index.title)}" data-bookmark='
        f'"{escape(index.title)}">{escape(index.title)}</h2>{sections}</body></html>'
    )


def _compose_section(section: Section, pages_of: Mapping[str, int]) -> str:
    terms = "".join(
        f'<li><span class="term">{escape(term.name)}</span>　'
        f"{'、'.join(_link_pages(term.anchors, pages_of))}</li>"
        for term in section.terms
        if any(anchor in pages_of for anchor in term.anchors)
    )
    return f"<h3>{escape(section.title)}</h3><ul>{terms}</ul>" if terms else ""


def _link_pages(anchors: Iterable[str], pages_of: Mapping[str, int]) -> list[str]:
    first_on: dict[int, str] = {}
    for anchor in anchors:
        if anchor in pages_of:
            first_on.setdefault(pages_of[anchor], anchor)
    return [f'<a href="#{escape(first_on[page])}">{page}</a>' for page in sorted(first_on)]


_TAG = re.compile(r"(<[^>]*>)")
_BLOCK = re.compile(r"<(?:p|li|h[1-6]|td|th|figcaption|caption)[ >]")


def mark_terms(html: str, terms: Sequence[str], *, prefix: str) -> tuple[str, dict[str, list[str]]]:
    """The HTML with each term's first place in a block made an anchor, and the anchors of each.

    A term that mark-up divides is not found. Where one term contains another, the longer is meant.
    """
    found: dict[str, list[str]] = {term: [] for term in terms}
    if not terms:
        return html, found
    names = {escape(term): term for term in sorted(terms, key=len, reverse=True)}
    pattern = re.compile("|".join(map(re.escape, names)))
    seen: set[str] = set()  # within this block

    def mark(match: re.Match[str]) -> str:
        term = names[match[0]]
        if term in seen:
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
