"""The search index: kept by whoever saves an entry, read by whoever looks for one.

It knows entries by id and text, never as models, which import it. It holds all of them, drafts
too, for the desk; who may see which is a `Sight`. Texts of late are in its tail, which each
process tabulates by itself; the rest in segments, which `merging` makes of them.
"""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from threading import Lock
from typing import NamedTuple

import numpy as np
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q, QuerySet

from briefings.changes import Kind, Sum, mark_change, read_marks
from briefings.models.search_index import IndexedText, Segment
from briefings.search.backends.base import PostingRow, SearchBackend, write_placeholders
from briefings.search.backends.postgresql import PostgreSQLSearch
from briefings.search.backends.sqlite import SQLiteSearch
from briefings.search.keys import Keys, Spans, Token
from briefings.search.matching import Blocks, Ids, Lists
from briefings.search.pages import Page, name_pages, unpack
from briefings.search.postings import (
    FIELDS,
    SCHEME,
    BlockCounts,
    EntryText,
    Positions,
    Posting,
    PostingTable,
    tabulate,
)

__all__ = ["EntryText", "index_entry", "open_backend", "open_index", "remove_entry"]

_BACKENDS: dict[str, type[SearchBackend]] = {
    "postgresql": PostgreSQLSearch,
    "sqlite": SQLiteSearch,
}
# A phrase is looked for from the place of its first token, which must not fall below zero.
FIRST_BLOCK = 8
BUCKET = 64  # ids; so many texts of the tail are tabulated together, 0.4 ms each
MOST_READINGS = 3  # of an index that is changed while it is read
_NO_KEYS: Keys = np.empty(0, np.uint64)
NOTHING = EntryText("", "", "")


def open_backend(connection: BaseDatabaseWrapper) -> SearchBackend:
    """Raises KeyError for a database we don't search."""
    return _BACKENDS[connection.vendor](connection)


# ----------------------------------------------------------------------------------------- writing


def index_entry(entry_id: int, text: EntryText) -> None:
    """Have the entry found by this text and no longer by what it held before.

    Part of the caller's transaction, which must also change the entry: two at once are then
    kept in order by the entry's row. Three queries, or one if the text is the same.
    """
    # No text of PostgreSQL has a NUL, and to a search both are invisible.
    text = EntryText(*(field.replace("\0", "\u200b") for field in text))
    if read_texts([entry_id]).get(entry_id, NOTHING) == text:
        return
    row = IndexedText(entry_id=entry_id, **text._asdict(), revision=secrets.randbits(52))
    IndexedText.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["entry_id"],
        update_fields=[*EntryText._fields, "segment_id", "revision"],
    )
    mark_change(Kind.TEXTS)


def remove_entry(entry_id: int) -> None:
    """Nothing happens if the entry isn't held."""
    # Its row stays without text, to say that what a segment has of it counts no more.
    index_entry(entry_id, NOTHING)


def read_texts(entry_ids: Sequence[int]) -> dict[int, EntryText]:
    """As they are indexed, of those that are. One query."""
    if not entry_ids:
        return {}
    # For every page of hits, and every entry that is saved: see `changes.read_marks`.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT entry_id, headline, lead, body FROM briefings_indexedtext"  # noqa: S608
            f" WHERE entry_id IN ({write_placeholders(entry_ids)})",
            entry_ids,
        )
        return {pk: EntryText(*text) for pk, *text in cursor.fetchall()}


def find_entry_ids() -> set[int]:
    """Every entry that some search could find."""
    empty = Q(**NOTHING._asdict())
    return set(IndexedText.objects.exclude(empty).values_list("pk", flat=True))


# ----------------------------------------------------------------------------------------- reading


@dataclass(frozen=True)
class SegmentMap:
    """What a segment's blocks belong to."""

    identity: tuple[int, int | None]  # its id and checksum: an emptied table gives ids again
    first_block: int
    page_keys: Keys
    entry_ids: Ids
    block_counts: BlockCounts  # (entries, fields)

    @property
    def segment_id(self) -> int:
        return self.identity[0]

    @property
    def end(self) -> int:
        return self.first_block + int(self.block_counts.sum(dtype=np.int64))


@dataclass(frozen=True)
class TailPart:
    """Texts of the tail, those of one bucket of ids, as they were when it was tabulated."""

    revisions: tuple[tuple[int, int], ...]  # (entry, revision)
    table: PostingTable  # from the first block on


@dataclass(frozen=True)
class Index:
    """The index as it was at one moment.

    What every query needs is in memory, ten bytes for each block of 128 positions; the posting
    lists of segments are read when they are asked for.
    """

    version: Sum  # of the marks of its texts
    segments: tuple[SegmentMap, ...]  # the oldest first
    tail: tuple[TailPart, ...]
    blocks: Blocks

    def look_up(self, tokens: Iterable[Token]) -> Lists:
        """One query for all that are one key, and one more for each that is a range of them."""
        spans = Spans.of(tokens)
        found: list[list[Found]] = [[] for _ in spans]
        for segment_id, token, written, data in self._read(spans):
            block = self._first_blocks[segment_id]
            if token < 0:
                for i, posting in Page(data).find(spans):
                    found[i].append(Found(block, posting))
            else:
                posting = Posting(written, unpack(data))
                for i in spans.list_around(token):
                    found[i].append(Found(block, posting))
        block = max((segment.end for segment in self.segments), default=FIRST_BLOCK)
        for part in self.tail:
            for i, posting in part.table.find(spans):
                found[i].append(Found(block, posting.move(block)))
            block += part.table.blocks
        return {span: _join(parts) for span, parts in zip(spans, found, strict=True)}

    def _read(self, spans: Spans) -> list[PostingRow]:
        if not (self.segments and spans):
            return []
        backend = open_backend(connection)
        single = [first for first, last in spans if first == last]
        wanted = [
            (segment.segment_id, token)
            for segment in self.segments
            for token in (*name_pages(segment.page_keys, spans), *single)
        ]
        rows = list(backend.read_postings(wanted)) if wanted else []
        for first, last in spans:
            if first != last:
                # What is asked for by itself as well is here already.
                of_range = backend.read_posting_range(list(self._first_blocks), first, last)
                rows += (row for row in of_range if row[1] not in single)
        return rows

    @cached_property
    def _first_blocks(self) -> dict[int, int]:
        return {segment.segment_id: segment.first_block for segment in self.segments}


class Found(NamedTuple):
    block: int  # the first of the segment it is from
    posting: Posting


def _join(parts: Sequence[Found]) -> list[Posting]:
    """One list for each way to write it, in the order of the blocks."""
    written: dict[int, list[Positions]] = defaultdict(list)
    for part in sorted(parts, key=attrgetter("block")):
        written[part.posting.written].append(part.posting.positions)
    return [
        Posting(key, lists[0] if len(lists) == 1 else np.concatenate(lists))
        for key, lists in written.items()
    ]


_loading = Lock()
_last: Index | None = None  # that was opened in this process


def open_index(version: Sum | None = None) -> Index:
    """As it is now; one query, and some more if it was changed since it was last opened.

    Who has just read the marks hands in that of the texts.
    """
    global _last  # noqa: PLW0603  (one for all threads; what is in it never changes)
    version = version or read_marks()[Kind.TEXTS]
    last = _last
    if last and last.version == version:
        return last
    with _loading:
        for _ in range(MOST_READINGS):
            if _last and _last.version == version:
                break
            _last = _load(version, _last)
            # Something may have been changed between one query and the next.
            version = read_marks()[Kind.TEXTS]
        return _last or _load(version, None)


def list_live_segments() -> QuerySet[Segment]:
    """Those that are read; what another scheme made is not, until it is made anew."""
    return Segment.objects.filter(state=Segment.State.LIVE, scheme=SCHEME)


def list_tail() -> QuerySet[IndexedText]:
    """What no segment has that is read."""
    live = list_live_segments().values("pk")
    return IndexedText.objects.filter(Q(segment_id=None) | ~Q(segment_id__in=live))


def _load(version: Sum, last: Index | None) -> Index:
    # The tail first: what is put into a segment meanwhile is then in both, and not in neither.
    tail = _read_tail(last)
    segments = _read_segments(last)
    end = max((segment.end for segment in segments), default=FIRST_BLOCK)
    maps = list(segments)
    for part in tail:
        ids = np.array([entry_id for entry_id, _ in part.revisions], np.int64)
        maps.append(SegmentMap((0, None), end, _NO_KEYS, ids, part.table.block_counts))
        end += part.table.blocks
    return Index(version, segments, tail, _map_blocks(maps))


def _read_tail(last: Index | None) -> tuple[TailPart, ...]:
    """In buckets by id, of which only those are tabulated that are not as they were."""
    buckets: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for entry_id, revision in list_tail().order_by("pk").values_list("pk", "revision"):
        buckets[entry_id // BUCKET].append((entry_id, revision))
    known = {part.revisions: part for part in last.tail} if last else {}
    return tuple(
        known.get(tuple(revisions)) or _tabulate_bucket(tuple(revisions))
        for revisions in buckets.values()
    )


def _tabulate_bucket(revisions: tuple[tuple[int, int], ...]) -> TailPart:
    texts = read_texts([entry_id for entry_id, _ in revisions])
    # One that is gone meanwhile makes another version, which is read in its turn.
    return TailPart(revisions, tabulate([texts.get(pk, NOTHING) for pk, _ in revisions]))


def _read_segments(last: Index | None) -> tuple[SegmentMap, ...]:
    """The oldest first; those that were read before stay as they are."""
    known = {segment.identity: segment for segment in last.segments} if last else {}
    live = dict(list_live_segments().values_list("pk", "checksum"))
    new = [pk for pk, checksum in live.items() if (pk, checksum) not in known]
    still = [known[identity] for identity in live.items() if identity in known]
    read = map(_read_segment, Segment.objects.filter(pk__in=new)) if new else ()
    return tuple(sorted([*still, *read], key=attrgetter("identity")))


def _read_segment(segment: Segment) -> SegmentMap:
    return SegmentMap(
        identity=(segment.pk, segment.checksum),
        first_block=segment.first_block,
        page_keys=np.frombuffer(segment.page_keys, "<u8"),
        entry_ids=np.frombuffer(segment.entry_ids, "<i8"),
        block_counts=np.frombuffer(segment.block_counts, "<u4").reshape(-1, FIELDS),
    )


def _map_blocks(segments: Sequence[SegmentMap]) -> Blocks:
    """An entry is where the last of the segments has it."""
    highest = max((int(segment.entry_ids.max(initial=0)) for segment in segments), default=0)
    home = np.zeros(highest + 1, np.int32)
    for number, segment in enumerate(segments):
        home[segment.entry_ids] = number
    end = max((segment.end for segment in segments), default=FIRST_BLOCK)
    entry_ids, fields = np.zeros(end, np.int64), np.zeros(end, np.uint8)
    for number, segment in enumerate(segments):
        owners = np.where(home[segment.entry_ids] == number, segment.entry_ids, 0)
        own = slice(segment.first_block, segment.end)
        entry_ids[own] = np.repeat(owners, segment.block_counts.sum(axis=1, dtype=np.int64))
        each = np.tile(np.arange(FIELDS, dtype=np.uint8), len(owners))
        fields[own] = np.repeat(each, segment.block_counts.ravel())
    return Blocks(entry_ids, fields)
