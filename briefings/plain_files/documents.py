"""An edition, and the whole archive, as JSON that tells its own schema."""

import datetime as dt
import json
from typing import Any

from django.utils import timezone
from ninja import Schema
from pydantic import Field

from briefings.api.schemas import (
    Author,
    CorrectionNote,
    ImprintText,
    NoteText,
    Source,
    Time,
    WithdrawnEntry,
)
from briefings.contexts import EditionContext, EntryContext, ThemeContext
from briefings.html import to_text
from briefings.models import Audience, Edition, Theme
from briefings.plain_files.places import Places, place_edition, place_theme

VERSION = 1


class ThemeFile(Schema):
    name: str
    file: str | None = Field(description="主題頁，由封存的根目錄計；沒有可讀短評的為 null")


class EntryPart(Schema):
    slug: str = Field(description="在網址中的名字，不會改變")
    number: int = Field(description="在本期中的次序，由 1 起")
    headline: str
    lead: list[str] = Field(description="導言，每段純文字")
    body_html: str = Field(description="短評，HTML；圖片和連結由本檔所在的資料夾計")
    body_text: str = Field(description="短評，純文字，每段一行")
    notes: list[NoteText] = Field(description="註腳")
    authors: list[Author]
    sources: list[Source]
    themes: list[ThemeFile]
    corrections: list[CorrectionNote] = Field(description="更正，最早的在前")
    url: str = Field(description="在網站上的網址")
    anchor: str = Field(description="在本期 index.html 中的位置")


class EditionDocument(Schema):
    version: int = Field(default=VERSION, description="本格式的版本；意思有變才加一")
    slug: str = Field(description="在網址中的名字，不會改變")
    number: int | None = Field(description="期號；沒有編號的為 null")
    label: str = Field(description="例如「第91期」")
    date: dt.date | None
    audience: Audience = Field(description="匯出時誰可以讀")
    published_at: Time
    url: str = Field(description="在網站上的網址")
    page: str = Field(default="index.html", description="網頁")
    pdf: str | None = Field(description="PDF；未能製成的為 null")
    entries: list[EntryPart]
    withdrawn: list[WithdrawnEntry] = Field(description="已撤回的短評原來的位置")
    imprint: ImprintText = Field(description="頁尾資料")


class EditionFile(Schema):
    slug: str
    number: int | None
    label: str
    date: dt.date | None
    file: str = Field(description="edition.json，由封存的根目錄計")


class ArchiveDocument(Schema):
    version: int = Field(default=VERSION, description="本格式的版本；意思有變才加一")
    publication: str
    english_name: str
    organisation: str
    department: str
    url: str = Field(description="網站")
    audience: Audience = Field(description="public：只有人人可讀的；members：連會員可讀的")
    editions: list[EditionFile] = Field(description="最新的在前")
    themes: list[ThemeFile]


def describe(edition: Edition, context: EditionContext, places: Places, pdf: str) -> dict[str, Any]:
    page = place_edition(edition.slug)
    slugs = dict(edition.entries.values_list("pk", "slug"))
    assert edition.published_at is not None  # noqa: S101  (it can be read)
    document = EditionDocument(
        slug=edition.slug,
        number=edition.number,
        label=context.label,
        date=edition.date,
        audience=Audience.MEMBERS if edition.is_for_members else Audience.PUBLIC,
        published_at=timezone.localtime(edition.published_at),
        url=context.url,
        pdf=pdf or None,
        entries=[
            _describe_entry(entry, slugs[entry.id], places, page) for entry in context.entries
        ],
        withdrawn=[WithdrawnEntry.of(entry) for entry in context.withdrawn],
        imprint=ImprintText.model_validate(context.imprint),
    )
    return document.model_dump(mode="json")


def _describe_entry(entry: EntryContext, slug: str, places: Places, page: str) -> EntryPart:
    return EntryPart(
        slug=slug,
        number=entry.number,
        headline=entry.headline,
        lead=list(entry.lead),
        body_html=places.lead_links(entry.shown_body, page),
        body_text=to_text(entry.body),
        notes=[
            NoteText(
                number=note.number,
                html=places.lead_links(note.content, page),
                text=to_text(note.content),
            )
            for note in entry.notes
        ],
        authors=[Author.model_validate(author) for author in entry.authors],
        sources=[Source.model_validate(source) for source in entry.sources],
        themes=[_link_theme(theme, places) for theme in entry.themes],
        corrections=[CorrectionNote.of(made) for made in entry.corrections],
        url=entry.url,
        anchor=entry.anchor,
    )


def _link_theme(theme: ThemeContext, places: Places) -> ThemeFile:
    there = places.find(theme.path)
    return ThemeFile(name=theme.name, file=there[0] if there else None)


def list_edition(edition: Edition) -> EditionFile:
    return EditionFile(
        slug=edition.slug,
        number=edition.number,
        label=edition.label,
        date=edition.date,
        file=place_edition(edition.slug).replace("index.html", "edition.json"),
    )


def list_theme(theme: Theme) -> ThemeFile:
    return ThemeFile(name=theme.name, file=place_theme(theme.slug))


def write_schema() -> bytes:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"短評封存，格式第 {VERSION} 版",
        "$defs": {
            "edition": EditionDocument.model_json_schema(),
            "archive": ArchiveDocument.model_json_schema(),
        },
    }
    return write_json(schema)


def write_json(value: Any) -> bytes:
    return f"{json.dumps(value, ensure_ascii=False, indent=2)}\n".encode()
