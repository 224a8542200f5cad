import codecs

import pytest

from briefings.importer.documents import Line, UnreadableDocument, document_from_text
from briefings.importer.readers import LARGEST_TEXT, manuscript_from_bytes, read_manuscript
from briefings.importer.readers.text import decode

TEXT = "1. 標題 \n\n首行，未完\n 下一頁。\n"


def read(data, name="舊期.txt"):
    return document_from_text(manuscript_from_bytes(data, name=name).source, name=name)


def read_texts(data):
    return [line.text for line in read(data).lines]


def test_a_line_keeps_its_number_and_whether_a_space_followed_it():
    document = read(TEXT.encode())

    assert document.lines == (
        Line(1, "1. 標題", marked=True),
        Line(3, "首行，未完", marked=False),
        Line(4, "下一頁。", marked=False),
    )


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "utf-16-le"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("big5hkscs"), "big5hkscs"),
    ],
)
def test_every_encoding_gives_the_same_lines(data, encoding):
    assert decode(data, name="舊期.txt")[0] == encoding
    assert read_texts(data) == ["1. 標題", "首行，未完", "下一頁。"]


def test_characters_only_hkscs_has_are_read():
    assert read_texts("深水埗，紅磡，鰂魚涌。".encode("big5hkscs")) == ["深水埗，紅磡，鰂魚涌。"]


def test_a_sign_only_microsoft_has_in_big5_is_read():
    assert read_texts("售價，€5。".encode("cp950")) == ["售價，€5。"]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_numbers_do_not_depend_on_line_ends(line_end):
    data = TEXT.replace("\n", line_end).encode()

    numbers = [line.number for line in read(data).lines]

    assert numbers == [1, 3, 4]


def test_a_form_feed_ends_a_line_without_counting_one():
    document = read("上頁，\f下頁。\n末行。".encode())

    assert [(line.number, line.text) for line in document.lines] == [
        (1, "上頁，"),
        (1, "下頁。"),
        (2, "末行。"),
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "空的"),
        (codecs.BOM_UTF8, "空的"),
        (b" \r\n\f\n", "空的"),
        (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
        (b"PK\x03\x04\x14\x00", "Word"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "Word"),
        (b"{\\rtf1\\ansi", "RTF"),
        ("標題，\x00正文。".encode(), "NUL"),
        ("標題，\x07正文。".encode(), "控制字元"),
        (bytes(range(256)), "NUL"),
        (codecs.BOM_UTF8 + b"\xff", "第 1 個位元組"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8", "無法解讀"),
        ("標題，正文。".encode() + b"\xff", "編碼"),
        ("标题，正文。这是简体字的文件。".encode("gb18030"), "編碼"),
    ],
)
def test_what_is_not_text_is_refused_with_the_reason(data, reason):
    with pytest.raises(UnreadableDocument, match=rf"舊期\.txt.*{reason}"):
        read(data)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UnreadableDocument, match="找不到檔案"):
        read_manuscript(tmp_path / "沒有.txt")


def test_a_directory_is_refused(tmp_path):
    with pytest.raises(UnreadableDocument, match="資料夾"):
        read_manuscript(tmp_path)


def test_an_impossible_path_is_refused(tmp_path):
    with pytest.raises(UnreadableDocument):
        read_manuscript(tmp_path / "\0")


def test_a_file_far_larger_than_an_edition_is_refused(tmp_path):
    path = tmp_path / "大.txt"
    path.write_bytes(b"a" * (LARGEST_TEXT + 1))

    with pytest.raises(UnreadableDocument, match="上限"):
        read_manuscript(path)
