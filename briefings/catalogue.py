"""What an audience may see, as columns in memory: what a search counts, narrows and orders by, and
what pages lead on by.

A column has a value for each entry, the newest first; the place of an entry in them is its row.
Every process keeps its own, and asks the database each time whether something has changed since
(`briefings.changes`).
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from django.db.models import Model
from django.utils import timezone
from numpy.typing import NDArray

from briefings.changes import Kind, Sum, Watched, read_marks
from briefings.models import (
    Audience,
    Byline,
    Edition,
    Entry,
    GlossaryTerm,
    State,
    Theme,
    ThemeAlias,
    ThemedEntry,
    Wording,
)
from briefings.search.index import MOST_READINGS, Index, open_index
from briefings.search.matching import Flags, Ids, Rows, Sight
from briefings.search.synonyms import Synonyms

# Whatever a catalogue is made of.
WATCHED = tuple(
    Watched(Kind.CATALOGUE, f"briefings_{table}", columns)
    for table, columns in (
        ("edition", ("state", "audience", "public_from", "date", "number", "slug")),
        ("entry", ("state", "edition_id", "position")),
        ("themedentry", ("tag_id", "content_object_id")),
        ("byline", ("author_id", "entry_id")),
        ("theme", ("name", "slug", "description")),
        ("themealias", ("name", "theme_id")),
        ("author", ("name",)),
        ("glossaryterm", ("name",)),
        ("wording", ("text", "is_discouraged", "term_id")),
    )
)
SHOWN_OF_EDITION = ("slug", "number", "date", "state", "audience", "public_from")
Key = TypeVar("Key", bound=Hashable)
_WORD = 64  # bits


class Column(Generic[Key]):
    """Which rows have which of a few values, as a row of bits for each; one may have several."""

    def __init__(self, rows: int, pairs: Iterable[tuple[Key, Rows]]) -> None:
        self.length = rows
        packed = {key: pack(having, rows) for key, having in pairs}
        words = -(-rows // _WORD)
        self._matrix = np.array(list(packed.values()), np.uint64).reshape(len(packed), words)
        self.bits: dict[Key, NDArray[np.uint64]] = dict(zip(packed, self._matrix, strict=True))

    def count(self, rows: Rows) -> dict[Key, int]:
        """Of these rows, how many have each value; without those that none has."""
        wanted = pack(rows, self.length)
        words = np.flatnonzero(wanted)
        # Of few rows most words are empty, and those of the matrix need not be read.
        matrix = self._matrix if len(words) * 4 > len(wanted) else self._matrix[:, words]
        wanted = wanted if len(words) * 4 > len(wanted) else wanted[words]
        counts = np.bitwise_count(matrix & wanted).sum(axis=1, dtype=np.int64).tolist()
        return {key: count for key, count in zip(self.bits, counts, strict=True) if count}

    def total(self, key: Key) -> int:
        """Of all rows."""
        return int(np.bitwise_count(self.bits[key]).sum()) if key in self.bits else 0

    def have(self, rows: Rows, keys: Iterable[Key]) -> Flags:
        """Which of the rows have one of these values."""
        having = np.zeros(self.length, bool)
        for key in keys:
            having |= self.flag(key)
        return having[rows]

    def flag(self, key: Key) -> Flags:
        """Which of all rows have it."""
        if key not in self.bits:
            return np.zeros(self.length, bool)
        return unpack(self.bits[key], self.length)

    def list_keys(self, row: int) -> list[Key]:
        """What the row has."""
        word, bit = divmod(row, _WORD)
        has = self._matrix[:, word] >> np.uint64(bit) & np.uint64(1)
        return [key for key, is_set in zip(self.bits, has.tolist(), strict=True) if is_set]


def pack(rows: Rows, length: int) -> NDArray[np.uint64]:
    flags = np.zeros(-(-length // _WORD) * _WORD, bool)
    flags[rows] = True
    return np.packbits(flags, bitorder="little").view("<u8")


def unpack(bits: NDArray[np.uint64], length: int) -> Flags:
    return np.unpackbits(bits.view(np.uint8), count=length, bitorder="little").view(bool)


class ThemeName(NamedTuple):
    theme_id: int
    name: str  # or an alias


@dataclass(frozen=True)
class Catalogue:
    entry_ids: Ids
    edition_ids: Ids  # 0 for those in none
    days: NDArray[np.int32]  # of the edition, as `date.toordinal`; 0 without a date
    oldest_first: Rows
    themes: Column[int]
    years: Column[int]
    authors: Column[str]
    edition_of: dict[int, Edition]  # the newest first, with what lists show of them
    theme_of: dict[int, Theme]
    theme_names: tuple[ThemeName, ...]
    synonyms: Synonyms  # by the glossary, and by these themes' aliases
    # While no edition opens to the public; afterwards it is made anew.
    since: datetime
    until: datetime | None

    def holds_at(self, now: datetime) -> bool:
        return self.since <= now and (self.until is None or now < self.until)


@dataclass(frozen=True)
class Archive:
    """All that an audience may see, ready to be searched."""

    audience: Audience | None
    version: Sum  # of the marks of its tables
    index: Index
    catalogue: Catalogue
    sight: Sight


_loading = Lock()
_last: dict[Audience | None, Archive] = {}


def open_archive(audience: Audience | None) -> Archive:
    """As it is now; of None everything, drafts too. One query, unless something has changed.

    Making it anew takes some 0.8 s for 100,000 entries.
    """
    marks, now = read_marks(), timezone.now()
    index = open_index(marks[Kind.TEXTS])
    if archive := _recall(audience, marks[Kind.CATALOGUE], index, now):
        return archive
    with _loading:
        for _ in range(MOST_READINGS):
            if archive := _recall(audience, marks[Kind.CATALOGUE], index, now):
                return archive
            archive = _last[audience] = _make(audience, marks[Kind.CATALOGUE], index, now)
            # Something may have been changed between one query and the next.
            marks = read_marks()
            index = open_index(marks[Kind.TEXTS])
        return _last[audience]


def _recall(audience: Audience | None, version: Sum, index: Index, now: datetime) -> Archive | None:
    last = _last.get(audience)
    is_current = last and last.version == version and last.index is index
    return last if last and is_current and last.catalogue.holds_at(now) else None


def _make(audience: Audience | None, version: Sum, index: Index, now: datetime) -> Archive:
    last = _last.get(audience)
    if last and last.version == version and last.catalogue.holds_at(now):
        catalogue = last.catalogue
    else:
        catalogue = read_catalogue(audience, now)
    return Archive(audience, version, index, catalogue, Sight.of(catalogue.entry_ids, index.blocks))


# ------------------------------------------------------------------------------------ from the rows


def read_catalogue(audience: Audience | None, now: datetime) -> Catalogue:
    """Some nine queries, of which the first three give a row for each entry or more."""
    entries, editions = Entry.objects.all(), Edition.objects.all()
    if audience is not None:
        entries = Entry.objects.visible_to(audience, now)
        editions = Edition.objects.visible_to(audience, now)
    rows = list(entries.newest_first().values_list("pk", "edition_id", "edition__date"))
    entry_ids = np.array([row[0] for row in rows], np.int64)
    edition_ids = np.array([row[1] or 0 for row in rows], np.int64)
    days = np.array([row[2].toordinal() if row[2] else 0 for row in rows], np.int32)
    row_of = dict(zip(entry_ids.tolist(), range(len(rows)), strict=True))
    themed = ThemedEntry.objects.order_by().values_list("tag_id", "content_object_id")
    signed = Byline.objects.order_by().values_list("author__name", "entry_id")
    years = ((row[2].year, row[0]) for row in rows if row[2])
    theme_of = Theme.objects.in_bulk()
    # Of a theme that came between, the next reading tells.
    themes = _make_column(((key, pk) for key, pk in themed if key in theme_of), row_of)
    if audience is not None:
        theme_of = {key: theme for key, theme in theme_of.items() if key in themes.bits}
    aliases = ThemeAlias.objects.values_list("theme_id", "name")
    theme_names = (
        *(ThemeName(pk, theme.name) for pk, theme in theme_of.items()),
        *(ThemeName(pk, name) for pk, name in aliases if pk in theme_of),
    )
    return Catalogue(
        entry_ids=entry_ids,
        edition_ids=edition_ids,
        days=days,
        oldest_first=_turn_round(edition_ids),
        themes=themes,
        years=_make_column(years, row_of),
        authors=_make_column(signed, row_of),
        edition_of={
            edition.pk: edition for edition in editions.newest_first().only(*SHOWN_OF_EDITION)
        },
        theme_of=theme_of,
        theme_names=theme_names,
        synonyms=_read_synonyms(theme_names),
        since=now,
        until=find_next_opening(now) if audience == Audience.PUBLIC else None,
    )


def _make_column(pairs: Iterable[tuple[Key, int]], row_of: dict[int, int]) -> Column[Key]:
    having: dict[Key, list[int]] = {}
    for key, entry_id in pairs:
        if (row := row_of.get(entry_id)) is not None:
            having.setdefault(key, []).append(row)
    return Column(len(row_of), ((key, np.array(rows)) for key, rows in having.items()))


def _read_synonyms(theme_names: Iterable[ThemeName]) -> Synonyms:
    """Only these themes have a part in it: what a reader may not see isn't told either."""
    names: dict[tuple[type[Model], int], dict[str, None]] = {}
    terms = GlossaryTerm.objects.values_list("pk", "name", "wordings__text")
    for key, *wordings in terms:
        names.setdefault((GlossaryTerm, key), {}).update(dict.fromkeys(filter(None, wordings)))
    for key, name in theme_names:
        names.setdefault((Theme, key), {})[name] = None
    discouraged = Wording.objects.filter(is_discouraged=True).values_list("text", flat=True)
    return Synonyms((group for group in names.values() if len(group) > 1), frozenset(discouraged))


def _turn_round(edition_ids: Ids) -> Rows:
    """The editions from the last to the first, and within one the entries as they are."""
    starts = np.flatnonzero(np.concatenate(([True], edition_ids[1:] != edition_ids[:-1])))
    place = np.cumsum(np.bincount(starts, minlength=len(edition_ids))[: len(edition_ids)])
    return np.argsort(-place, kind="stable")


def find_next_opening(now: datetime) -> datetime | None:
    """When the public will next see more without anybody doing anything."""
    coming = Edition.objects.filter(state=State.PUBLISHED, public_from__gt=now)
    return coming.order_by("public_from").values_list("public_from", flat=True).first()
