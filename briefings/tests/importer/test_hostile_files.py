"""Files that would take their reader down, or are not what they say: each refused with a reason.

None of them costs more than a few seconds, and the process that asked always lives.
"""

import zipfile
from io import BytesIO

import pytest

from briefings.importer.documents import UnreadableDocument
from briefings.importer.readers import LARGEST_FILE, confined, manuscript_from_bytes
from briefings.tests.importer.pdf_files import (
    lock,
    make_blank,
    make_stream_bomb,
    print_html,
    print_old_edition,
)
from briefings.tests.importer.specimens import TALENT
from briefings.tests.importer.word_files import make_styled, with_parts

SPACE = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
WORD = make_styled([TALENT])
ENTITIES = "".join(
    f'<!ENTITY {name} "{f"&{inner};" * 10}">'
    for inner, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def make_document(body, *, prolog=""):
    return f"{prolog}<w:document {SPACE}><w:body>{body}</w:body></w:document>"


def paragraph(text):
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def make_zip(names):
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    return file.getvalue()


def make_lying_zip():
    """A bomb whose directory says that the part is small."""
    bomb = with_parts(WORD, document=make_document(" " * 30_000_000))
    with zipfile.ZipFile(BytesIO(bomb)) as archive:
        size = archive.getinfo("word/document.xml").file_size
    return bomb.replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little"))


WORD_FILES = {
    "a part that unpacks to 30 MB": (
        lambda: with_parts(WORD, document=make_document(" " * 30_000_000)),
        "壓縮炸彈",
    ),
    "a part that says it is small": (make_lying_zip, "壓縮炸彈|已損壞"),
    "a picture that unpacks to 420 MB": (
        lambda: with_parts(WORD, picture=bytes(420_000_000)),
        "壓縮炸彈",
    ),
    "thousands of parts": (lambda: make_zip(f"word/{n}.xml" for n in range(2500)), "壓縮炸彈"),
    "a million paragraphs": (
        lambda: with_parts(WORD, document=make_document("<w:p/>" * 800_000)),
        "異常複雜",
    ),
    "tables in tables": (
        lambda: with_parts(
            WORD,
            document=make_document("<w:tbl><w:tr><w:tc>" * 2000 + "</w:tc></w:tr></w:tbl>" * 2000),
        ),
        "異常複雜",
    ),
    "entities that grow": (
        lambda: with_parts(
            WORD,
            document=make_document(
                paragraph("&i;"), prolog=f'<!DOCTYPE d [<!ENTITY a "{"x" * 999}">{ENTITIES}]>'
            ),
        ),
        "DTD",
    ),
    "an entity that reads our files": (
        lambda: with_parts(
            WORD,
            document=make_document(
                paragraph("&x;"),
                prolog='<?xml version="1.0" encoding="utf-16"?>'
                '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
            ).encode("utf-16"),
        ),
        "DTD",
    ),
    "macros": (lambda: with_parts(WORD, macro=b"Sub AutoOpen()"), "巨集"),
    "its second half missing": (lambda: WORD[: len(WORD) // 2], "已損壞"),
    "another kind of zip": (lambda: make_zip(["xl/workbook.xml"]), "不是 Word"),
    "text without end": (
        lambda: with_parts(WORD, document=make_document(paragraph("甲" * 200_000) * 3)),
        "千字的上限",
    ),
    "a paragraph without end": (
        lambda: with_parts(WORD, document=make_document(paragraph("甲" * 400_000))),
        "有一段文字或一個表格太長",
    ),
    "a password": (
        lambda: b"\xd0\xcf\x11\xe0" + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
        "密碼",
    ),
    "the old format": (lambda: b"\xd0\xcf\x11\xe0" + bytes(600), r"舊式 Word"),
}


@pytest.mark.parametrize("kind", WORD_FILES)
def test_a_word_file_with_it_is_refused(kind):
    make, reason = WORD_FILES[kind]

    with pytest.raises(UnreadableDocument, match=rf"舊期\.docx：.*(?:{reason})"):
        manuscript_from_bytes(make(), name="舊期.docx")


def test_paths_in_a_zip_lead_nowhere(tmp_path):
    source = manuscript_from_bytes(with_parts(WORD, outside=b"* * * * *"), name="舊期.docx").source

    assert TALENT.headline in source


PDF_FILES = {
    "three hundred pages": (lambda: make_blank(300), "超過 60 頁"),
    "a password": (lambda: lock(make_blank(1), password="secret"), "密碼"),
    "nothing but scanned pages": (lambda: make_blank(3), "掃描"),
    "its second half missing": (lambda: print_html("<p>正文。</p>")[:900], "已損壞"),
    "a drawing of a gigabyte": (make_stream_bomb, "已損壞|龐大|過長"),
    "no more than its first line": (lambda: b"%PDF-1.7\n", "已損壞"),
}


@pytest.mark.parametrize("kind", PDF_FILES)
def test_a_pdf_with_it_is_refused(kind):
    make, reason = PDF_FILES[kind]

    with pytest.raises(UnreadableDocument, match=rf"舊期\.pdf：.*(?:{reason})"):
        manuscript_from_bytes(make(), name="舊期.pdf")


def test_a_pdf_that_only_forbids_printing_is_read():
    pdf = lock(print_old_edition([TALENT]), password="")

    assert TALENT.headline in manuscript_from_bytes(pdf, name="舊期.pdf").source


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("舊期.txt", WORD, "內容卻是 Word"),
        ("舊期.pdf", WORD, "內容卻是 Word"),
        ("舊期.docx", b"%PDF-1.7\n", "內容卻是 PDF"),
        ("舊期.docx", b"\x89PNG\r\n\x1a\n", "內容卻不是 Word"),
        ("舊期.pdf", "純文字。".encode(), "內容卻不是 PDF"),
    ],
)
def test_a_wrong_ending_is_refused(name, data, reason):
    with pytest.raises(UnreadableDocument, match=reason):
        manuscript_from_bytes(data, name=name)


def test_a_file_beyond_the_limit_is_refused():
    with pytest.raises(UnreadableDocument, match="20 MB"):
        manuscript_from_bytes(b"%PDF-" + bytes(LARGEST_FILE), name="舊期.pdf")


def test_a_child_that_takes_too_long_is_ended(monkeypatch):
    monkeypatch.setattr(confined, "MOST_WAITING", 0.01)

    with pytest.raises(UnreadableDocument, match="時間過長"):
        manuscript_from_bytes(WORD, name="舊期.docx")
