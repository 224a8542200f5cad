from itertools import chain

import pytest

from briefings.importer.documents import document_from_text
from briefings.importer.paragraphs import (
    Layout,
    choose_layout,
    join_lines,
    measure_width,
    split_paragraphs,
)
from briefings.tests.importer.specimens import HARBOUR, POWER
from briefings.tests.importer.typesetting import INDENT, wrap

LAYOUT = Layout(measure=20)


def read_lines(*texts):
    return document_from_text("\n".join(texts), name="舊期.txt").lines


def split(*texts, with_marks=False, layout=LAYOUT):
    paragraphs, doubts = split_paragraphs(read_lines(*texts), layout, with_marks=with_marks)
    return [paragraph.text for paragraph in paragraphs], [doubt.line for doubt in doubts]


@pytest.mark.parametrize(
    ("lines", "joined"),
    [
        (["於 9月", "22日"], "於9月22日"),
        (["以 Research and", "Development 為本"], "以Research and Development為本"),
        (["電話：2542 8611；", "傳真"], "電話：2542 8611；傳真"),
        (["（即", "R&D）"], "（即R&D）"),
        (["李　四"], "李　四"),
        (["A  B"], "A B"),
    ],
)
def test_only_latin_words_keep_a_space(lines, joined):
    assert join_lines(lines) == joined


def test_a_chinese_character_is_two_wide_and_a_digit_one():
    assert measure_width("於 9月，") == 2 + 1 + 1 + 2 + 2


def test_a_short_line_that_ends_a_sentence_ends_a_paragraph():
    paragraphs, doubts = split("甲甲甲甲甲甲甲甲", "乙乙乙乙乙。", "丙丙丙丙丙丙丙丙", "丁丁。")

    assert paragraphs == ["甲甲甲甲甲甲甲甲乙乙乙乙乙。", "丙丙丙丙丙丙丙丙丁丁。"]
    assert doubts == []


def test_a_full_line_that_ends_a_sentence_ends_a_paragraph_if_the_next_is_two_em_short():
    paragraphs, doubts = split(
        "甲甲甲甲甲甲甲甲", "乙乙乙乙乙乙乙乙乙。", "丙丙丙丙丙丙丙丙", "丁丁丁丁丁。"
    )

    assert [len(paragraph) for paragraph in paragraphs] == [18, 14]
    assert doubts == []


def test_a_full_line_that_ends_a_sentence_is_joined_if_the_next_is_full():
    paragraphs, doubts = split(
        "甲甲甲甲甲甲甲甲", "乙乙乙乙乙乙乙乙乙。", "丙丙丙丙丙丙丙丙丙丙", "丁丁丁丁丁。"
    )

    assert len(paragraphs) == 1
    assert doubts == []


def test_a_full_line_before_a_short_one_is_joined_and_doubted():
    paragraphs, doubts = split("甲甲甲甲甲甲甲甲", "乙乙乙乙乙乙乙乙乙。", "丙丙丙。")

    assert len(paragraphs) == 1
    assert doubts == [2]


def test_room_left_for_a_long_latin_word_is_no_paragraph_end():
    paragraphs, doubts = split("甲甲甲甲甲甲甲甲", "乙乙。", "Internationalisation丙。")

    assert len(paragraphs) == 1
    assert doubts == []


def test_marks_decide_where_widths_cannot():
    paragraphs, doubts = split(
        "甲甲甲甲甲甲甲甲", "乙乙乙乙乙乙乙乙乙。 ", "丙丙丙。 ", with_marks=True
    )

    assert len(paragraphs) == 2
    assert doubts == []


def test_a_break_where_the_mark_is_missing_is_doubted():
    paragraphs, doubts = split("甲甲甲甲甲甲甲甲", "乙乙。", "丙丙丙。 ", with_marks=True)

    assert len(paragraphs) == 2
    assert doubts == [2]


def test_a_mark_in_mid_sentence_is_overruled_and_doubted():
    paragraphs, doubts = split(
        "甲甲甲甲甲甲甲甲",
        "乙乙乙乙乙乙乙乙乙乙 ",
        "丙丙丙丙丙丙丙丙丙丙",
        "丁。 ",
        with_marks=True,
    )

    assert len(paragraphs) == 1
    assert doubts == [2]


def test_one_line_a_paragraph_is_taken_as_such():
    lines = read_lines("甲" * 60 + "。", "乙" * 35 + "。", "丙" * 9 + "。", "丁" * 80 + "。")

    layout = choose_layout([lines], with_marks=False)

    assert len(split_paragraphs(lines, layout, with_marks=False)[0]) == 4


@pytest.mark.parametrize("measure", [60, 74, 80])
def test_the_measure_is_worked_out_from_the_lines(measure):
    blocks = [
        read_lines(*chain.from_iterable(wrap(p, indent=INDENT, measure=measure) for p in texts))
        for texts in (HARBOUR.paragraphs, POWER.paragraphs)
    ]

    layout = choose_layout(blocks, with_marks=False)

    found = [len(split_paragraphs(block, layout, with_marks=False)[0]) for block in blocks]
    assert found == [len(HARBOUR.paragraphs), len(POWER.paragraphs)]


def test_lines_wrapped_by_counting_characters_are_recognised():
    text = "自2023年1月起，以AI及5G推動R&D的企業可獲20%至35%的資助，上限為HK$800,000。" * 6
    lines = read_lines(*(text[place : place + 30] for place in range(0, len(text), 30)))

    assert choose_layout([lines], with_marks=False) == Layout(measure=60, latin=2)


def test_an_empty_block_has_no_paragraphs():
    assert split_paragraphs([], LAYOUT, with_marks=False) == ([], [])
