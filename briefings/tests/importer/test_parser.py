"""What is an entry and what only looks like one, and that every doubt names its line."""

from dataclasses import replace
from datetime import date

import pytest

from briefings.importer.documents import UnreadableDocument, document_from_text
from briefings.importer.parser import parse_edition
from briefings.tests.importer.specimens import HARBOUR, POWER, TALENT, THREE, make_pieces
from briefings.tests.importer.typesetting import FOOTER, Piece, typeset


def parse(text):
    return parse_edition(document_from_text(text, name="舊期.txt"))


def squeeze(text):
    return "".join(text.split())


def contents_of(entries):
    return [
        (squeeze(entry.headline), squeeze(entry.lead), [squeeze(text) for text in entry.paragraphs])
        for entry in entries
    ]


def strip_lines(text):
    return "\n".join(line.strip() for line in text.split("\n"))


def line_of(text, start):
    return next(n for n, line in enumerate(text.split("\n"), start=1) if line.startswith(start))


def doubts_of(text):
    return [(doubt.line, doubt.message) for doubt in parse(text).doubts]


@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_every_entry_comes_back_whole_and_without_doubt(count):
    pieces = make_pieces(count)

    edition = parse(typeset(pieces))

    assert contents_of(edition.entries) == contents_of(pieces)
    assert edition.doubts == ()


@pytest.mark.parametrize("count", [1, 3, 10])
def test_trailing_spaces_and_blank_lines_are_not_needed(count):
    pieces = make_pieces(count)
    text = "\n".join(filter(None, strip_lines(typeset(pieces)).split("\n")))

    edition = parse(text)

    assert contents_of(edition.entries) == contents_of(pieces)
    assert edition.doubts == ()


def test_a_space_after_every_line_is_not_taken_for_marks():
    text = typeset(THREE)
    spaced = "\n".join(f"{line.rstrip()} " for line in text.split("\n"))

    assert contents_of(parse(spaced).entries) == contents_of(THREE)


@pytest.mark.parametrize("bullet", ["\uf09f ", "", "● ", "? ", "‧", "- ", "1. "])
def test_contents_are_recognised_by_their_titles(bullet):
    edition = parse(typeset([HARBOUR], bullet=bullet))

    assert contents_of(edition.entries) == contents_of([HARBOUR])
    assert edition.doubts == ()


def test_no_contents_list_is_no_reason_for_doubt():
    edition = parse(typeset(THREE, titles=[]))

    assert contents_of(edition.entries) == contents_of(THREE)
    assert edition.doubts == ()


def test_a_title_the_contents_spell_otherwise_is_doubted_on_both_lines():
    text = typeset([HARBOUR, POWER], titles=[HARBOUR.headline, "淺談綠電"])

    assert doubts_of(text) == [
        (3, "目錄項目「淺談綠電」沒有對應的標題。"),
        (line_of(text, "2. "), f"標題「{POWER.headline}」與目錄不符。"),
    ]


def test_words_above_the_headings_are_reported_not_dropped_in_silence():
    assert doubts_of("內部參考\n" + typeset([HARBOUR]))[0] == (
        1,
        "標題之前的文字未能辨認，沒有匯入：「內部參考」。",
    )


def test_a_masthead_tells_number_and_date():
    edition = parse("政策通訊第八期\n2023年11月15日\n" + typeset([HARBOUR]))

    assert (edition.number, edition.date) == (8, date(2023, 11, 15))
    assert edition.doubts == ()


def test_a_title_of_the_contents_is_no_masthead_though_it_has_a_date():
    piece = replace(HARBOUR, headline="2023年10月25日施政報告前瞻")

    assert parse(typeset([piece], bullet="")).date is None


@pytest.mark.parametrize("prefix", ["2．", "２．", "２. ", "2、", "２、"])
def test_headings_may_be_numbered_in_other_ways(prefix):
    text = typeset([HARBOUR, POWER]).replace("\n2. ", f"\n{prefix}")

    assert contents_of(parse(text).entries) == contents_of([HARBOUR, POWER])


@pytest.mark.parametrize("headline", ["2024年施政報告前瞻", "5G專網的下一步"])
def test_a_title_may_begin_with_digits(headline):
    piece = Piece(headline, TALENT.lead, TALENT.paragraphs)
    text = typeset([piece]).replace("\n1. ", "\n１．")

    assert parse(text).entries[0].headline == headline


@pytest.mark.parametrize("titles", [None, []])
def test_a_title_may_fill_two_lines(titles):
    piece = Piece("從" + "細水長流" * 12 + "說起", TALENT.lead, TALENT.paragraphs)
    first, second = piece.headline[:35], piece.headline[35:]
    text = typeset([piece], titles=titles).replace(piece.headline, f"{first}\n\n{second}")

    assert contents_of(parse(text).entries) == contents_of([piece])


def test_numbered_items_in_a_body_are_not_entries():
    items = ("2. 先談第二點，因為它最急切。", "3. 再談其餘，包括以上未提及的。")
    pieces = [
        Piece(HARBOUR.headline, HARBOUR.lead, HARBOUR.paragraphs + items),
        POWER,
    ]
    text = typeset(pieces)

    edition = parse(text)

    assert [entry.headline for entry in edition.entries] == [HARBOUR.headline, POWER.headline]
    assert contents_of(edition.entries) == contents_of(pieces)
    assert [doubt.line for doubt in edition.doubts] == [line_of(text, "2. 先談")]


def test_a_line_that_begins_with_a_decimal_is_not_a_heading():
    lead = "甲" * 37 + "1.5萬億元，佔去年出口的三成。"
    edition = parse(typeset([Piece(HARBOUR.headline, lead, HARBOUR.paragraphs)], titles=[]))

    assert edition.entries[0].lead == lead


def test_a_missing_label_is_doubted_and_the_first_paragraph_taken_as_lead():
    text = typeset([POWER, TALENT, HARBOUR])
    before, after = text.split("\n2. ")
    text = before + "\n2. " + after.replace("短評 \n\n", "", 1)

    edition = parse(text)

    assert contents_of(edition.entries) == contents_of([POWER, TALENT, HARBOUR])
    assert [doubt.line for doubt in edition.doubts] == [line_of(text, "2. ")]


def test_a_missing_label_is_doubted_without_a_contents_list_too():
    text = typeset([POWER, TALENT, HARBOUR], titles=[])
    before, after = text.split("\n2. ")
    text = before + "\n2. " + after.replace("短評 \n\n", "", 1)

    edition = parse(text)

    assert [entry.headline for entry in edition.entries] == [
        POWER.headline,
        TALENT.headline,
        HARBOUR.headline,
    ]
    assert [doubt.line for doubt in edition.doubts] == [line_of(text, "2. ")]


def test_a_heading_without_a_number_is_known_from_the_contents_and_doubted():
    text = typeset([HARBOUR, POWER]).replace("\n2. ", "\n")

    edition = parse(text)

    assert contents_of(edition.entries) == contents_of([HARBOUR, POWER])
    assert [doubt.message for doubt in edition.doubts] == [
        f"標題「{POWER.headline}」沒有編號，按目錄認出。"
    ]


def test_a_number_out_of_order_is_doubted():
    text = typeset([HARBOUR, POWER]).replace("\n2. ", "\n4. ")

    assert doubts_of(text) == [(line_of(text, "4. "), "編號是 4，按次序應是 2。")]


def test_a_label_without_a_heading_stays_in_the_text_and_is_doubted():
    pieces = [Piece(POWER.headline, POWER.lead, (*POWER.paragraphs, "短評", "餘論。"))]
    text = typeset(pieces, titles=[])

    edition = parse(text)

    assert edition.entries[0].paragraphs[-2:] == ("短評", "餘論。")
    assert "「短評」之前找不到標題" in edition.doubts[0].message


@pytest.mark.parametrize("label", ["短 評", "短評：", "【短評】"])
def test_the_label_may_be_dressed_up(label):
    assert contents_of(parse(typeset([HARBOUR], label=label)).entries) == contents_of([HARBOUR])


def test_a_lead_or_body_that_is_missing_is_doubted():
    text = f"1. {TALENT.headline} \n短評 \n\n"

    assert [message for _, message in doubts_of(text)] == [
        f"「{TALENT.headline}」沒有導言。",
        f"「{TALENT.headline}」沒有正文。",
        "文末找不到頁尾資料。",
    ]


def test_the_footer_is_kept_apart_with_its_link():
    imprint = parse(typeset([HARBOUR])).imprint

    assert imprint.lines == tuple(line.strip() for line in FOOTER[:2])
    assert imprint.link == "research@cma.org.hk"


def test_a_link_to_another_address_than_the_footer_prints_is_doubted():
    text = typeset([HARBOUR], footer=[*FOOTER[:2], "mailto:other@example.org"])

    assert doubts_of(text)[0][1].startswith("電郵連結 other@example.org")


def test_a_missing_footer_is_doubted():
    assert [message for _, message in doubts_of(typeset([HARBOUR], footer=[]))] == [
        "文末找不到頁尾資料。"
    ]


def test_a_character_lost_before_us_is_doubted():
    text = typeset([HARBOUR]).replace("泊位", "泊\ufffd")

    assert ("有無法辨認的字元：U+FFFD。") in [message for _, message in doubts_of(text)]


@pytest.mark.parametrize("text", ["只有一句。", "1. 清單甲，\n2. 清單乙。", "短評\n沒有標題。"])
def test_a_text_without_entries_is_refused(text):
    with pytest.raises(UnreadableDocument, match="找不到任何一篇短評"):
        parse(text)


def test_the_hash_knows_the_text_whatever_its_spaces_and_paragraphs():
    text = typeset(THREE)

    assert parse(text).source_hash == parse(strip_lines(text)).source_hash


def test_the_hash_knows_another_text():
    assert parse(typeset([HARBOUR])).source_hash != parse(typeset([POWER])).source_hash


def test_a_file_with_a_hundred_and_one_headings_is_no_edition():
    text = "".join(f"{n}. 標題{n}號\n導言。\n短評\n正文。\n" for n in range(1, 100))
    text += "".join(f"{n}. 另一標題{n}號\n導言。\n短評\n正文。\n" for n in (1, 2))

    with pytest.raises(UnreadableDocument, match="101 個標題"):
        parse_edition(document_from_text(text, name="目錄.txt"))
