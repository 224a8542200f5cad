"""Keeping the index in order: new texts come from its tail into a segment, with those of small
segments, so that there are never many.

Searches and saving go on meanwhile. Segments are made one at a time, by whoever holds the one row
that may be in the making; who dies halfway leaves postings that nobody reads, and the next removes
them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zlib import crc32

import numpy as np
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from briefings.changes import Kind, forget_marks, mark_change
from briefings.models.search_index import IndexedText, Segment, SegmentPosting
from briefings.search.index import (
    FIRST_BLOCK,
    NOTHING,
    list_live_segments,
    list_tail,
    open_backend,
)
from briefings.search.pages import StoredRow, list_page_keys, store
from briefings.search.postings import BLOCK, SCHEME, EntryText, PostingTable, join, tabulate

LONGEST_TAIL = 64  # texts, before they are brought into a segment
MOST_TEXTS = 16_384  # of a segment; to make one takes some 20 kB of memory for each
TABULATED_AT_ONCE = 1024  # texts, which takes 180 kB for each
MUCH_LARGER = 4  # times: such a segment isn't made again for what little there is to add
GRACE = timedelta(minutes=10)  # for those who began to read before a segment was replaced
# Who makes a segment says so with every batch, and after so long without a word is dead.
SILENCE = timedelta(minutes=10)
BATCH = 1000  # rows of postings that are written or removed in one transaction
_BLOCKS_IN_ALL = 2**32 // BLOCK  # positions are numbers of 32 bits
Report = Callable[[int], object]  # is told of so many more texts


class NoRoom(Exception):
    """The index is full: some two million entries, or one million that are all made anew."""


def tidy_index(now: datetime) -> int:
    """What the schedule calls; the number of texts that came into another segment."""
    _retire_empty_segments()
    _remove_segments(now)
    forget_marks()
    tail = list(list_tail().values_list("pk", flat=True))
    if len(tail) < LONGEST_TAIL:
        return 0
    chosen = choose_segments(len(tail), _count_texts())
    small = IndexedText.objects.filter(segment_id__in=chosen).values_list("pk", flat=True)
    return make_segments([*tail, *small])


def make_segments(entry_ids: Sequence[int], report: Report | None = None) -> int:
    """Bring these texts together; the number of those that came into a new segment.

    Nothing is done while another makes one.
    """
    moved = 0
    ordered = sorted(entry_ids)
    for start in range(0, len(ordered), MOST_TEXTS):
        chunk = ordered[start : start + MOST_TEXTS]
        segment = _claim()
        if segment is None:
            break
        try:
            moved += _make_segment(segment, chunk)
        except Exception:
            _retire(Segment.objects.filter(pk=segment.pk, state=Segment.State.BEING_MADE))
            raise
        if report:
            report(len(chunk))
    _retire_empty_segments()
    return moved


def make_all_segments(report: Report | None = None) -> int:
    """Every text into new segments, and what is left of texts that are gone away."""
    _remove_segments(timezone.now())
    moved = make_segments(list(IndexedText.objects.values_list("pk", flat=True)), report)
    with transaction.atomic():
        # Only where no older segment is left that such a row speaks against.
        if list_live_segments().count() == -(-moved // MOST_TEXTS):
            gone = IndexedText.objects.filter(**NOTHING._asdict())
            # What is gone only since then is in the tail.
            gone.exclude(segment_id=None).delete()
            mark_change(Kind.TEXTS)
    forget_marks()
    return moved


def choose_segments(texts: int, sizes: Mapping[int, int]) -> list[int]:
    """Which segments, given by their size, to make anew with so many texts: the small ones.

    So a text is made anew a few times in all, each time in a segment several times as large.
    """
    chosen = []
    for segment_id, size in sorted(sizes.items(), key=lambda item: item[1]):
        if size > MUCH_LARGER * texts or texts + size > MOST_TEXTS:
            break
        chosen.append(segment_id)
        texts += size
    return chosen


# ------------------------------------------------------------------------------- making a segment


def _claim() -> Segment | None:
    """The row of the segment to make; None while another is in the making."""
    try:
        with transaction.atomic():
            return Segment.objects.create(
                first_block=0,
                blocks=0,
                entry_ids=b"",
                block_counts=b"",
                scheme=SCHEME,
                state=Segment.State.BEING_MADE,
            )
    except IntegrityError:
        return None


class _Row(NamedTuple):
    entry_id: int
    revision: int
    text: EntryText


def _make_segment(segment: Segment, entry_ids: Sequence[int]) -> int:
    rows = [
        _Row(pk, revision, EntryText(*text))
        for pk, revision, *text in IndexedText.objects.filter(pk__in=entry_ids)
        .order_by("pk")
        .values_list("pk", "revision", *EntryText._fields)
    ]
    table = _tabulate(rows)
    segment.blocks = table.blocks
    segment.first_block = _find_room(segment.blocks)
    segment.entry_ids = np.array([row.entry_id for row in rows], "<i8").tobytes()
    segment.block_counts = table.block_counts.astype("<u4").tobytes()
    with transaction.atomic():
        _say_alive(segment)
        segment.save(force_update=True)
    _write_postings(segment, table.move(segment.first_block))
    return _put_in_use(segment, rows)


def _tabulate(rows: Sequence[_Row]) -> PostingTable:
    tables: list[PostingTable] = []
    block = 0
    for start in range(0, max(len(rows), 1), TABULATED_AT_ONCE):
        table = tabulate([row.text for row in rows[start : start + TABULATED_AT_ONCE]])
        tables.append(table.move(block))
        block += table.blocks
    return join(tables)


def _find_room(blocks: int) -> int:
    """The first block of a gap that is long enough."""
    taken = Segment.objects.order_by("first_block").values_list("first_block", "blocks")
    free = FIRST_BLOCK
    for first_block, length in taken:
        if first_block - free >= blocks:
            return free
        free = max(free, first_block + length)
    if free + blocks > _BLOCKS_IN_ALL:
        raise NoRoom(f"索引沒有空位：需要 {blocks} 格，只剩 {_BLOCKS_IN_ALL - free} 格。")
    return free


def _write_postings(segment: Segment, table: PostingTable) -> None:
    """And what tells the pages, and whether all is still as it was written."""
    backend = open_backend(connection)
    rows = sorted(store(table))
    for start in range(0, len(rows), BATCH):
        with transaction.atomic():
            _say_alive(segment)
            backend.write_postings(segment.pk, rows[start : start + BATCH])
    segment.page_keys = list_page_keys(rows).tobytes()
    segment.checksum = add_up(segment, rows)


def add_up(segment: Segment, rows: Iterable[StoredRow]) -> int:
    """All that a segment holds; the rows by token, and then by what is written."""
    checksum = 0
    for part in (segment.entry_ids, segment.block_counts, segment.page_keys):
        checksum = crc32(part, checksum)
    for token, written, data in rows:
        checksum = crc32(data, crc32(b"%d %d" % (token, written), checksum))
    return checksum


def _say_alive(segment: Segment) -> None:
    """Raises Segment.DoesNotExist if others took us for dead, and retired what we made."""
    own = Segment.objects.filter(pk=segment.pk, state=Segment.State.BEING_MADE)
    if not own.update(changed_at=timezone.now()):
        raise Segment.DoesNotExist(segment.pk)


def _put_in_use(segment: Segment, rows: Sequence[_Row]) -> int:
    with transaction.atomic():
        _say_alive(segment)
        # Whoever is saving one of them need not wait for us: its new text comes into the tail.
        held = IndexedText.objects.select_for_update(skip_locked=True).order_by("pk")
        ids = [row.entry_id for row in rows]
        revisions = dict(held.filter(pk__in=ids).values_list("pk", "revision"))
        same = [row.entry_id for row in rows if revisions.get(row.entry_id) == row.revision]
        IndexedText.objects.filter(pk__in=same).update(segment_id=segment.pk)
        segment.state = Segment.State.LIVE
        segment.save(force_update=True)
        mark_change(Kind.TEXTS)
    return len(same)


# -------------------------------------------------------------------------------- clearing away


def _count_texts() -> dict[int, int]:
    """Of each live segment those that no newer one has."""
    counted = IndexedText.objects.values_list("segment_id").annotate(Count("pk"))
    return dict(counted.filter(segment_id__in=list_live_segments().values("pk")))


def _retire_empty_segments() -> None:
    in_use = IndexedText.objects.exclude(segment_id=None).values("segment_id")
    with transaction.atomic():
        if _retire(Segment.objects.filter(state=Segment.State.LIVE).exclude(pk__in=in_use)):
            mark_change(Kind.TEXTS)


def _retire(segments: QuerySet[Segment]) -> int:
    retired: int = segments.update(state=Segment.State.RETIRED, changed_at=timezone.now())
    return retired


def _remove_segments(now: datetime) -> None:
    # Who was taken for dead and is not finds its segment retired: nothing brings one back.
    _retire(Segment.objects.filter(state=Segment.State.BEING_MADE, changed_at__lt=now - SILENCE))
    retired = Segment.objects.filter(state=Segment.State.RETIRED, changed_at__lt=now - GRACE)
    for segment in retired.order_by("pk"):
        # The row last, so that its blocks are not given away before.
        while _remove_batch(segment.pk):
            pass
        segment.delete()


def _remove_batch(segment_id: int) -> int:
    postings = SegmentPosting.objects.filter(segment_id=segment_id)
    tokens = postings.order_by("token").values_list("token", flat=True)[:BATCH]
    last = max(tokens, default=None)
    return postings.filter(token__lte=last)._raw_delete(postings.db) if last is not None else 0


# -------------------------------------------------------------------------------------- checking


def find_damaged_segments() -> Iterator[int]:
    """Those of which the postings are not as they were made; reads all of them."""
    for segment in list_live_segments().order_by("pk"):
        rows = SegmentPosting.objects.filter(segment_id=segment.pk).order_by("token", "written")
        postings = rows.values_list("token", "written", "positions").iterator(BATCH)
        stored = (StoredRow(token, written, bytes(data)) for token, written, data in postings)
        if add_up(segment, stored) != segment.checksum:
            yield segment.pk
