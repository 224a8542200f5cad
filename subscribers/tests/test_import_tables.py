"""A list's rows come out of its bytes, whatever program saved it; one bad row is one bad row."""

import io
from collections import deque
from datetime import datetime
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from openpyxl import Workbook

from subscribers.importer import tables
from subscribers.importer.tables import UnreadableList, open_table

LIST = "電郵,稱呼\r\nchan@example.com,陳大文\r\nlee@example.com,李小明\r\n"
MOMENT = datetime(2026, 1, 5, 9, 30)  # noqa: DTZ001  (a workbook knows no zones)
ROWS = [("電郵", "稱呼"), ("chan@example.com", "陳大文"), ("lee@example.com", "李小明")]


def read(content: bytes | str) -> list:
    data = content.encode() if isinstance(content, str) else content
    return list(open_table(io.BytesIO(data)).rows)


def read_cells(content: bytes | str) -> list[tuple[str, ...]]:
    return [row.cells for row in read(content)]


def make_workbook(*rows) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("big5", "Big5"),
        ("big5hkscs", "Big5"),
        ("gb18030", "GB18030"),
    ],
)
def test_it_reads_what_chinese_programs_save(encoding, told):
    table = open_table(io.BytesIO(LIST.encode(encoding)))

    assert [row.cells for row in table.rows] == ROWS
    assert table.encoding == told


@pytest.mark.parametrize("name", ["𨋢口", "灣仔鰂魚涌", "邨"])
def test_big5_has_the_characters_of_hong_kong(name):
    content = f"電郵,稱呼\nchan@example.com,陳大文{name}\n".encode("big5hkscs")

    assert read_cells(content)[1][1] == f"陳大文{name}"


def test_simplified_names_are_told_from_big5():
    names = ["张伟", "王芳", "李娜", "刘洋", "陈静", "杨光", "赵磊"]
    content = "email,name\n" + "".join(f"m{i}@example.com,{n}\n" for i, n in enumerate(names))

    assert [row[1] for row in read_cells(content.encode("gb18030"))[1:]] == names


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_it_finds_the_separator(separator):
    assert read_cells(LIST.replace(",", separator)) == ROWS


def test_one_broken_character_leaves_the_other_rows_alone():
    content = LIST.encode() + b"ho@example.com,\xff\xfe\r\n"

    assert read_cells(content) == [*ROWS, ("ho@example.com", "\ufffd\ufffd")]


def test_quotes_hold_separators_and_line_ends_of_other_columns():
    content = '電郵,地址\na@example.com,"灣仔,\n一樓"\nb@example.com,中環\n'

    assert read_cells(content)[1:] == [("a@example.com", "灣仔,\n一樓"), ("b@example.com", "中環")]


def test_a_quote_that_never_closes_costs_its_own_row_only():
    content = '電郵,稱呼\na@example.com,"陳\nb@example.com,"李"\nc@example.com,黃\n'

    rows = read(content)

    assert [row.has_broken_quotes for row in rows] == [False, True, False, False]
    assert rows[2].cells == ("b@example.com", "李")


def test_a_line_without_end_is_read_past():
    longest = tables.LONGEST_LINE
    content = f"電郵\n{'x' * (3 * longest)}\nb@example.com\n"

    rows = read(content)

    assert [row.is_too_long for row in rows] == [False, True, False]
    assert rows[2].cells == ("b@example.com",)


def test_rows_are_numbered_as_a_spreadsheet_does():
    content = '電郵,地址\n\na@example.com,"一\n二"\nb@example.com,三\n'

    assert [(row.number, row.cells[0]) for row in read(content)] == [
        (1, "電郵"),
        (2, ""),
        (3, "a@example.com"),
        (4, "b@example.com"),
    ]


def test_it_reads_a_workbook():
    content = make_workbook(
        ["電郵", "稱呼", "電話", "日期"],
        ["chan@example.com", None, 23456789.0, MOMENT],
        [],
        [None, "李小明"],
    )
    table = open_table(io.BytesIO(content))

    assert [(row.number, row.cells) for row in table.rows] == [
        (1, ("電郵", "稱呼", "電話", "日期")),
        (2, ("chan@example.com", "", "23456789", "2026-01-05 09:30")),
        (3, ()),
        (4, ("", "李小明")),
    ]
    assert table.may_be_short


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "空的"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ".xls"),
        (b"PK\x03\x04 and nothing", "未能讀取"),
        (make_workbook(["電郵"])[:-200], "未能讀取"),
    ],
)
def test_what_is_no_list_is_refused_with_the_reason(content, told):
    with pytest.raises(UnreadableList, match=told):
        read(content)


def test_a_workbook_that_unpacks_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(tables, "LARGEST_SHEET", 1000)

    with pytest.raises(UnreadableList, match="太多"):
        read(make_workbook(["電郵"], *([f"m{i}@example.com"] for i in range(100))))


def rewrite(content: bytes, name: str, edit) -> bytes:
    """A workbook with one of its parts edited."""
    written = io.BytesIO()
    with ZipFile(io.BytesIO(content)) as old, ZipFile(written, "w", ZIP_DEFLATED) as new:
        for part in old.namelist():
            text = old.read(part)
            new.writestr(part, edit(text) if part == name else text)
    return written.getvalue()


def test_styles_that_unpack_to_too_much_are_refused(monkeypatch):
    monkeypatch.setattr(tables, "LARGEST_TEXTS", 100_000)
    content = rewrite(make_workbook(["電郵"]), "xl/styles.xml", lambda text: text + b" " * 100_000)

    with pytest.raises(UnreadableList, match="太多"):
        read(content)


def test_a_row_that_says_its_number_is_beyond_any_sheet_is_a_fault():
    content = rewrite(
        make_workbook(["電郵"], ["chan@example.com"]),
        "xl/worksheets/sheet1.xml",
        lambda text: text.replace(b'<row r="2"', b'<row r="999999999"'),
    )

    with pytest.raises(UnreadableList, match="未能讀取"):
        deque(open_table(io.BytesIO(content)).rows, maxlen=0)


def test_it_tells_how_far_it_is():
    table = open_table(io.BytesIO(LIST.encode()))
    before = table.percent
    list(table.rows)

    assert (before, table.percent) == (0, 100)
