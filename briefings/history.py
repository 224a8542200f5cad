"""Who changed what, and when: every version of what editors make, kept by django-reversion.

A version is recorded by name at the end of the act that made it, from the rows as they then are,
not by reversion's signals: publishing moves states by `update()`, which sends none, and a theme
taken from an entry leaves no row to send one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any, cast

import reversion
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from reversion.models import Version

from briefings.differences import render_difference
from briefings.fields import HTMLField
from briefings.html import to_text
from briefings.models import (
    Author,
    Byline,
    Edition,
    Entry,
    GlossaryTerm,
    Imprint,
    Picture,
    PinnedPhrase,
    Publication,
    Source,
    Theme,
    ThemeAlias,
    ThemedEntry,
    Volume,
    Wording,
)

Person = AbstractBaseUser | AnonymousUser | None

# What is recorded along with a row. An entry's themes and authors come whole, since by the time
# somebody restores the version they may have been merged or deleted.
FOLLOWED: dict[type[models.Model], tuple[str, ...]] = {
    Entry: ("themed_entries", "sources", "bylines"),
    ThemedEntry: ("tag",),
    Byline: ("author",),
    Source: (),
    Author: (),
    Edition: ("entries",),
    Theme: ("aliases",),
    ThemeAlias: (),
    Imprint: (),
    Publication: (),
    GlossaryTerm: ("wordings",),
    Wording: (),
    Picture: (),
    Volume: (),
    PinnedPhrase: (),
}
_ENTRY_ROWS = ["themed_entries__tag__aliases", "sources", "bylines"]
# With these, recording costs a query a table and not one a row.
_PREFETCHED: dict[type[models.Model], list[str]] = {
    Entry: _ENTRY_ROWS,
    Edition: [f"entries__{rows}" for rows in _ENTRY_ROWS],
}
# Bookkeeping that says nothing to an editor, or that follows from something that does.
_UNSAID = {
    *("id", "version", "position", "created_at", "updated_at", "created_by", "source_hash"),
    *("frozen_imprint", "scheduled_options", "scheduled_by", "uploaded_by", "uploaded_at"),
}
_LAST = {"state", "withdrawn_at", "withdrawal_note"}  # from the base class, so they come first
_UNSAID_OF: dict[type[models.Model], set[str]] = {
    Entry: {"slug", "themes", "authors"},
    Edition: {"slug"},
    Picture: {"name"},
    PinnedPhrase: {"folded"},
}

for _model, _followed in FOLLOWED.items():
    _managed = [field.name for field in _model._meta.local_many_to_many]
    reversion.register(_model, follow=_followed, exclude=_managed)


def is_kept(model: type[models.Model]) -> bool:
    return model in FOLLOWED


def keep_version(thing: models.Model, *, by: Person = None, why: str) -> None:
    """Record what the row, and what belongs to it, now says. Part of the caller's transaction."""
    model = type(thing)
    rows = model._default_manager.prefetch_related(*_PREFETCHED.get(model, FOLLOWED[model]))
    with reversion.create_revision(manage_manually=True):
        reversion.add_to_revision(rows.get(pk=thing.pk))
        reversion.set_comment(why)
        if by is not None and by.is_authenticated:
            reversion.set_user(by)


def record_act(thing: models.Model, *, by: Person = None, why: str) -> None:
    """Keep the version that an act made and, if a person did it, write it in the audit log.

    For acts that are no form of the admin, which writes its own log.
    """
    keep_version(thing, by=by, why=why)
    log_act(thing, by=by, why=why)


def log_act(thing: models.Model, *, by: Person = None, why: str) -> None:
    """Write in the audit log what a person did that changes nothing the thing says."""
    if by is not None and by.is_authenticated:
        LogEntry.objects.create(
            user_id=by.pk,
            content_type=ContentType.objects.get_for_model(thing),
            object_id=str(thing.pk),
            object_repr=str(thing)[:200],
            action_flag=CHANGE,
            change_message=why,
        )


def say_why(act: str, note: str) -> str:
    """What was done and, if a note says so, what for."""
    return f"{act}：{note.strip()}" if note.strip() else act


def keep_unrecorded(thing: models.Model) -> None:
    """Have the history hold what the row says before it is changed.

    Rows that are older than the history have none yet, and a shell writes none.
    """
    now = describe_now(thing)
    versions = list_versions(thing, newest=1)
    if not versions or versions[0].text != now:
        keep_version(thing, why="此前的內容" if versions else "開始記錄時的內容")


# ------------------------------------------------------------------------------ what a version says


@dataclass(frozen=True)
class Said:
    """What one field says: its plain text, and the HTML if it is rich text."""

    text: str
    html: str = ""


Text = dict[str, Said]  # by the field's Chinese name, in the form's order


@dataclass(frozen=True)
class Recorded:
    """A version as an editor reads it."""

    id: int
    made_at: datetime
    made_by: str  # empty if nobody did it by hand
    why: str
    text: Text


@dataclass(frozen=True)
class Change:
    label: str
    difference: SafeString  # empty if only the format or a link changed


def describe_now(thing: models.Model) -> Text:
    """The row itself, in the words of its versions."""
    row = type(thing)._default_manager.get(pk=thing.pk)
    return _describe(row, [_pick(getattr(row, name)) for name in FOLLOWED[type(thing)]], _Known())


def list_versions(thing: models.Model, newest: int | None = None) -> list[Recorded]:
    """The newest first; one that says nothing new, as when it came along with another's, is left
    out. Reading one takes some milliseconds: `newest` is how many to look at, None for all.
    """
    versions = Version.objects.get_for_object(thing).order_by("-pk")
    versions = versions.select_related("revision__user")[:newest]
    known, told = _Known(), list[Recorded]()
    siblings = _list_siblings(versions)
    for version in reversed(versions):
        recorded = _read(version, siblings[version.revision_id], known)
        if not told or recorded.text != told[-1].text:
            told.append(recorded)
    return told[::-1]


def compare_texts(before: Text, after: Text) -> tuple[Change, ...]:
    """What changed, field by field; nothing of the rest."""
    nothing = Said("")
    pairs = ((label, before.get(label, nothing), after[label]) for label in after)
    return tuple(
        Change(
            label, SafeString("") if old.text == new.text else render_difference(old.text, new.text)
        )
        for label, old, new in pairs
        if old != new
    )


def list_changes(versions: list[Recorded]) -> list[tuple[Recorded, tuple[Change, ...]]]:
    """Each version, as `list_versions` gives them, with what it changed; the first changed all."""
    changes = [compare_texts(older.text, newer.text) for newer, older in pairwise(versions)]
    return list(zip(versions, [*changes, ()], strict=True)) if versions else []


class _Known:
    """What rows are called now, each asked for once."""

    def __init__(self) -> None:
        self.rows: dict[tuple[type[models.Model], Any], models.Model | None] = {}

    def find(self, model: type[models.Model], pk: Any) -> models.Model | None:
        if (model, pk) not in self.rows:
            self.rows[model, pk] = model._default_manager.filter(pk=pk).first()
        return self.rows[model, pk]


def _list_siblings(versions: Iterable[Version]) -> dict[int, list[models.Model]]:
    """By revision, every row that was recorded in it, as it then was."""
    found: dict[int, list[models.Model]] = {version.revision_id: [] for version in versions}
    for version in Version.objects.filter(revision__in=list(found)):
        found[version.revision_id].append(rebuild(version))
    return found


def rebuild(version: Version) -> Any:
    """The row as it was, in memory only."""
    model = cast(
        type[models.Model], ContentType.objects.get_for_id(version.content_type_id).model_class()
    )
    return model(**version.field_dict)


def list_rows(version: Version) -> list[models.Model]:
    """All that was recorded together with a version, as it then was."""
    return [rebuild(one) for one in Version.objects.filter(revision_id=version.revision_id)]


def _read(version: Version, siblings: list[models.Model], known: _Known) -> Recorded:
    revision = version.revision
    row = rebuild(version)
    model = type(row)
    children = [_pick_recorded(model, name, row, siblings) for name in FOLLOWED[model]]
    remembering = _Remembering(known, siblings)
    return Recorded(
        id=version.pk,
        made_at=revision.date_created,
        made_by=name_person(revision.user),
        why=revision.comment,
        text=_describe(row, children, remembering),
    )


class _Remembering(_Known):
    """Falls back on what a version recorded of a row that is gone."""

    def __init__(self, known: _Known, siblings: Iterable[models.Model]) -> None:
        self.known = known
        self.siblings = {(type(row), row.pk): row for row in siblings}

    def find(self, model: type[models.Model], pk: Any) -> models.Model | None:
        return self.known.find(model, pk) or self.siblings.get((model, pk))


def name_person(user: User | None) -> str:
    if user is None:
        return ""
    if not user.get_full_name().isascii():  # a Chinese name: the family's first, and no space
        return f"{user.last_name}{user.first_name}"
    return user.get_full_name() or user.get_username()


def _pick(manager: Any) -> tuple[type[models.Model], list[models.Model]]:
    return manager.model, list(manager.all())


def _pick_recorded(
    model: type[models.Model], name: str, row: models.Model, siblings: list[models.Model]
) -> tuple[type[models.Model], list[models.Model]]:
    relation = cast(models.ManyToOneRel, model._meta.get_field(name))
    child, key = relation.related_model, relation.field.attname
    own = [one for one in siblings if isinstance(one, child) and getattr(one, key) == row.pk]
    return child, sorted(own, key=lambda one: (getattr(one, "position", 0), one.pk))


def _describe(
    row: models.Model,
    children: list[tuple[type[models.Model], list[models.Model]]],
    known: _Known,
) -> Text:
    unsaid = _UNSAID | _UNSAID_OF.get(type(row), set())
    fields = sorted(row._meta.concrete_fields, key=lambda field: field.name in _LAST)
    said = {
        str(field.verbose_name): _say(row, field, known)
        for field in fields
        if field.name not in unsaid
    }
    for child, rows in children:
        lines = (describe_line(one, known) for one in rows)
        said[_name_children(child)] = Said("\n".join(lines))
    return said


def _name_children(child: type[models.Model]) -> str:
    return "政策主題" if child is ThemedEntry else str(child._meta.verbose_name_plural)


def _say(row: models.Model, field: "models.Field[Any, Any]", known: _Known) -> Said:
    value = getattr(row, field.attname)
    if isinstance(field, HTMLField):
        return Said(to_text(value), value)
    if isinstance(field, models.ForeignKey):
        found = value and known.find(field.related_model, value)
        return Said(str(found) if found else "（已刪除）" if value else "")
    if field.choices:
        return Said(getattr(row, f"get_{field.name}_display")())
    if isinstance(value, bool):
        return Said("是" if value else "否")
    if isinstance(value, datetime):
        return Said(date_format(timezone.localtime(value), "DATETIME_FORMAT"))
    return Said("" if value is None else "\n".join(str(value).splitlines()))


def describe_line(row: models.Model, known: _Known | None = None) -> str:
    """What belongs to a row, in one line."""
    known = known or _Known()
    if isinstance(row, ThemedEntry):
        return str(known.find(Theme, row.tag_id) or "（已刪除的主題）")
    if isinstance(row, Byline):
        return str(known.find(Author, row.author_id) or "（已刪除的作者）")
    if isinstance(row, Source):
        day = row.published_on.isoformat() if isinstance(row.published_on, date) else ""
        return "，".join(filter(None, [row.title, row.publisher, day, row.url]))
    if isinstance(row, Wording):
        return f"{row.text}（不宜使用）" if row.is_discouraged else row.text
    return str(row)


def list_deleted_entries() -> Iterator[Version]:
    """The last version of each entry that is gone, the latest gone first."""
    deleted: models.QuerySet[Version] = Version.objects.get_deleted(Entry)
    yield from deleted.select_related("revision__user").order_by("-pk")
