"""From a Word file to HTML that has passed the allow-list, one block a line.

A .docx is a zip of XML. Only the few parts that hold text, styles and lists are taken out, each
within bounds, and what mammoth gets to see is a new zip of those alone: no pictures, macros,
embedded files or paths.
"""

import re
from collections.abc import Iterator
from functools import partial
from html import escape, unescape
from io import BytesIO
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile, ZipInfo

from briefings.html import LONGEST_NOTE, HTMLTooLong, clean_html
from briefings.importer.blocks import split_elements
from briefings.importer.documents import Doubt, UnreadableDocument

MOST_MEMBERS = 2000
MOST_MEMBERS_SIZE = 400 * 1024 * 1024  # as they claim; pictures are never unpacked
LARGEST_PART = 6 * 1024 * 1024  # an edition's document.xml is 100 kB
LARGEST_SUM = 12 * 1024 * 1024
DEEPEST = 200  # levels of XML; mammoth recurses
MOST_ELEMENTS = 60_000  # in one part; an edition has 3,000, and 900,000 fit in a file of 44 kB

MAIN = re.compile(r"word/document\d*\.xml")  # Word on the web writes document2.xml
NEEDED = re.compile(
    r"\[Content_Types\]\.xml|_rels/\.rels"
    r"|word/(?:document\d*|styles\d*|numbering\d*|footnotes\d*|endnotes\d*)\.xml"
    r"|word/_rels/(?:document\d*|footnotes\d*|endnotes\d*)\.xml\.rels"
)
MACROS = re.compile(r"vbaProject|vbaData", re.IGNORECASE)

STYLE_MAP = """
p[style-name^='toc '] => !
p[style-name^='TOC '] => !
p[style-name='標題 1'] => h1:fresh
p[style-name='標題 2'] => h2:fresh
p[style-name='標題 3'] => h3:fresh
u => u
"""

HEADING = re.compile(r"<(/?)h([1-6])>")
IMAGE = re.compile(r"<img\b[^>]*>")
# The numbers of footnotes in the text, and the list of notes that mammoth puts at the end.
NOTE_MARK = re.compile(r'<sup><a href="#((?:foot|end)note-\d+)"[^>]*>\[(\d+)\]</a></sup>')
NOTE_LIST = re.compile(r'<ol><li id="(?:foot|end)note-.*</ol>\Z', re.DOTALL)
NOTE = re.compile(r'<li id="((?:foot|end)note-\d+)">(.*?)</li>', re.DOTALL)
BACK_LINK = re.compile(r'<a href="#(?:foot|end)note-ref-\d+">[^<]*</a>')


def read_word(data: bytes) -> tuple[str, list[Doubt]]:
    """The HTML, and what was left out of it. Raises UnreadableDocument."""
    html = _convert(_repack(data))
    blocks: list[str] = []
    doubts = []
    for raw in split_elements(_level_headings(_place_notes(html))):
        try:
            block = clean_html(raw)
        except HTMLTooLong as refusal:
            raise UnreadableDocument(f"有一段文字或一個表格太長。{refusal}") from refusal
        has_image = IMAGE.search(raw)
        if has_image:
            doubts.append(Doubt(max(len(blocks), 1), "這裏有圖片，沒有匯入；請在短評頁加回。"))
        if _has_text(block):
            blocks.append(block.replace("\n", " "))
    if not blocks:
        raise UnreadableDocument("Word 檔沒有文字。")
    return "\n".join(blocks) + "\n", doubts


def _repack(data: bytes) -> BytesIO:
    """A zip of the needed parts only. Raises UnreadableDocument."""
    try:
        with ZipFile(BytesIO(data)) as archive:
            parts = dict(_take_parts(archive))
    # NotImplementedError is zipfile's word for a compression that it doesn't know.
    except (BadZipFile, NotImplementedError, OSError, ValueError) as error:
        raise UnreadableDocument("檔案不完整或已損壞，請重新下載或另存後再試。") from error
    for content in parts.values():
        _refuse_hostile_xml(content)
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    packed.seek(0)
    return packed


def _take_parts(archive: ZipFile) -> Iterator[tuple[str, bytes]]:
    members = archive.infolist()
    if len(members) > MOST_MEMBERS or sum(m.file_size for m in members) > MOST_MEMBERS_SIZE:
        raise UnreadableDocument("檔案解開後異常龐大（壓縮炸彈），未有讀取。")
    names = {member.filename for member in members}
    if not any(map(MAIN.fullmatch, names)):
        raise UnreadableDocument("這是壓縮檔，但不是 Word（.docx）文件。")
    if any(MACROS.search(name) for name in names):
        raise UnreadableDocument("Word 檔含有巨集，請另存為沒有巨集的 .docx。")
    room = LARGEST_SUM
    for name in sorted(filter(NEEDED.fullmatch, names)):
        content = _take_part(archive, archive.getinfo(name), min(room, LARGEST_PART))
        room -= len(content)
        yield name, content


def _take_part(archive: ZipFile, member: ZipInfo, room: int) -> bytes:
    """Bounded by what comes out, whatever size the zip claims."""
    if member.flag_bits & 1:
        raise UnreadableDocument("檔案有密碼保護，請先移除密碼。")
    with archive.open(member) as file:
        content = file.read(room + 1)
    if len(content) > room:
        raise UnreadableDocument("檔案解開後異常龐大（壓縮炸彈），未有讀取。")
    return content


def _refuse_hostile_xml(content: bytes) -> None:
    """Word writes no document type; with it come entities that grow, or fetch. Nor such depths."""
    depth = count = 0

    def refuse(*_: object) -> None:
        raise UnreadableDocument("Word 檔含有不應有的實體宣告（DTD），未有讀取。")

    def open_element(*_: object) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > DEEPEST or count > MOST_ELEMENTS:
            raise UnreadableDocument("Word 檔的結構異常複雜，未有讀取。")

    def close_element(*_: object) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = open_element
    parser.EndElementHandler = close_element
    try:
        parser.Parse(content, True)  # noqa: FBT003  (expat takes no keywords)
    except expat.ExpatError as error:
        raise UnreadableDocument("檔案不完整或已損壞，請重新下載或另存後再試。") from error


def _convert(packed: BytesIO) -> str:
    import mammoth

    converted = mammoth.convert_to_html(
        packed,
        style_map=STYLE_MAP,
        include_embedded_style_map=False,
        convert_image=lambda _: [mammoth.html.element("img", {})],
    )
    html: str = converted.value
    return html


def _level_headings(html: str) -> str:
    """The highest level of heading in use becomes h2, the next h3, all others h4."""
    levels = sorted({match[2] for match in HEADING.finditer(html)})
    rank = {level: min(4, place) for place, level in enumerate(levels, start=2)}
    return HEADING.sub(lambda match: f"<{match[1]}h{rank[match[2]]}>", html)


def _place_notes(html: str) -> str:
    """Footnotes become notes in the paragraphs that call them.

    Long ones, and those of headings and such, which are kept as text only, follow as paragraphs.
    """
    found = NOTE_LIST.search(html)
    if not found:
        return html
    notes = {match[1]: _note_text(match[2]) for match in NOTE.finditer(found[0])}
    pieces = []
    for element in split_elements(html[: found.start()]):
        left: list[str] = []
        may_hold = not element.startswith(("<h", "<table"))
        pieces.append(NOTE_MARK.sub(partial(_place_note, notes, left, may_hold=may_hold), element))
        pieces += left
    return "".join(pieces)


def _place_note(
    notes: dict[str, str], left: list[str], mark: re.Match[str], *, may_hold: bool
) -> str:
    """What stands for a mark; the note itself if it can't be here goes to `left`."""
    text = notes.pop(mark[1], "")
    words = escape(text, quote=False)
    if text and may_hold and len(text) <= LONGEST_NOTE:
        return f'<span role="note">{words}</span>'
    left.append(f"<p>[{mark[2]}] {words}</p>" if text else "")
    return f"<sup>[{mark[2]}]</sup>"


def _note_text(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", BACK_LINK.sub("", html))).strip()


def _has_text(block: str) -> bool:
    return bool(unescape(re.sub(r"<[^>]*>", "", block)).strip())
