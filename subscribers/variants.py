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

from briefings.languages import ENGLISH, SIMPLIFIED, PageLanguage, lead_links_within, lead_within
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

    def write_line(self, line: str) -> str:
        """A subject, or another text without addresses, in the script."""
        return simplify(line) if self.is_simplified else line

    def write_text(self, text: str) -> str:
        """Plain text in the script; addresses of our pages lead to the pages in it."""
        if not self.is_simplified:
            return text
        ours = re.compile(rf"{re.escape(settings.SITE_URL)}/[^\s<>]*")
        return simplify(ours.sub(lambda found: lead_within(found[0], SIMPLIFIED), text))

    def write_html(self, html: str) -> str:
        """A whole document in the script; links to our pages lead to the pages in it."""
        if not self.is_simplified:
            return html
        return simplify_page(lead_links_within(html, SIMPLIFIED))


DEFAULT = Variant()


def propose_variant(page: PageLanguage) -> Variant:
    """For somebody who joins on a page in this language."""
    return Variant(
        Script.SIMPLIFIED if page is SIMPLIFIED else Script.TRADITIONAL,
        NoticeLanguage.ENGLISH if page is ENGLISH else NoticeLanguage.BOTH,
    )
