"""Bound volumes: `Volume` → a frozen description → what the press prints."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe

from briefings.contexts import (
    DESCRIBED,
    EntryContext,
    ImprintContext,
    describe_entry,
    describe_imprint,
)
from briefings.models import CAME_OUT, Edition, Entry, Imprint, Publication, Volume
from briefings.pdf import compose_document
from briefings.press.client import PrintedDocument
from briefings.press.index import Index, Section, Term, mark_terms

CHARACTERS_A_PAGE = 900  # of editions as they are; for a progress bar, nothing else


@dataclass(frozen=True)
class BoundEdition:
    """What a volume has of one edition."""

    label: str
    date: str
    anchor: str
    entries: tuple[EntryContext, ...]


@dataclass(frozen=True)
class VolumeContext:
    title: str
    years: str
    theme: str
    preface: tuple[str, ...]
    phrases: tuple[str, ...]
    publication: Publication
    imprint: ImprintContext
    editions: tuple[BoundEdition, ...]

    @property
    def entries(self) -> Iterator[EntryContext]:
        return (entry for edition in self.editions for entry in edition.entries)

    @property
    def extent(self) -> str:
        return f"{len(self.editions)}期，{sum(1 for _ in self.entries)}篇短評"

    @property
    def expected_pages(self) -> int:
        """A guess, never 0."""
        characters = sum(len(e.body) + sum(map(len, e.lead)) for e in self.entries)
        return characters // CHARACTERS_A_PAGE + len(self.editions) // 2 + 3


def _choose_imprint() -> Imprint:
    """The default one; where an editor has left none to be it, the newest."""
    return Imprint.objects.order_by("-is_default", "-pk")[0]


def describe_volume(volume: Volume) -> VolumeContext:
    """Some ten queries, however much is in it."""
    entries = volume.list_entries().select_related("edition").prefetch_related(*DESCRIBED)
    numbers = _number_entries(volume)
    return VolumeContext(
        title=volume.title,
        years=volume.years,
        theme=volume.theme.name if volume.theme else "",
        preface=tuple(line.strip() for line in volume.preface.splitlines() if line.strip()),
        phrases=tuple(volume.list_phrases()),
        publication=Publication.load(),
        imprint=describe_imprint(_choose_imprint(), is_for_public=True),
        editions=tuple(
            _describe_bound(edition, list(group), numbers)
            for edition, group in groupby(entries, key=lambda entry: entry.edition)
            if edition
        ),
    )


def _number_entries(volume: Volume) -> dict[int, int]:
    """Each entry's number within its own edition, as readers of the edition know it."""
    editions = volume.list_entries().order_by().values("edition")
    rows = (
        Entry.objects.filter(edition__in=editions, state__in=CAME_OUT)
        .order_by("edition", "position", "pk")
        .values_list("edition", "pk")
    )
    return {
        pk: number
        for _, group in groupby(rows, key=lambda row: row[0])
        for number, (_, pk) in enumerate(group, start=1)
    }


def _describe_bound(
    edition: Edition, entries: list[Entry], numbers: dict[int, int]
) -> BoundEdition:
    day = f"{edition.date.year}年{edition.date.month}月{edition.date.day}日" if edition.date else ""
    described = tuple(describe_entry(entry, numbers[entry.pk]) for entry in entries)
    return BoundEdition(edition.label, day, f"edition-{edition.pk}", described)


def compose_volume(volume: VolumeContext) -> PrintedDocument:
    """The book as HTML, its phrases marked where they stand, and the index of their places."""
    anchors: dict[str, list[str]] = {phrase: [] for phrase in volume.phrases}
    articles = {}
    for entry in volume.entries:
        article = render_to_string(
            "briefings/pdf/entry.html", {"entry": entry, "anchor": name_anchor(entry)}
        )
        # Not where an entry's themes are named: those have a part of the index to themselves.
        text, start, named = article.partition('<p class="themes">')
        marked, found = mark_terms(text, volume.phrases, prefix=f"phrase-{entry.id}")
        articles[entry.id] = mark_safe(marked + start + named)  # noqa: S308  (only spans are new)
        for phrase, places in found.items():
            anchors[phrase] += places
    index = _compose_index(volume, anchors)
    html = render_to_string(
        "briefings/pdf/volume.html",
        {
            "volume": volume,
            "articles": articles,
            "has_index": index is not None,
            "site_url": settings.SITE_URL,
        },
    )
    document = compose_document(html, more_css=render_to_string("briefings/pdf/volume.css"))
    return replace(document, index=index)


def name_anchor(entry: EntryContext) -> str:
    return f"bound-{entry.id}"


def _compose_index(volume: VolumeContext, anchors: dict[str, list[str]]) -> Index | None:
    themes: dict[str, list[str]] = {}
    for entry in volume.entries:
        for theme in entry.themes:
            themes.setdefault(theme.name, []).append(name_anchor(entry))
    sections = (
        Section("政策主題", tuple(Term(n, tuple(themes[n])) for n in sorted(themes))),
        Section("字詞", tuple(Term(p, tuple(found)) for p, found in anchors.items() if found)),
    )
    shown = tuple(section for section in sections if section.terms)
    publication = volume.publication
    running = f"{publication.name}　{volume.title}"
    house = f"{publication.organisation}　{publication.department}"
    return Index("索引", running, house, shown) if shown else None
