"""The archive, at one state of it, into a folder."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.files.storage import default_storage
from django.db.models import Prefetch
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import override

from briefings.changes import Kind, read_marks
from briefings.contexts import EditionContext, EntryContext, describe_edition
from briefings.models import CAME_OUT, Audience, Edition, Entry, Publication, Theme
from briefings.pictures import file_of
from briefings.plain_files import documents
from briefings.plain_files.folder import FolderWriter, replacing
from briefings.plain_files.places import (
    HOME,
    THEMES,
    Places,
    find_sources,
    place_edition,
    place_theme,
)
from briefings.printing import build, find_pdf, make_order

logger = logging.getLogger(__name__)

MOST_READINGS = 3  # of an archive that is changed while it is read
PICTURES = "/pictures/"


class ArchiveChanges(Exception):
    """Somebody publishes or corrects all the while."""


@dataclass(frozen=True)
class Exported:
    editions: int
    files: int
    unchanged: int
    without_pdf: tuple[str, ...]
    lost_pictures: tuple[str, ...]


@dataclass(frozen=True)
class ListedEntry:
    headline: str
    lead: str
    path: str
    number: int


@dataclass(frozen=True)
class ListedEdition:
    label: str
    date: date | None
    path: str
    is_for_members: bool
    entries: tuple[ListedEntry, ...]


def export_archive(
    folder: Path,
    now: datetime,
    *,
    audience: Audience = Audience.PUBLIC,
    tell: Callable[[], object] = bool,
) -> Exported:
    """What `audience` may read at `now`, never a draft; the same archive gives the same bytes.

    `tell` hears of each edition twice: when it is printed and when it is written. Raises
    NotOurFolder, PDFRefused where no PDF can be made at all, and ArchiveChanges.
    """
    for _ in range(MOST_READINGS):
        for edition in list_editions(audience, now):
            order = make_order(edition)
            if not find_pdf(order):
                build(order)
            tell()
        try:
            with override(settings.LANGUAGE_CODE), replacing(folder) as writer:
                version = read_marks()[Kind.PAGES]
                exported = _Export(writer, audience, now).write(tell)
                if read_marks()[Kind.PAGES] != version:
                    raise ArchiveChanges  # noqa: TRY301  (so that what was written is left)
        except ArchiveChanges:
            logger.info("The archive was changed while it was exported; once more")
        else:
            return exported
    raise ArchiveChanges


def list_editions(audience: Audience, now: datetime) -> list[Edition]:
    return list(Edition.objects.visible_to(audience, now).newest_first())


@dataclass
class _Export:
    folder: FolderWriter
    audience: Audience
    now: datetime
    publication: Publication = field(default_factory=Publication.load)
    places: Places = field(default_factory=lambda: Places(settings.SITE_URL))
    css: str = field(default_factory=lambda: Path(str(finders.find("site.css"))).read_text())
    listed: list[ListedEdition] = field(default_factory=list)
    by_theme: dict[str, list[tuple[ListedEdition, ListedEntry]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    without_pdf: list[str] = field(default_factory=list)
    lost_pictures: list[str] = field(default_factory=list)

    def write(self, tell: Callable[[], object]) -> Exported:
        editions = list_editions(self.audience, self.now)
        themes = list(Theme.objects.visible_to(self.audience, self.now).order_by("name", "pk"))
        self._place(themes)
        for edition in editions:
            self._write_edition(edition)
            tell()
        self._write_lists(editions, themes)
        return Exported(
            editions=len(editions),
            files=len(self.folder.sums),
            unchanged=self.folder.unchanged,
            without_pdf=tuple(self.without_pdf),
            lost_pictures=tuple(self.lost_pictures),
        )

    def _place(self, themes: list[Theme]) -> None:
        """All that links can lead to, before the first page is written."""
        place = self.places.place
        place(reverse("briefings:home"), HOME)
        place(reverse("briefings:edition_list"), HOME)
        place(reverse("briefings:theme_list"), THEMES)
        for theme in themes:
            place(theme.get_absolute_url(), place_theme(theme.slug))
        for edition in self._read_entries():
            page = place_edition(edition.slug)
            place(edition.get_absolute_url(), page)
            for number, entry in enumerate(edition.entries.all(), start=1):
                short = reverse("briefings:entry_short", args=[entry.pk])
                for path in (entry.get_absolute_url(), short):
                    place(path, page, f"entry-{number}")

    def _read_entries(self) -> Iterator[Edition]:
        """As `describe_edition` counts them, with those withdrawn, without their texts."""
        entries = Entry.objects.filter(state__in=CAME_OUT).only("pk", "slug", "edition_id")
        editions = Edition.objects.visible_to(self.audience, self.now)
        return editions.prefetch_related(Prefetch("entries", entries)).iterator(chunk_size=100)

    def _write_edition(self, edition: Edition) -> None:
        context = describe_edition(edition)
        page = place_edition(edition.slug)
        pdf = self._write_pdf(edition, context, page)
        self._write_page("edition", page, {"edition": context, "has_pdf": bool(pdf)})
        document = documents.describe(edition, context, self.places, pdf)
        self.folder.write(_beside(page, "edition.json"), documents.write_json(document))
        listed = _list_edition(context)
        self.listed.append(listed)
        for entry, shown in zip(context.entries, listed.entries, strict=True):
            for theme in entry.themes:
                self.by_theme[theme.path].append((listed, shown))

    def _write_pdf(self, edition: Edition, context: EditionContext, page: str) -> str:
        """Its name beside the page; empty if it can't be made."""
        name = find_pdf(make_order(edition))
        if name is None:
            self.without_pdf.append(edition.label)
            return ""
        place = _beside(page, "edition.pdf")
        with default_storage.open(name) as file:
            self.folder.write(place, file.read())
        self.places.place(context.pdf_path, place)
        return "edition.pdf"

    def _write_lists(self, editions: list[Edition], themes: list[Theme]) -> None:
        self._write_page("index", HOME, {"editions": self.listed, "place": "index"})
        counted = [(theme, len(self.by_theme[theme.get_absolute_url()])) for theme in themes]
        self._write_page("themes", THEMES, {"themes": counted, "place": "themes"})
        for theme in themes:
            entries = self.by_theme[theme.get_absolute_url()]
            page = place_theme(theme.slug)
            self._write_page("theme", page, {"theme": theme, "entries": entries})
        about = documents.ArchiveDocument(
            publication=self.publication.name,
            english_name=self.publication.english_name,
            organisation=self.publication.organisation,
            department=self.publication.department,
            url=settings.SITE_URL,
            audience=self.audience,
            editions=[documents.list_edition(edition) for edition in editions],
            themes=[documents.list_theme(theme) for theme in themes],
        )
        self.folder.write("archive.json", documents.write_json(about.model_dump(mode="json")))
        self.folder.write("schema.json", documents.write_schema())
        readme = render_to_string(
            "briefings/export/readme.txt",
            {"publication": self.publication, "for_members": self._is_for_members},
        )
        self.folder.write("README.txt", readme.encode())

    def _write_page(self, template: str, name: str, context: dict[str, Any]) -> None:
        html = render_to_string(
            f"briefings/export/{template}.html",
            {"publication": self.publication, "css": self.css}
            | {"for_members": self._is_for_members}
            | context,
        )
        for source in find_sources(html):
            self._write_picture(source.removeprefix(settings.SITE_URL))
        self.folder.write(name, self.places.lead_links(html, name).encode())

    @property
    def _is_for_members(self) -> bool:
        return self.audience == Audience.MEMBERS

    def _write_picture(self, path: str) -> None:
        if not path.startswith(PICTURES) or self.places.find(path):
            return
        name = path.removeprefix(PICTURES)
        try:
            with default_storage.open(file_of(name)) as file:
                self.folder.write(f"pictures/{name}", file.read())
        except FileNotFoundError:
            self.lost_pictures.append(name)
        else:
            self.places.place(path, f"pictures/{name}")


def _list_edition(context: EditionContext) -> ListedEdition:
    return ListedEdition(
        label=context.label,
        date=context.date,
        path=context.path,
        is_for_members=context.is_for_members,
        entries=tuple(_list_entry(entry) for entry in context.entries),
    )


def _list_entry(entry: EntryContext) -> ListedEntry:
    return ListedEntry(entry.headline, "\n".join(entry.lead), entry.path, entry.number)


def _beside(page: str, name: str) -> str:
    return f"{page.rpartition('/')[0]}/{name}"
