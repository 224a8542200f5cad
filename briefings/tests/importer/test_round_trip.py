"""Editions nobody wrote, set as the seed is set and taken apart again."""

import random
from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from briefings.importer.documents import document_from_text
from briefings.importer.parser import parse_edition
from briefings.tests.importer.typesetting import Piece, typeset

HAN = "港商產業政策創新科技投資市場合作推動支援建設人才服務貿易競爭優勢綠色智能物流金融成本訂單"
INSERTS = (
    "「專精特新」",
    "5G",
    "33.5億元",
    "2023 年",
    "Research and Development",
    "(即RCEP)",
    "《綱要》",
)

clauses = st.one_of(
    st.text(HAN, min_size=2, max_size=24),
    st.tuples(st.text(HAN, min_size=1, max_size=9), st.sampled_from(INSERTS)).map("".join),
)
sentences = st.lists(clauses, min_size=1, max_size=5).map("，".join)
paragraphs = st.tuples(
    st.lists(sentences, min_size=1, max_size=5).map("。".join), st.sampled_from("。！？")
).map("".join)
pieces = st.builds(
    Piece,
    headline=st.text(HAN, min_size=4, max_size=30),
    lead=paragraphs,
    paragraphs=st.lists(paragraphs, min_size=1, max_size=6).map(tuple),
)
editions = st.lists(pieces, min_size=1, max_size=4, unique_by=lambda piece: piece.headline)


def read(text):
    return parse_edition(document_from_text(text, name="舊期.txt"))


def strip_line_ends(text):
    return "\n".join(line.rstrip() for line in text.split("\n"))


def squeeze(text):
    return "".join(text.split())


def find_ends(texts):
    """How many characters stand before the end of each paragraph."""
    return set(accumulate(len(squeeze(text)) for text in texts))


def make_random_edition(chance):
    def clause():
        han = "".join(chance.choices(HAN, k=chance.randint(3, 16)))
        return han + (chance.choice(INSERTS) if chance.random() < 0.2 else "")

    def paragraph():
        count = chance.choice([1, 2, 4, 8, 12])
        return "".join(clause() + chance.choice("，，，。") for _ in range(count)) + clause() + "。"

    texts = tuple(paragraph() for _ in range(chance.randint(2, 9)))
    return Piece(clause(), paragraph(), texts)


@settings(max_examples=60, deadline=None)
@given(editions)
def test_with_trailing_spaces_everything_comes_back_exactly(edition):
    found = read(typeset(edition)).entries

    assert [
        (squeeze(entry.headline), squeeze(entry.lead), list(map(squeeze, entry.paragraphs)))
        for entry in found
    ] == [
        (squeeze(piece.headline), squeeze(piece.lead), list(map(squeeze, piece.paragraphs)))
        for piece in edition
    ]


@settings(max_examples=60, deadline=None)
@given(editions)
def test_without_trailing_spaces_no_character_is_lost_doubled_or_moved(edition):
    found = read(strip_line_ends(typeset(edition))).entries

    assert [
        squeeze(entry.headline + entry.lead + "".join(entry.paragraphs)) for entry in found
    ] == [squeeze(piece.headline + piece.lead + "".join(piece.paragraphs)) for piece in edition]


def find_body_lines(text):
    """Numbers of the commentary's lines, each by how many characters stand before its end."""
    lines, count, is_body = {}, 0, False
    for number, line in enumerate(text.split("\n"), start=1):
        if squeeze(line).startswith("以上資料由"):
            break
        if is_body and squeeze(line):
            count += len(squeeze(line))
            lines[count] = number
        is_body = is_body or squeeze(line) == "短評"
    return lines


def test_without_trailing_spaces_every_wrong_paragraph_end_is_doubted_and_few_are_wrong():
    chance = random.Random(2023)
    wrong = total = 0

    for _ in range(100):
        piece = make_random_edition(chance)
        text = strip_line_ends(typeset([piece]))
        edition = read(text)
        missed = find_ends(piece.paragraphs) ^ find_ends(edition.entries[0].paragraphs)
        lines = find_body_lines(text)
        assert {lines[end] for end in missed} <= {doubt.line for doubt in edition.doubts}
        wrong += len(missed)
        total += len(piece.paragraphs)

    assert wrong <= total / 100
