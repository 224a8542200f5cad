from briefings.house_style import accessibility, names, punctuation, wordings
from briefings.house_style.blocks import read_text
from briefings.house_style.findings import Field, Finding
from briefings.house_style.glossary import Glossary
from briefings.html import clean_html

RULES = (
    wordings.find_simplified,
    wordings.find_variants,
    wordings.find_foreign_words,
    punctuation.find_half_width_marks,
    punctuation.find_half_width_parentheses,
    punctuation.find_curly_quotes,
    punctuation.find_unbalanced_brackets,
    punctuation.find_repeated_marks,
    punctuation.find_spaces,
    punctuation.find_dashes,
    punctuation.find_ellipses,
    punctuation.find_full_width_digits,
    names.find_discouraged_wordings,
    names.find_bare_law_titles,
    names.find_undefined_abbreviations,
    accessibility.find_pictures_without_words,
    accessibility.find_unclear_links,
    accessibility.find_heading_faults,
    accessibility.find_tables_without_header,
)
_ORDER = list(Field)


def check_style(headline: str, lead: str, body: str, glossary: Glossary) -> list[Finding]:
    """Everything worth an editor's look, in the order of the text; `body` is HTML.

    Takes time in proportion to the text's length.
    """
    text = read_text(headline, lead, clean_html(body))
    findings = [finding for rule in RULES for finding in rule(text, glossary)]
    return sorted(findings, key=_find_place)


def _find_place(finding: Finding) -> tuple[int, bool, int, int]:
    """Things without text, counted on their own, come behind the text."""
    return (
        _ORDER.index(finding.field),
        finding.element != "",
        finding.block,
        finding.start,
    )
