"""Word files as the department's people make them, and some that nobody makes in good faith."""

import zipfile
from collections.abc import Sequence
from io import BytesIO

from docx import Document
from docx.document import Document as WordDocument

from briefings.tests.importer.typesetting import FOOTER, Piece


def save(document: WordDocument) -> bytes:
    file = BytesIO()
    document.save(file)
    return file.getvalue()


def make_styled(
    pieces: Sequence[Piece],
    *,
    title: str = "",
    level: int = 1,
    with_labels: bool = True,
    extras: Sequence[str] = (),
) -> bytes:
    """Headlines in heading styles; `extras` of list, table and sub-heading in the first entry."""
    document = Document()
    if title:
        document.add_paragraph(title)
    for place, piece in enumerate(pieces):
        document.add_heading(piece.headline, level)
        document.add_paragraph(piece.lead)
        if with_labels:
            document.add_heading("短評", level + 1)
        for text in piece.paragraphs:
            document.add_paragraph(text)
        if place == 0:
            for extra in extras:
                EXTRAS[extra](document)
    for text in FOOTER[:2]:
        document.add_paragraph(text)
    return save(document)


def make_plain(pieces: Sequence[Piece], *, bold: bool = False, automatic: bool = False) -> bytes:
    """The old layout typed in Word: contents, numbered headlines, 短評, one paragraph each.

    `automatic` leaves the numbers to Word; `bold` marks headlines by nothing but bold type.
    """
    document = Document()
    for piece in pieces if not bold else ():
        document.add_paragraph(f"\uf09f {piece.headline}")
    for number, piece in enumerate(pieces, start=1):
        if automatic:
            document.add_paragraph(piece.headline, style="List Number")
        elif bold:
            document.add_paragraph().add_run(piece.headline).bold = True
        else:
            document.add_paragraph(f"{number}. {piece.headline}")
        document.add_paragraph(piece.lead)
        document.add_paragraph("短評")
        for text in piece.paragraphs:
            document.add_paragraph(text)
    for text in FOOTER[:2]:
        document.add_paragraph(text)
    return save(document)


def make_pasted(text: str) -> bytes:
    """An old text file pasted into Word, where each wrapped line became a paragraph."""
    document = Document()
    for line in text.split("\n"):
        if line.strip():
            document.add_paragraph(line)
    return save(document)


def _add_list(document: WordDocument) -> None:
    document.add_paragraph("甲項", style="List Bullet")
    document.add_paragraph("乙項", style="List Bullet")


def _add_table(document: WordDocument) -> None:
    table = document.add_table(rows=2, cols=2)
    for place, text in enumerate(["年份", "金額", "2023", "5億"]):
        table.cell(*divmod(place, 2)).text = text


def _add_bold(document: WordDocument) -> None:
    paragraph = document.add_paragraph("其中")
    paragraph.add_run("重點").bold = True
    paragraph.add_run("有三。")


def _add_picture(document: WordDocument) -> None:
    from PIL import Image

    picture = BytesIO()
    Image.new("RGB", (4, 4)).save(picture, "PNG")
    picture.seek(0)
    document.add_picture(picture)


EXTRAS = {
    "heading": lambda document: document.add_heading("小標題", 3),
    "list": _add_list,
    "table": _add_table,
    "bold": _add_bold,
    "picture": _add_picture,
}


def with_parts(data: bytes, **parts: bytes | str) -> bytes:
    """The Word file with parts put in or replaced; the keys are `document`, `bomb`, …"""
    names = {
        "document": "word/document.xml",
        "notes": "word/footnotes.xml",
        "relations": "word/_rels/document.xml.rels",
        "macro": "word/vbaProject.bin",
        "picture": "word/media/image1.png",
        "outside": "../../etc/cron.d/evil",
    }
    changed = {names[key]: content for key, content in parts.items()}
    file = BytesIO()
    with (
        zipfile.ZipFile(BytesIO(data)) as old,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
    ):
        for name in old.namelist():
            if name not in changed:
                new.writestr(name, old.read(name))
        for name, content in changed.items():
            new.writestr(name, content)
    return file.getvalue()


def with_notes(data: bytes, notes: dict[int, str]) -> bytes:
    """Footnotes, called at the end of the last paragraph before the footer."""
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    texts = "".join(
        f'<w:footnote w:id="{number}"><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:footnote>'
        for number, text in notes.items()
    )
    calls = "".join(f'<w:r><w:footnoteReference w:id="{number}"/></w:r>' for number in notes)
    relation = (
        '<Relationship Id="rIdNotes" Target="footnotes.xml" Type="http://schemas.openxmlformats.org'
        '/officeDocument/2006/relationships/footnotes"/></Relationships>'
    )
    with zipfile.ZipFile(BytesIO(data)) as archive:
        document = archive.read("word/document.xml").decode()
        relations = archive.read("word/_rels/document.xml.rels").decode()
    before, footer, after = document.partition("以上資料由")
    body, end, rest = before.rpartition("</w:p>")
    return with_parts(
        data,
        document=body + calls + end + rest + footer + after,
        notes=f"<w:footnotes {space}>{texts}</w:footnotes>",
        relations=relations.replace("</Relationships>", relation),
    )
