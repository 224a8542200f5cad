"""How a member reads: in which script, and in which language the mail speaks of itself.

The commentaries are Chinese in any case; what is put round them, and the notices that tell of a
subscription, go by the language. Hong Kong's Unsolicited Electronic Messages Regulation (Cap. 593A)
asks for both languages of whoever has not chosen one.
"""

import re
from dataclasses import dataclass

from django.conf import settings
from django.db.models import TextChoices
from django.utils.translation import gettext_noop

from briefings.languages import (
    ENGLISH,
    SIMPLIFIED,
    TRADITIONAL,
    PageLanguage,
    lead_links_within,
    lead_within,
)
from briefings.simplified import simplify, simplify_page


class Script(TextChoices):
    TRADITIONAL = "hant", gettext_noop("繁體")
    SIMPLIFIED = "hans", gettext_noop("簡體")


class NoticeLanguage(TextChoices):
    BOTH = "both", gettext_noop("中英對照")
    CHINESE = "zh", gettext_noop("中文")
    ENGLISH = "en", gettext_noop("英文")


@dataclass(frozen=True)
class Variant:
    script: Script = Script.TRADITIONAL
    language: NoticeLanguage = NoticeLanguage.BOTH
    with_pdf: bool = False

    @property
    def in_chinese(self) -> bool:
        return self.language != NoticeLanguage.ENGLISH

    @property
    def in_english(self) -> bool:
        return self.language != NoticeLanguage.CHINESE

    @property
    def is_simplified(self) -> bool:
        return self.script == Script.SIMPLIFIED

    @property
    def archive_language(self) -> PageLanguage:
        """Of the archive's pages, where script comes first: English ones have Traditional texts."""
        if self.is_simplified:
            return SIMPLIFIED
        return TRADITIONAL if self.in_chinese else ENGLISH

    @property
    def page_language(self) -> PageLanguage:
        """Of the member's own pages."""
        return self.archive_language if self.in_chinese else ENGLISH

    def write_line(self, line: str) -> str:
        """A subject, or another text without addresses, in the script."""
        return simplify(line) if self.is_simplified else line

    def write_text(self, text: str) -> str:
        """Plain text in the script; addresses of our pages lead to the pages of this variant."""
        if self.archive_language is TRADITIONAL:
            return text
        ours = re.compile(rf"{re.escape(settings.SITE_URL)}/[^\s<>]*")
        led = ours.sub(lambda found: lead_within(found[0], self.archive_language), text)
        return self.write_line(self._lead_slots(led))

    def write_html(self, html: str) -> str:
        """A whole document in the script; links to our pages lead to the pages of this variant."""
        if self.archive_language is TRADITIONAL:
            return html
        led = self._lead_slots(lead_links_within(html, self.archive_language))
        return simplify_page(led) if self.is_simplified else led

    def _lead_slots(self, text: str) -> str:
        """[[preferences]] becomes [[/en/preferences]]: a copy that is built again, when its member
        has chosen otherwise since, leads where it led.
        """
        return _LINK_SLOT.sub(self._lead_slot, text)

    def _lead_slot(self, slot: re.Match[str]) -> str:
        language = self.archive_language if slot[1] in _TO_THE_ARCHIVE else self.page_language
        return f"[[{language.prefix}/{slot[1]}"


_LINK_SLOT = re.compile(r"\[\[(preferences|unsubscribe|mail|enter)\b")
_TO_THE_ARCHIVE = frozenset(("mail", "enter"))

DEFAULT = Variant()


def propose_variant(page: PageLanguage) -> Variant:
    """For somebody who joins on a page in this language."""
    return Variant(
        Script.SIMPLIFIED if page is SIMPLIFIED else Script.TRADITIONAL,
        NoticeLanguage.ENGLISH if page is ENGLISH else NoticeLanguage.BOTH,
    )
