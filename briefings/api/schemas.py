"""What the API says, built upon the same contexts as page, PDF and mail.

Times are of Hong Kong with their offset; a web address is always the site's own and whole.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from ninja import Schema
from pydantic import Field

from briefings import hits
from briefings.contexts import (
    CORRECTED_PARTS,
    CorrectionContext,
    EditionContext,
    EntryContext,
    ThemeContext,
    WithdrawnContext,
    absolute_url,
)
from briefings.feeds import changed_at, opened_at
from briefings.html import carry_pictures, to_text
from briefings.models import Edition, Entry, Publication, Theme
from briefings.phrases import Appearance
from briefings.search.occurrences import PeriodCount, Unit

Time = Annotated[dt.datetime, Field(description="香港時間，ISO 8601 連時區")]


def api_url(name: str, *args: str) -> str:
    return absolute_url(reverse(f"briefings:api:{name}", args=args))


class WrongParameter(Schema):
    name: str
    reason: str


class Problem(Schema):
    """RFC 9457。"""

    type: str = Field("about:blank", description="一律為 about:blank：狀態碼已說明問題")
    title: str = Field(description="英文，狀態碼的名稱")
    status: int
    detail: str = Field(description="中文說明")
    errors: list[WrongParameter] = Field(default=[], description="不合規格的參數")


class Withdrawal(Problem):
    withdrawn_at: Time | None
    note: str = Field(description="撤回說明，可以是空的")


class ThemeLink(Schema):
    name: str
    url: str = Field(description="網頁")

    @classmethod
    def of(cls, theme: ThemeContext) -> "ThemeLink":
        return cls(name=theme.name, url=absolute_url(theme.path))


class ThemeSummary(Schema):
    slug: str
    name: str
    description: str
    entries: int = Field(description="有多少篇公開的短評")
    url: str = Field(description="網頁")
    api_url: str

    @classmethod
    def of(cls, theme: Theme) -> "ThemeSummary":
        """`theme` with its `entry_count`."""
        return cls(
            slug=theme.slug,
            name=theme.name,
            description=theme.description,
            entries=theme.entry_count,
            url=absolute_url(theme.get_absolute_url()),
            api_url=api_url("theme", theme.slug),
        )


class ThemeDetail(ThemeSummary):
    aliases: list[str] = Field(description="別稱")
    entries_url: str = Field(description="本主題的短評")
    feed_url: str = Field(description="Atom")

    @classmethod
    def of(cls, theme: Theme) -> "ThemeDetail":
        return cls(
            **ThemeSummary.of(theme).model_dump(),
            aliases=[alias.name for alias in theme.aliases.all()],
            entries_url=f"{api_url('entries')}?theme={theme.slug}",
            feed_url=absolute_url(reverse("briefings:theme_feed_atom", args=[theme.slug])),
        )


class EditionLink(Schema):
    slug: str
    number: int | None = Field(description="期號；沒有編號的為 null")
    label: str = Field(description="例如「第91期」")
    date: dt.date | None
    url: str = Field(description="網頁")
    pdf_url: str
    api_url: str

    @classmethod
    def of(cls, edition: Edition) -> "EditionLink":
        path = edition.get_absolute_url()
        return cls(
            slug=edition.slug,
            number=edition.number,
            label=edition.label,
            date=edition.date,
            url=absolute_url(path),
            pdf_url=absolute_url(f"{path.rstrip('/')}.pdf"),
            api_url=api_url("edition", edition.slug),
        )


class EntryLink(Schema):
    slug: str
    headline: str
    url: str = Field(description="網頁")
    api_url: str

    @classmethod
    def of(cls, entry: Entry) -> "EntryLink":
        return cls(**_link_entry(entry))


def _link_entry(entry: Entry) -> dict[str, Any]:
    return {
        "slug": entry.slug,
        "headline": entry.headline,
        "url": absolute_url(entry.get_absolute_url()),
        "api_url": api_url("entry", entry.slug),
    }


class EditionSummary(EditionLink):
    entries: list[EntryLink]

    @classmethod
    def of(cls, edition: Edition) -> "EditionSummary":
        """`edition` with its `placed_entries`."""
        link = EditionLink.of(edition).model_dump()
        placed: Sequence[Entry] = edition.placed_entries  # type: ignore[attr-defined]
        public = [entry for entry in placed if not entry.withdrawn_at]
        return cls(**link, entries=[EntryLink.of(entry) for entry in public])


class EntrySummary(EntryLink):
    lead: str = Field(description="導言，純文字")
    themes: list[ThemeLink]
    edition: EditionLink
    published_at: Time
    modified_at: Time

    @classmethod
    def of(cls, entry: Entry) -> "EntrySummary":
        """Costs no query if themes, corrections and the edition were fetched with it."""
        themes = [ThemeContext(t.name, t.get_absolute_url()) for t in entry.themes.all()]
        return cls(
            **_link_entry(entry),
            lead=entry.lead,
            themes=[ThemeLink.of(theme) for theme in themes],
            edition=EditionLink.of(_edition_of(entry)),
            **_date(entry),
        )


def _edition_of(entry: Entry) -> Edition:
    assert entry.edition is not None  # noqa: S101  (or nobody could read it)
    return entry.edition


def _date(entry: Entry) -> dict[str, Any]:
    return {
        "published_at": timezone.localtime(opened_at(entry)),
        "modified_at": timezone.localtime(changed_at(entry)),
    }


class Hit(EntrySummary):
    headline_html: str = Field(description="標題，命中的字在 <mark> 之內")
    snippet_html: str = Field(description="原文片段，命中的字在 <mark> 之內")

    @classmethod
    def of_hit(cls, hit: hits.Hit, entry: Entry) -> "Hit":
        summary = EntrySummary.of(entry).model_dump()
        return cls(**summary, headline_html=hit.headline, snippet_html=hit.snippet)


class Author(Schema):
    name: str
    post: str = Field(description="職銜，可以是空的")


class Source(Schema):
    title: str
    publisher: str
    url: str
    published_on: dt.date | None


class NoteText(Schema):
    number: int
    html: str
    text: str


class CorrectionNote(Schema):
    made_at: Time
    note: str
    parts: list[str] = Field(description="改動了哪些部分：標題、導言、短評、資料來源、作者")

    @classmethod
    def of(cls, made: CorrectionContext) -> "CorrectionNote":
        parts = [
            label
            for part, label in CORRECTED_PARTS.items()
            if made.before.get(part) != made.after.get(part)
        ]
        return cls(made_at=timezone.localtime(made.made_at), note=made.note, parts=parts)


class EntryText(Schema):
    """An entry as it stands in its edition."""

    slug: str
    number: int = Field(description="在本期中的次序，由 1 起")
    headline: str
    lead: list[str] = Field(description="導言，每段純文字")
    body_html: str = Field(description="短評，HTML；圖片用完整網址，註腳在原處有號碼")
    body_text: str = Field(description="短評，純文字，每段一行")
    notes: list[NoteText] = Field(description="註腳")
    authors: list[Author]
    sources: list[Source]
    themes: list[ThemeLink]
    corrections: list[CorrectionNote] = Field(description="更正，最早的在前")
    published_at: Time
    modified_at: Time
    url: str = Field(description="網頁")
    api_url: str

    @classmethod
    def of(cls, context: EntryContext, entry: Entry) -> "EntryText":
        """`entry` tells its dates, with its corrections prefetched."""
        return cls(**_tell(context, entry))


def _tell(context: EntryContext, entry: Entry) -> dict[str, Any]:
    return {
        "slug": entry.slug,
        "number": context.number,
        "headline": context.headline,
        "lead": list(context.lead),
        "body_html": carry_pictures(context.shown_body, settings.SITE_URL),
        "body_text": to_text(context.body),
        "notes": [
            NoteText(number=note.number, html=note.content, text=to_text(note.content))
            for note in context.notes
        ],
        "authors": [Author.model_validate(author) for author in context.authors],
        "sources": [Source.model_validate(source) for source in context.sources],
        "themes": [ThemeLink.of(theme) for theme in context.themes],
        "corrections": [CorrectionNote.of(made) for made in context.corrections],
        "url": context.url,
        "api_url": api_url("entry", entry.slug),
        **_date(entry),
    }


class EntryDetail(EntryText):
    edition: EditionLink

    @classmethod
    def of(cls, context: EntryContext, entry: Entry) -> "EntryDetail":
        return cls(**_tell(context, entry), edition=EditionLink.of(_edition_of(entry)))


class WithdrawnEntry(Schema):
    """The place of an entry that was withdrawn by itself."""

    number: int
    withdrawn_at: Time
    note: str

    @classmethod
    def of(cls, withdrawn: WithdrawnContext) -> "WithdrawnEntry":
        moment = timezone.localtime(withdrawn.withdrawn_at)
        return cls(number=withdrawn.number, withdrawn_at=moment, note=withdrawn.note)


class ImprintText(Schema):
    notice: str
    telephone: str
    fax: str
    email: str


class EditionDetail(EditionLink):
    published_at: Time
    entries: list[EntryText]
    withdrawn: list[WithdrawnEntry] = Field(description="已撤回的短評原來的位置")
    imprint: ImprintText = Field(description="頁尾資料")

    @classmethod
    def of_context(
        cls, context: EditionContext, edition: Edition, rows: dict[int, Entry]
    ) -> "EditionDetail":
        """`rows` has the row of each entry by its key, unless it was withdrawn meanwhile."""
        return cls(
            **EditionLink.of(edition).model_dump(),
            published_at=timezone.localtime(edition.opened_at),
            entries=[
                EntryText.of(entry, row) for entry in context.entries if (row := rows.get(entry.id))
            ],
            withdrawn=[WithdrawnEntry.of(entry) for entry in context.withdrawn],
            imprint=ImprintText.model_validate(context.imprint),
        )


class PublicationText(Schema):
    name: str
    english_name: str
    tagline: str
    organisation: str
    department: str
    url: str = Field(description="網站首頁")
    documentation_url: str
    openapi_url: str
    editions_url: str
    entries_url: str
    themes_url: str
    search_url: str
    phrases_url: str

    @classmethod
    def of(cls, publication: Publication) -> "PublicationText":
        return cls(
            name=publication.name,
            english_name=publication.english_name,
            tagline=publication.tagline,
            organisation=publication.organisation,
            department=publication.department,
            url=absolute_url(reverse("briefings:home")),
            documentation_url=absolute_url(reverse("briefings:api_guide")),
            openapi_url=api_url("openapi-json"),
            editions_url=api_url("editions"),
            entries_url=api_url("entries"),
            themes_url=api_url("themes"),
            search_url=api_url("search"),
            phrases_url=api_url("phrases"),
        )


class Page(Schema):
    total: int = Field(description="共有多少項")
    page: int
    pages: int = Field(description="共有多少頁，最少一頁")
    next: str | None = Field(description="下一頁的網址")
    previous: str | None = Field(description="上一頁的網址")


class EditionPage(Page):
    items: list[EditionSummary]


class EntryPage(Page):
    items: list[EntrySummary]


class ThemePage(Page):
    items: list[ThemeSummary]


class ThemeCount(Schema):
    slug: str
    name: str
    entries: int


class YearCount(Schema):
    year: int
    entries: int


class AuthorCount(Schema):
    name: str
    entries: int


class HitPage(Page):
    is_cut: bool = Field(description="字詞太長，只搜尋了前面的部分")
    unknown: list[str] = Field(description="字詞中沒有所指的條件，例如沒有這位作者的 author:")
    also: list[str] = Field(description="按詞彙表一併尋找的其他說法")
    themes: list[ThemeCount] = Field(description="改選各主題會找到多少篇，其他條件不變")
    years: list[YearCount] = Field(description="改選各年份會找到多少篇，其他條件不變")
    authors: list[AuthorCount] = Field(description="改選各作者會找到多少篇，其他條件不變")
    items: list[Hit]


class PeriodText(Schema):
    year: int
    quarter: int | None = Field(description="第幾季；按年計的為 null")
    entries: int = Field(description="提到的短評")
    occurrences: int = Field(description="出現次數")
    published: int = Field(description="這段時間共有多少篇短評")

    @classmethod
    def of(cls, count: PeriodCount) -> "PeriodText":
        return cls(
            year=count.period.year,
            quarter=count.period.quarter or None,
            entries=count.entries,
            occurrences=count.occurrences,
            published=count.published,
        )


class OccurrenceText(Schema):
    """The phrase with the words round it."""

    before: str
    match: str = Field(description="原文的字，可與所問的寫法不同")
    after: str
    headline: str
    date: dt.date | None = Field(description="出版的日期")
    url: str = Field(description="網頁")
    api_url: str

    @classmethod
    def of(cls, appearance: Appearance) -> "OccurrenceText":
        entry = appearance.entry
        return cls(
            **appearance.context._asdict(),
            headline=entry.headline,
            date=_edition_of(entry).date,
            url=absolute_url(entry.get_absolute_url()),
            api_url=api_url("entry", entry.slug),
        )


class PhrasePage(Page):
    """A phrase's history, with a page of its occurrences."""

    phrase: str
    entries: int = Field(description="多少篇短評提到")
    unit: Unit = Field(description="按季或按年")
    first: OccurrenceText | None = Field(description="首次出現的句子；沒有出現過的為 null")
    periods: list[PeriodText] = Field(description="由首期到末期，沒有提到的亦在內")
    items: list[OccurrenceText] = Field(description="各次出現的上下文，最早的在前")
