"""Names of bodies, laws and programmes by the editors' glossary. Quotations are exempt."""

import re
from collections.abc import Iterator

from briefings.house_style.blocks import Block, Text
from briefings.house_style.findings import Field, Finding, Severity
from briefings.house_style.glossary import Glossary, Term

_MANY_CAPITALS = re.compile(r"(?<![A-Za-z0-9&'.-])[A-Z][A-Z0-9&]{1,9}(?![A-Za-z0-9&'])")
# Said in full right there: 世界貿易組織（WTO）, or GDP（本地生產總值）.
_EXPLAINED = re.compile(r"[」』”]?[）)]|[（(]")
_LATIN_BEFORE = re.compile(r"[A-Za-z][,;:]? $")
_LATIN_AFTER = re.compile(r" [A-Za-z]")
_LATIN_NUMBER = re.compile("[IVX]+")


def find_discouraged_wordings(text: Text, glossary: Glossary) -> Iterator[Finding]:
    for block in text.blocks:
        for use in glossary.find_uses(block.text):
            if use.is_discouraged and not block.is_quoted(use.start):
                is_bare = use.term.is_law and not block.is_in_title(use.start)
                name = _write_title(use.term) if is_bare else use.term.bare_name
                yield block.report(
                    "discouraged",
                    Severity.WARNING,
                    use.start,
                    use.end,
                    f"按詞彙表，應寫「{name}」。",
                    name,
                )


def find_bare_law_titles(text: Text, glossary: Glossary) -> Iterator[Finding]:
    for block in text.blocks:
        for use in glossary.find_uses(block.text):
            name = block.text[use.start : use.end]
            is_exempt = block.is_quoted(use.start) or block.is_in_title(use.start)
            if use.term.is_law and name == use.term.bare_name and not is_exempt:
                yield block.report(
                    "law-title",
                    Severity.WARNING,
                    use.start,
                    use.end,
                    "法例和草案的全稱用書名號《》。",
                    _write_title(use.term),
                )


def _write_title(term: Term) -> str:
    return f"《{term.bare_name}》"


def find_undefined_abbreviations(text: Text, glossary: Glossary) -> Iterator[Finding]:
    """Each once, where the text first uses it. A headline may leave the full name to the text."""
    told = set()
    below_headline = sorted(text.blocks, key=lambda block: block.field == Field.HEADLINE)
    for block in below_headline:
        for match in _MANY_CAPITALS.finditer(block.text):
            name = match[0]
            if name in told or glossary.knows(name) or not _is_abbreviation(block, match):
                continue
            told.add(name)
            if not _EXPLAINED.match(block.text, match.end()):
                yield block.report(
                    "abbreviation",
                    Severity.SUGGESTION,
                    *match.span(),
                    f"首次提到「{name}」，宜先寫全名：「全名（{name}）」；人所共知的可加入詞彙表。",
                )


def _is_abbreviation(block: Block, match: re.Match[str]) -> bool:
    """Rather than a number, part of an address, or a word of an English sentence."""
    before = block.text[max(0, match.start() - 3) : match.start()]
    return (
        sum(map(str.isalpha, match[0])) > 1
        and not _LATIN_NUMBER.fullmatch(match[0])
        and not block.is_in_address(match.start())
        and not _LATIN_BEFORE.search(before)
        and not _LATIN_AFTER.match(block.text, match.end())
    )
