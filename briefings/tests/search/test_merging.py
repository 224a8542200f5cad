"""Segments are made while others read and write, and die halfway."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from briefings.changes import MOST_MARKS, Kind, mark_change, read_marks
from briefings.models import ChangeMark, IndexedText, Segment, SegmentPosting
from briefings.search import index, merging
from briefings.search.index import EntryText, index_entry, open_index, remove_entry
from briefings.search.matching import list_tokens, match
from briefings.search.merging import (
    GRACE,
    LONGEST_TAIL,
    MOST_TEXTS,
    SILENCE,
    choose_segments,
    find_damaged_segments,
    make_all_segments,
    make_segments,
    tidy_index,
)
from briefings.search.query import parse_query
from briefings.tests.search.sights import see_all

pytestmark = pytest.mark.django_db
LATER = timedelta(hours=1)


def write(entry_id: int, body: str) -> None:
    index_entry(entry_id, EntryText("", "", body))


def find(typed: str) -> list[int]:
    query, now = parse_query(typed), open_index()
    rows = match(query, see_all(now), now.look_up(list_tokens(query))).rows
    return see_all(now).entry_ids[rows].tolist()


def fill_tail(*, first: int = 1) -> None:
    for entry_id in range(first, first + LONGEST_TAIL):
        write(entry_id, f"關稅第{entry_id}號")


def list_states() -> list[str]:
    return list(Segment.objects.order_by("pk").values_list("state", flat=True))


def meanwhile(monkeypatch, act):
    """Have `act` done when the postings of a segment are written, before anybody reads them."""
    write_postings = merging._write_postings

    def write_and_act(segment, table):
        checksum = write_postings(segment, table)
        act()
        return checksum

    monkeypatch.setattr(merging, "_write_postings", write_and_act)


# ---------------------------------------------------------------------------------- what is chosen
def test_segments_much_larger_than_what_is_new_stay_as_they_are():
    assert choose_segments(64, {1: 64, 2: 200, 3: 4000}) == [1, 2]
    assert choose_segments(64, {1: 64, 2: 3000}) == [1]
    assert choose_segments(64, {1: 300}) == []


def test_no_segment_becomes_larger_than_it_may():
    assert choose_segments(5000, {1: MOST_TEXTS - 5000, 2: MOST_TEXTS - 4999}) == [1]


@given(st.lists(st.integers(64, 200), max_size=300))
def test_however_texts_come_there_are_never_many_segments(tails):
    sizes: dict[int, int] = {}
    for number, tail in enumerate(tails):
        chosen = choose_segments(tail, sizes)
        sizes[number] = tail + sum(sizes.pop(segment) for segment in chosen)
    full = sum(sizes.values()) // (MOST_TEXTS // 2) + 1
    assert len(sizes) <= full + 8


# ------------------------------------------------------------------------------- what comes of it
def test_a_short_tail_is_left_alone():
    write(1, "關稅")

    assert tidy_index(timezone.now()) == 0
    assert list_states() == []


def test_a_long_tail_becomes_a_segment_and_finds_the_same():
    fill_tail()
    before = find("關稅")

    assert tidy_index(timezone.now()) == LONGEST_TAIL

    assert list_states() == ["live"]
    assert open_index().tail == ()
    assert find("關稅") == before == list(range(1, LONGEST_TAIL + 1))
    assert find("第7號") == [7]


def test_a_text_that_changes_later_counts_as_it_is_now():
    fill_tail()
    tidy_index(timezone.now())
    write(7, "匯率")
    assert (find("第7號"), find("匯率")) == ([], [7])

    make_all_segments()
    assert (find("第7號"), find("匯率")) == ([], [7])


def test_what_is_gone_stays_gone_in_whatever_segment_it_was():
    fill_tail()
    make_segments(range(1, LONGEST_TAIL + 1))
    remove_entry(7)
    make_segments([7, 8])
    assert 7 not in find("關稅")

    make_all_segments()
    assert 7 not in find("關稅")
    assert not IndexedText.objects.filter(pk=7).exists()


def test_of_a_tail_only_what_changed_is_tabulated_anew(monkeypatch):
    for entry_id in (1, 70, 140):
        write(entry_id, f"關稅第{entry_id}號")
    before = open_index().tail

    write(70, "匯率")

    after = open_index().tail
    assert [old is new for old, new in zip(before, after, strict=True)] == [True, False, True]
    assert (find("關稅"), find("匯率")) == ([1, 140], [70])


def test_small_segments_come_together():
    for first in (1, 1001):
        fill_tail(first=first)
        tidy_index(timezone.now())

    assert list_states() == ["retired", "live"]
    assert len(find("關稅")) == 2 * LONGEST_TAIL


def test_what_was_replaced_is_kept_for_who_still_reads_it_and_then_removed():
    fill_tail()
    make_all_segments()
    [old] = Segment.objects.values_list("pk", flat=True)
    reading = open_index()
    make_all_segments()

    tidy_index(timezone.now())
    query = parse_query("關稅")
    rows = match(query, see_all(reading), reading.look_up(list_tokens(query))).rows
    assert len(rows) == LONGEST_TAIL

    tidy_index(timezone.now() + GRACE + LATER)
    assert not Segment.objects.filter(pk=old).exists()
    assert not SegmentPosting.objects.filter(segment_id=old).exists()


def test_places_are_given_again_and_never_twice():
    for _ in range(5):
        fill_tail()
        make_all_segments()
        write(1, "新")
        tidy_index(timezone.now() + GRACE + LATER)
        taken = sorted(Segment.objects.values_list("first_block", "blocks"))
        ends = [first + blocks for first, blocks in taken]
        assert all(end <= first for end, (first, _) in zip(ends, taken[1:], strict=False))
    assert max(ends) < 5 * LONGEST_TAIL


def test_an_index_without_room_says_so_and_still_finds(monkeypatch):
    fill_tail()
    monkeypatch.setattr(merging, "_BLOCKS_IN_ALL", LONGEST_TAIL // 2)

    with pytest.raises(merging.NoRoom, match="索引沒有空位"):
        tidy_index(timezone.now())

    assert len(find("關稅")) == LONGEST_TAIL


# --------------------------------------------------------------------------------- what goes wrong
def test_what_is_saved_meanwhile_counts(monkeypatch):
    fill_tail()

    def save_and_remove():
        write(7, "匯率")
        remove_entry(8)
        write(900, "關稅新篇")

    meanwhile(monkeypatch, save_and_remove)
    assert tidy_index(timezone.now()) == LONGEST_TAIL - 2

    assert (find("第7號"), find("匯率"), find("第8號")) == ([], [7], [])
    assert find("關稅新篇") == [900]
    monkeypatch.undo()
    make_all_segments()
    assert (find("第7號"), find("匯率"), find("第8號")) == ([], [7], [])


def die():
    raise KeyboardInterrupt


def test_who_dies_halfway_leaves_nothing_that_is_read(monkeypatch):
    fill_tail()
    meanwhile(monkeypatch, die)
    with pytest.raises(KeyboardInterrupt):
        tidy_index(timezone.now())
    monkeypatch.undo()
    assert list_states() == ["being_made"]
    assert len(find("關稅")) == LONGEST_TAIL

    # For all that others know it is still at work.
    assert tidy_index(timezone.now()) == 0

    assert tidy_index(timezone.now() + SILENCE + LATER) == LONGEST_TAIL
    assert list_states() == ["live"]
    assert len(find("關稅")) == LONGEST_TAIL
    assert SegmentPosting.objects.values("segment_id").distinct().count() == 1


def test_who_was_taken_for_dead_puts_nothing_in_use(monkeypatch):
    fill_tail()
    meanwhile(monkeypatch, lambda: merging._remove_segments(timezone.now() + SILENCE + LATER))

    with pytest.raises(Segment.DoesNotExist):
        tidy_index(timezone.now())

    assert list_states() == []
    assert len(find("關稅")) == LONGEST_TAIL


def test_who_wakes_up_while_it_is_removed_puts_nothing_in_use_either(monkeypatch):
    fill_tail()
    remove_batch = merging._remove_batch

    def wake_up_and_remove(segment_id):
        segment = Segment.objects.get(pk=segment_id)
        with pytest.raises(Segment.DoesNotExist):
            merging._put_in_use(segment, [])
        return remove_batch(segment_id)

    meanwhile(monkeypatch, die)
    with pytest.raises(KeyboardInterrupt):
        tidy_index(timezone.now())
    monkeypatch.undo()
    monkeypatch.setattr(merging, "_remove_batch", wake_up_and_remove)
    tidy_index(timezone.now() + SILENCE + LATER)

    assert "being_made" not in list_states()
    assert len(find("關稅")) == LONGEST_TAIL


def test_a_text_whose_segment_is_not_there_is_found_and_brought_into_another():
    fill_tail()
    tidy_index(timezone.now())
    IndexedText.objects.filter(pk__lte=LONGEST_TAIL).update(segment_id=12345)
    mark_change(Kind.TEXTS)

    assert len(find("關稅")) == LONGEST_TAIL
    assert tidy_index(timezone.now()) == LONGEST_TAIL


def test_an_error_leaves_the_next_free_to_begin_at_once(monkeypatch):
    fill_tail()

    def fail():
        raise ValueError("full")

    meanwhile(monkeypatch, fail)
    with pytest.raises(ValueError, match="full"):
        tidy_index(timezone.now())
    monkeypatch.undo()

    assert tidy_index(timezone.now()) == LONGEST_TAIL


def test_what_is_removed_while_all_is_made_anew_stays_removed(monkeypatch):
    fill_tail()
    put_in_use = merging._put_in_use

    def put_in_use_and_remove(segment, rows):
        moved = put_in_use(segment, rows)
        remove_entry(7)
        return moved

    monkeypatch.setattr(merging, "_put_in_use", put_in_use_and_remove)
    make_all_segments()

    assert 7 not in find("關稅")


def test_but_one_at_a_time_makes_segments(monkeypatch):
    fill_tail()
    moved = []
    meanwhile(monkeypatch, lambda: moved.append(make_segments([1, 2, 3])))

    assert tidy_index(timezone.now()) == LONGEST_TAIL
    assert moved == [0]


def test_what_was_made_by_another_scheme_is_read_as_text_until_it_is_made_anew(monkeypatch):
    fill_tail()
    tidy_index(timezone.now())
    for module in (index, merging):
        monkeypatch.setattr(module, "SCHEME", "another")
    write(900, "關稅新篇")

    assert open_index().segments == ()
    assert len(find("關稅")) == LONGEST_TAIL + 1
    assert tidy_index(timezone.now()) == LONGEST_TAIL + 1
    assert list_states() == ["retired", "live"]
    assert len(find("關稅")) == LONGEST_TAIL + 1


def test_damage_is_noticed():
    fill_tail()
    make_all_segments()
    assert list(find_damaged_segments()) == []

    posting = SegmentPosting.objects.order_by("token", "written").first()
    SegmentPosting.objects.filter(pk=posting.pk).update(positions=b"\0\0\0\0")

    assert len(list(find_damaged_segments())) == 1


# ----------------------------------------------------------------------------- knowing of changes
@pytest.mark.parametrize("forget", [lambda: tidy_index(timezone.now()), make_all_segments])
def test_changes_are_forgotten_before_they_are_many(forget):
    for number in range(MOST_MARKS + 2):
        write(1, f"第{number}號")
    before = read_marks()
    forget()

    assert ChangeMark.objects.filter(kind=Kind.TEXTS).count() == 1
    if before[Kind.TEXTS][0] > 1:  # on SQLite there was never more than one
        assert read_marks() != before
    write(1, "新")
    assert find("新") == [1]
