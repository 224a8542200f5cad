"""Posting lists against what the texts say, and as they are stored."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from briefings.search.fold import fold
from briefings.search.keys import (
    ANY,
    Spans,
    Token,
    key_of_joined,
    key_of_pair,
    key_of_word,
    place_tokens,
)
from briefings.search.pages import LONG, PAGE, Page, list_page_keys, name_pages, pack, store, unpack
from briefings.search.postings import BLOCK, FIELDS, EntryText, join, tabulate
from briefings.search.query import Phrase
from briefings.search.tokens import is_han, split_runs, split_runs_as_written

TEXTS = st.text("新質质生产產业5Gaé２ 　\n、。「\u200b①😀", max_size=25)
ENTRIES = st.lists(st.builds(EntryText, TEXTS, TEXTS, TEXTS), max_size=5)
POSITIONS = st.lists(st.integers(0, 2**32 - 1), max_size=200, unique=True).map(sorted)

Lists = dict[tuple[int, int], list[int]]  # of key and written


def tabulate_by_hand(entries: list[EntryText]) -> Lists:
    """What the module's own words say, character by character."""
    lists: Lists = {}

    def put(key: int, written: int, position: int) -> None:
        own = lists.setdefault((key, written), [])
        if position not in own:
            own.append(position)

    block = 0
    for field in (field for entry in entries for field in entry):
        place, word, end = block * BLOCK, 0, 0
        for run, raw in zip(split_runs(field), split_runs_as_written(field), strict=True):
            if not is_han(run):
                word = key_of_word(run)
                put(word, word, place)
                place, end = place + 1, place + 1
                continue
            if word:
                joined = [key_of_joined(word, ord(text[0])) for text in (run, raw)]
                put(*joined, place - 1)
            word = 0
            for i, (character, own) in enumerate(zip(run, raw, strict=True)):
                following = [ord(t[i + 1]) if i + 1 < len(t) else 0 for t in (run, raw)]
                put(
                    key_of_pair(ord(character), following[0]),
                    key_of_pair(ord(own), following[1]),
                    place + i,
                )
                put(key_of_pair(ord(character), ANY), key_of_pair(ord(own), ANY), block * BLOCK)
            place, end = place + len(run) + 1, place + len(run)
        if end:
            block += -(-(end - block * BLOCK + 2) // BLOCK)
    return lists


def only(key: int) -> Spans:
    return Spans.of([Token(key, key, key, 0)])


def read(table) -> Lists:
    lists: Lists = {}
    for i, (key, written) in enumerate(zip(table.keys, table.written, strict=True)):
        lists.setdefault((int(key), int(written)), []).extend(table.slice(i).tolist())
    return lists


@given(ENTRIES)
def test_tokens_stand_where_the_texts_have_them(entries):
    table = tabulate(entries)

    assert read(table) == tabulate_by_hand(entries)
    assert table.block_counts.shape == (len(entries), FIELDS)
    assert table.keys.tolist() == sorted(table.keys.tolist())


@given(ENTRIES, st.integers(0, 5))
def test_tables_joined_are_the_table_of_all(entries, cut):
    first = tabulate(entries[:cut])
    rest = tabulate(entries[cut:]).move(int(first.block_counts.sum()))

    assert read(join([first, rest])) == read(tabulate(entries))


@given(TEXTS.filter(split_runs))
def test_a_text_has_its_own_tokens_at_their_places(text):
    lists = read(tabulate([EntryText(text, "", "")]))

    for token in place_tokens(
        *(tuple(split(text)) for split in (split_runs, split_runs_as_written))
    ):
        found = [key for key in lists if token.first <= key[0] <= token.last]
        assert any(token.place in lists[key] and token.is_as_typed(key[1]) for key in found)


def test_every_character_of_a_phrase_is_looked_for():
    for length in range(2, 30):
        text = "".join(chr(0x4E00 + i) for i in range(length))
        tokens = place_tokens([fold(text)], [text])
        covered = {place for token in tokens for place in (token.place, token.place + 1)}
        assert covered == set(range(length))
        assert len(tokens) == -(-length // 2)


def test_a_word_of_any_length_is_itself_and_no_part_of_it():
    keys = {key_of_word("a" * length) for length in (1, 63, 64, 65, 128, 5000)}
    assert len(keys) == 6
    assert [token.first for token in Phrase.read("b" * 200).tokens] == [key_of_word("b" * 200)]


# --------------------------------------------------------------------------------------- as stored
@given(POSITIONS)
def test_positions_come_back_as_they_were(positions):
    packed = pack(np.array(positions, "<u4"))

    assert unpack(packed).tolist() == positions
    assert len(packed) <= 4 * len(positions)


@given(st.lists(st.integers(0, 70_000), min_size=LONG, max_size=300))
def test_near_ones_take_half_the_room(distances):
    positions = np.cumsum(np.array(distances, "<u4") + 1, dtype="<u4")
    packed = pack(positions)

    assert unpack(packed).tolist() == positions.tolist()
    if max(distances) < 0xFFFF - 1:
        assert len(packed) <= 2 * len(positions) + 2


@settings(deadline=None)
@given(ENTRIES, st.integers(1, 60))
def test_every_list_is_found_among_what_is_stored(entries, often):
    table = tabulate([*entries, *[EntryText("新質", "生產 5G", "新质生产力")] * often])
    rows = {row[:2]: row.data for row in store(table)}
    page_keys = list_page_keys(store(table))

    for (key, written), positions in read(table).items():
        if len(positions) >= LONG:
            assert unpack(rows[key, written]).tolist() == positions
            continue
        [name] = name_pages(page_keys, only(key))
        found = {p.written: p.positions.tolist() for _, p in Page(rows[name, 0]).find(only(key))}
        assert found[written] == positions
    assert len(rows) == sum(len(p) >= LONG for p in read(table).values()) + len(page_keys)


def test_a_key_is_in_one_page_in_however_many_ways_it_is_written():
    classes = ("發髮", "台臺檯颱", "后後", "里裡裏", "面麵", "制製")
    pairs = [f"{a}{b}" for one in classes for other in classes for a in one for b in other]
    fields = ["，".join(pairs)] * (LONG - 1)
    table = tabulate([EntryText("", "", field) for field in fields])
    page_keys = list_page_keys(store(table))

    assert len(page_keys) > 2
    assert len({*page_keys.tolist()}) == len(page_keys)
    rows = {row[:2]: row.data for row in store(table)}
    for (key, written), positions in read(table).items():
        if len(positions) < LONG:
            [name] = name_pages(page_keys, only(key))
            own = Page(rows[name, 0]).find(only(key))
            found = {posting.written: posting.positions.tolist() for _, posting in own}
            assert found[written] == positions


def test_many_short_lists_are_cut_into_pages():
    words = " ".join(f"w{number}" for number in range(3 * PAGE))
    table = tabulate([EntryText(words, "", "")])
    page_keys = list_page_keys(store(table))

    assert len(page_keys) == 3
    first, last = (key_of_word(f"w{n}") for n in (0, 3 * PAGE - 1))
    everything = Spans.of([Token(0, 2**63 - 1, 0, 0)])
    assert {*name_pages(page_keys, everything)} == {-int(key) for key in page_keys}
    assert all(len(name_pages(page_keys, only(key))) == 1 for key in (first, last))
