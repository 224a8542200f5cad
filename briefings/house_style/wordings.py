"""Characters and words that Hong Kong, or this house, writes otherwise. Quotations are exempt."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from briefings.house_style.blocks import Block, Text, read_table
from briefings.house_style.findings import Finding, Severity
from briefings.house_style.glossary import Glossary, compile_words
from briefings.search.tokens import HAN

_HERE = Path(__file__).parent
_MOST_BETWEEN = 4  # characters between Simplified ones that are reported as one place
_MOST_FORMS = 3


def _read(name: str) -> list[list[str]]:
    return list(read_table((_HERE / name).read_text("utf-8")))


# ---------------------------------------------------------------------------------- Simplified
_TRADITIONAL = {line[0][0]: line[0][2:] for line in _read("simplified.txt")}
_SIMPLIFIED = f"[{''.join(_TRADITIONAL)}]"
_SIMPLIFIED_RUN = re.compile(f"{_SIMPLIFIED}(?:{HAN}{{0,{_MOST_BETWEEN}}}?{_SIMPLIFIED})*")


def find_simplified(text: Text, glossary: Glossary) -> Iterator[Finding]:
    for block in text.blocks:
        names = _list_names(block, glossary)
        for match in _SIMPLIFIED_RUN.finditer(block.text):
            if not block.is_quoted(match.start()) and match.start() not in names:
                yield block.report(
                    "simplified",
                    Severity.ERROR,
                    *match.span(),
                    "簡體字。",
                    *_write_traditional(match[0]),
                )


def _write_traditional(simplified: str) -> list[str]:
    """Each character by its likeliest form; where one alone is in doubt, the others as well."""
    forms = [_TRADITIONAL.get(character, character) for character in simplified]
    likeliest = [form[0] for form in forms]
    in_doubt = [place for place, form in enumerate(forms) if len(form) > 1]
    written = ["".join(likeliest)]
    if len(in_doubt) == 1:
        [place] = in_doubt
        before, after = "".join(likeliest[:place]), "".join(likeliest[place + 1 :])
        written += [f"{before}{form}{after}" for form in forms[place][1:_MOST_FORMS]]
    return written


# ------------------------------------------------------------------------------------ variants
@dataclass(frozen=True)
class VariantGroup:
    forms: tuple[str, ...]  # the house's first
    has_house_form: bool

    def choose_form(self, counts: Counter[str]) -> str:
        """What the whole text should keep to."""
        if self.has_house_form:
            return self.forms[0]
        return max(self.forms, key=lambda form: counts[form])


def _read_variants() -> tuple[dict[str, VariantGroup], list[str]]:
    """The group of each form, and words in which a form is right whatever the house prefers."""
    groups: dict[str, VariantGroup] = {}
    exceptions: list[str] = []
    for forms, *rest in _read("variants.txt"):
        group = VariantGroup(tuple(forms.lstrip("~").split()), not forms.startswith("~"))
        groups |= dict.fromkeys(group.forms, group)
        exceptions += rest[0].split() if rest else []
    return groups, exceptions


_GROUPS, _RIGHT_AS_THEY_ARE = _read_variants()
_VARIANT = compile_words([*_GROUPS, *_RIGHT_AS_THEY_ARE])


def find_variants(text: Text, glossary: Glossary) -> Iterator[Finding]:
    uses = list(_list_variants(text, glossary))
    counts = Counter(match[0] for _, match in uses)
    used = defaultdict(list)
    for form in counts:
        used[_GROUPS[form]].append(form)
    for block, match in uses:
        group = _GROUPS[match[0]]
        form = group.choose_form(counts)
        if match[0] != form:
            yield block.report(
                "variant",
                Severity.WARNING if len(used[group]) > 1 else Severity.SUGGESTION,
                *match.span(),
                _explain_variant(group, used[group], form),
                form,
            )


def _explain_variant(group: VariantGroup, used: list[str], form: str) -> str:
    if len(used) == 1:
        return f"本刊用「{form}」。"
    together = "".join(f"「{one}」" for one in group.forms if one in used)
    return f"同一篇{together}並用，宜統一為「{form}」。"


def _list_variants(text: Text, glossary: Glossary) -> Iterator[tuple[Block, re.Match[str]]]:
    assert _VARIANT is not None  # noqa: S101  (the table isn't empty)
    for block in text.blocks:
        names = _list_names(block, glossary)
        for match in _VARIANT.finditer(block.text):
            is_free = match[0] in _GROUPS and match.start() not in names
            is_others = block.is_quoted(match.start()) or block.is_in_title(match.start())
            if is_free and not is_others:
                yield block, match


# --------------------------------------------------------------------- the Mainland and Taiwan
_HONG_KONG = {line[0]: line[1].split(" ") for line in _read("mainland.txt")}
_RIGHT_WITHIN = [word for line in _read("mainland.txt") for word in " ".join(line[2:]).split()]
_FOREIGN = compile_words(list({*_HONG_KONG, *_RIGHT_WITHIN}))


def find_foreign_words(text: Text, glossary: Glossary) -> Iterator[Finding]:
    assert _FOREIGN is not None  # noqa: S101  (the table isn't empty)
    for block in text.blocks:
        names = _list_names(block, glossary)
        for match in _FOREIGN.finditer(block.text):
            words = _HONG_KONG.get(match[0])
            place = match.start()
            is_others = block.is_quoted(place) or block.is_in_title(place) or place in names
            if words and not is_others:
                yield block.report(
                    "foreign-word",
                    Severity.SUGGESTION,
                    *match.span(),
                    f"「{match[0]}」不是香港用語，香港多說{_list_words(words)}。",
                    *words,
                )


def _list_words(words: list[str]) -> str:
    return "或".join(f"「{word}」" for word in words)


def _list_names(block: Block, glossary: Glossary) -> set[int]:
    """Places within what the glossary has as right."""
    return {
        place
        for use in glossary.find_uses(block.text)
        if not use.is_discouraged
        for place in range(use.start, use.end)
    }
