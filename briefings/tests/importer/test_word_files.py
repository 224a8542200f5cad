"""What Word tells of an edition, in whichever way its author used Word."""

from datetime import date
from io import BytesIO

import pytest
from docx import Document

from briefings.html import LONGEST_NOTE
from briefings.importer.parser import parse_manuscript
from briefings.importer.readers import manuscript_from_bytes
from briefings.tests.importer.specimens import POWER, TALENT, THREE
from briefings.tests.importer.typesetting import typeset
from briefings.tests.importer.word_files import (
    make_pasted,
    make_plain,
    make_styled,
    save,
    with_notes,
)


def read(data):
    return parse_manuscript(manuscript_from_bytes(data, name="舊期.docx"))


def squeeze(text):
    return "".join(text.split())


def contents_of(entries):
    return [
        (squeeze(entry.headline), squeeze(entry.lead), [squeeze(text) for text in entry.paragraphs])
        for entry in entries
    ]


def messages_of(edition):
    return [doubt.message for doubt in edition.doubts]


FILES = {
    "heading styles": make_styled(THREE),
    "the edition's name above": make_styled(THREE, title="政策短評　第12期　2023年11月15日"),
    "headings of the second level": make_styled(THREE, level=2),
    "numbers typed": make_plain(THREE),
    "numbers by Word": make_plain(THREE, automatic=True),
    "nothing but bold type": make_plain(THREE, bold=True),
    "an old text pasted": make_pasted(typeset(THREE)),
}


@pytest.mark.parametrize("way", FILES)
def test_each_way_of_writing_in_word_gives_the_same_edition(way):
    edition = read(FILES[way])

    assert contents_of(edition.entries) == contents_of(THREE)
    assert edition.doubts == ()


def test_the_seed_pasted_into_word_is_the_seed(seed):
    text = seed.read_text()

    edition = read(make_pasted(text))

    truth = parse_manuscript(manuscript_from_bytes(text.encode(), name="舊期.txt"))
    assert edition.source_hash == truth.source_hash


def test_lists_tables_bold_type_and_headings_are_kept():
    edition = read(make_styled([POWER], extras=["heading", "list", "table", "bold"]))

    html = [block.html for block in edition.entries[0].blocks][len(POWER.paragraphs) :]
    assert html[0] == "<h2>小標題</h2>"
    assert html[1] == "<ul><li>甲項</li><li>乙項</li></ul>"
    assert html[2].startswith("<table>")
    assert html[3] == "<p>其中<strong>重點</strong>有三。</p>"


def test_a_masthead_tells_number_and_date():
    edition = read(FILES["the edition's name above"])

    assert (edition.number, edition.date) == (12, date(2023, 11, 15))


def test_without_labels_the_first_paragraph_is_the_lead_and_doubted():
    edition = read(make_styled([TALENT], with_labels=False))

    assert edition.entries[0].lead == TALENT.lead
    assert ["沒有「短評」一行" in message for message in messages_of(edition)] == [True]


def test_words_above_the_first_headline_are_reported():
    edition = read(make_styled([TALENT], title="內部參考，請勿外傳"))

    assert messages_of(edition) == ["標題之前的文字未能辨認，沒有匯入：「內部參考，請勿外傳」。"]


def test_a_picture_is_reported_where_it_stood():
    edition = read(make_styled([TALENT], extras=["picture"]))

    assert ["圖片" in message for message in messages_of(edition)] == [True]
    assert edition.doubts[0].line == 3 + len(TALENT.paragraphs)


def test_a_footnote_becomes_a_note_where_it_is_called():
    edition = read(with_notes(make_styled([TALENT]), {1: "見立法會文件。"}))

    assert (
        edition.entries[0].blocks[-1].html.endswith('<span role="note">見立法會文件。</span></p>')
    )
    assert edition.entries[0].paragraphs[-1] == "見立法會文件。"


def test_a_footnote_of_a_lead_stays_in_it_as_text():
    made = Document()
    made.add_heading("標題")
    made.add_paragraph("政府公布計劃。")

    edition = read(with_notes(save(made), {1: "見文件。"}))

    assert edition.entries[0].lead == "政府公布計劃。（註：見文件。）"


def test_a_footnote_that_is_too_long_follows_the_paragraph_that_calls_it():
    long = "字" * (LONGEST_NOTE + 1)
    edition = read(with_notes(make_styled([TALENT]), {1: long}))

    assert edition.entries[0].paragraphs[-1] == f"[1] {long}"
    assert edition.entries[0].paragraphs[-2].endswith("[1]")


def test_a_line_is_the_number_of_the_block_in_the_source():
    manuscript = manuscript_from_bytes(FILES["numbers typed"], name="舊期.docx")
    lines = manuscript.source.split("\n")

    edition = parse_manuscript(manuscript)

    for entry in edition.entries:
        assert entry.headline in lines[entry.line - 1]
        assert [lines[block.line - 1] for block in entry.blocks] == [b.html for b in entry.blocks]


def test_nothing_in_word_is_an_edition_without_headlines():
    document = Document()
    document.add_paragraph("各位同事：請於星期五前交稿。")

    with pytest.raises(Exception, match="找不到任何一篇短評"):
        read(save(document))


def test_an_empty_word_file_is_refused():
    file = BytesIO()
    Document().save(file)

    with pytest.raises(Exception, match="沒有文字"):
        read(file.getvalue())
