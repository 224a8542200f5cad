"""The texts of an entry that readers had before them, one after another, each to be cited.

The first is the text as it came out; each correction makes the next. A text that was replaced
before the public could read it (of a members-first edition, or while the entry was withdrawn) was
never theirs, and is nowhere shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import pairwise

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from reversion.models import Version

from briefings.contexts import AuthorContext, CorrectionContext, EntryContext, SourceContext
from briefings.html import clean_html, to_text
from briefings.models import Entry

MOST_LOOKED_AT = 50  # recorded versions; reading one takes some milliseconds


@dataclass(frozen=True)
class PublishedVersion:
    entry_id: int
    number: int
    since: datetime
    until: datetime | None  # None of the text that stands now
    note: str  # of the correction that made it

    @property
    def day(self) -> date:
        return timezone.localdate(self.since)

    @property
    def last_day(self) -> date | None:
        return timezone.localdate(self.until) if self.until else None

    @property
    def path(self) -> str:
        return reverse("briefings:entry_version", args=[self.entry_id, self.number])


def list_versions(entry: EntryContext, opened_at: datetime | None) -> list[PublishedVersion]:
    """Those that the public could once read, the oldest first; of an entry that they can read,
    since `opened_at`.
    """
    if opened_at is None:
        return []
    corrections: list[CorrectionContext | None] = [None, *entry.corrections, None]
    return [
        PublishedVersion(
            entry_id=entry.id,
            number=number,
            since=max(opened_at, made.made_at) if made else opened_at,
            until=ended.made_at if ended else None,
            note=made.note if made else "",
        )
        for number, (made, ended) in enumerate(pairwise(corrections), start=1)
        if ended is None or ended.was_public
    ]


def describe_version(entry: Entry, now: EntryContext, number: int) -> EntryContext:
    """The entry as it stood then, with the corrections that had been made by then.

    `number` is of one that was corrected since. The words are those that the correction replaced;
    their format is that of the recorded version with the same words, or plain paragraphs where
    there is none. Themes are no part of a text.
    """
    ended = now.corrections[number - 1]
    text = ended.before
    body = _find_body(entry, text["body"], ended.made_at)
    return replace(
        now,
        headline=text["headline"],
        lead=tuple(line.strip() for line in text["lead"].splitlines() if line.strip()),
        body=body or _write_paragraphs(text["body"].splitlines()),
        authors=tuple(AuthorContext(author, "") for author in text["authors"]),
        sources=tuple(SourceContext(source, "", "", None) for source in text["sources"]),
        corrections=now.corrections[: number - 1],
    )


def _find_body(entry: Entry, words: str, before: datetime) -> SafeString | None:
    recorded = Version.objects.get_for_object(entry).filter(revision__date_created__lte=before)
    for version in recorded.order_by("-pk")[:MOST_LOOKED_AT]:
        body = version.field_dict["body"]
        if to_text(body) == words:
            return mark_safe(clean_html(body))  # noqa: S308  (by the allow-list of today)
    return None


def _write_paragraphs(lines: Sequence[str]) -> SafeString:
    return format_html_join("", "<p>{}</p>", ((line,) for line in lines if line))
