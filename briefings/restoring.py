"""Going back to an earlier version of an entry, or to one that was deleted; nothing is lost by it.

What a version names may have been merged, renamed or deleted since: what is still there is
restored, and what is not is told.
"""

from collections.abc import Iterable
from contextlib import nullcontext
from typing import TypeVar

from django.contrib.auth.models import User
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from reversion.models import Version

from briefings.corrections import correcting, has_been_read
from briefings.history import (
    Person,
    keep_unrecorded,
    list_rows,
    rebuild,
    record_act,
    say_why,
)
from briefings.html import find_pictures
from briefings.models import Author, Byline, Entry, Picture, Source, Theme, ThemedEntry

Row = TypeVar("Row", bound=models.Model)


class AlreadyRecovered(Exception):
    """Somebody was faster."""


def find_version(entry: Entry, version_id: int) -> Version | None:
    return Version.objects.get_for_object(entry).filter(pk=version_id).first()  # type: ignore[no-any-return]


def restore_version(entry: Entry, version: Version, *, by: Person, note: str = "") -> list[str]:
    """Have the entry say what it said then, as a new version. Returns what could not come back.

    Its state, its edition and its place stay: those are changed by acts of their own. What readers
    have read is restored as a correction, so that one needs a `note`; raises CorrectionRefused.
    """
    with transaction.atomic():
        row = Entry.objects.select_for_update().get(pk=entry.pk)
        keep_unrecorded(row)
        with correcting(row, note=note, by=by) if has_been_read(row) else nullcontext():
            lost = _write(row, version)
        day = timezone.localtime(version.revision.date_created)
        act = f"還原至 {day:%Y-%m-%d %H:%M} 的版本"
        record_act(row, by=by, why=say_why(act, note))
    return lost


def recover_entry(version: Version, *, by: Person) -> tuple[Entry, list[str]]:
    """Bring a deleted entry back, as a draft in the backlog, with all its history."""
    old: Entry = rebuild(version)
    entry = Entry(pk=old.pk, version=old.version, headline=old.headline)
    entry.created_by = User.objects.filter(pk=old.created_by_id or 0).first()
    try:
        with transaction.atomic():
            entry.save(force_insert=True)
            lost = _write(entry, version)
            record_act(entry, by=by, why="救回已刪除的短評")
    except IntegrityError as error:
        raise AlreadyRecovered from error
    return entry, lost


def _write(entry: Entry, version: Version) -> list[str]:
    rows, old = list_rows(version), rebuild(version)
    entry.headline, entry.lead, entry.body = old.headline, old.lead, old.body
    entry.save()
    _write_sources(entry, rows)
    return [
        *_write_themes(entry, rows),
        *_write_authors(entry, rows),
        *_miss_pictures(entry),
    ]


def _miss_pictures(entry: Entry) -> list[str]:
    names = set(find_pictures(entry.body))
    missing = len(names) - Picture.objects.filter(name__in=names).count()
    return [f"文中有 {missing} 張圖片已被刪除，無法顯示。"] if missing else []


def _write_themes(entry: Entry, rows: list[models.Model]) -> list[str]:
    recorded = {theme.pk: theme for theme in _only(Theme, rows)}
    lost, found = list[str](), list[Theme]()
    for themed in _only(ThemedEntry, rows):
        if themed.content_object_id != entry.pk:
            continue
        theme = Theme.objects.filter(pk=themed.tag_id).first()
        if theme is None and (old := recorded.get(themed.tag_id)):
            theme = Theme.objects.known_as(old.name)
            now = f"已由「{theme}」代替" if theme else "已不存在，未能還原"
            lost.append(f"主題「{old.name}」{now}。")
        if theme and theme not in found:
            found.append(theme)
    entry.themes.set(found)
    return lost


def _write_authors(entry: Entry, rows: list[models.Model]) -> list[str]:
    recorded = {author.pk: author for author in _only(Author, rows)}
    lost, found = list[str](), list[Author]()
    for byline in _of(entry, _only(Byline, rows)):
        author = Author.objects.filter(pk=byline.author_id).first()
        if author is None and (old := recorded.get(byline.author_id)):
            author = Author.objects.filter(name=old.name, post=old.post).first()
            lost += [] if author else [f"作者「{old}」已不存在，未能還原。"]
        if author and author not in found:
            found.append(author)
    entry.bylines.all().delete()
    Byline.objects.bulk_create(
        Byline(entry=entry, author=author, position=place)
        for place, author in enumerate(found, start=1)
    )
    return lost


def _write_sources(entry: Entry, rows: list[models.Model]) -> None:
    entry.sources.all().delete()
    for source in _of(entry, _only(Source, rows)):
        source.pk = None
        source.entry = entry
        source.save(force_insert=True)


def _only(model: type[Row], rows: Iterable[models.Model]) -> list[Row]:
    return [row for row in rows if isinstance(row, model)]


def _of(entry: Entry, rows: Iterable[Row]) -> list[Row]:
    """Those that belong to the entry, in their order."""
    own = [row for row in rows if getattr(row, "entry_id") == entry.pk]  # noqa: B009
    return sorted(own, key=lambda row: (getattr(row, "position"), row.pk))  # noqa: B009
