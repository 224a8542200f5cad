"""From a manuscript to a LegacyEdition: entries in order, footer, and each doubt with its line."""

import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from briefings.importer.blocks import paragraph_block
from briefings.importer.documents import (
    Document,
    Doubt,
    Kind,
    Line,
    Manuscript,
    UnreadableDocument,
    document_from_text,
)
from briefings.importer.labels import find_date, find_number
from briefings.importer.legacy import (
    LegacyEdition,
    LegacyEntry,
    LegacyImprint,
    refuse_excess,
    refuse_long,
)
from briefings.importer.outline import Outline, Section, find_outline, read_masthead
from briefings.importer.paragraphs import (
    Layout,
    choose_layout,
    ends_sentence,
    measure_width,
    split_paragraphs,
    tidy_spaces,
)
from briefings.importer.word_parser import are_wrapped, as_lines, parse_units, read_units

# Of the places where a block surely ends, how many must carry the mark before it is believed.
MARKS_KEPT = 0.8

# What our own printed edition puts under an entry.
THEMES = "政策主題："


def parse_manuscript(manuscript: Manuscript) -> LegacyEdition:
    """Raises UnreadableDocument when it holds no entry, or one that is too long."""
    name = manuscript.name
    if manuscript.kind != Kind.WORD:
        edition = parse_edition(document_from_text(manuscript.source, name=name))
    elif are_wrapped(units := read_units(manuscript.source)):
        edition = parse_edition(Document(name, as_lines(units)))
    else:
        edition = parse_units(units, name=name)
    doubts = sorted((*edition.doubts, *manuscript.doubts), key=lambda doubt: doubt.line)
    return refuse_long(replace(edition, doubts=tuple(doubts)))


def parse_edition(document: Document) -> LegacyEdition:
    """Raises UnreadableDocument when the text holds no entry."""
    lines = document.lines
    outline = find_outline(lines)
    if not outline.sections:
        raise UnreadableDocument(
            f"{document.name}：找不到任何一篇短評（要有編號標題、導言及「短評」一行）。"
        )
    refuse_excess(len(outline.sections), name=document.name)
    with_marks = _marks_are_kept(lines, outline)
    layout = choose_layout(
        [block for section in outline.sections for block in _blocks(lines, section)],
        with_marks=with_marks,
    )
    doubts = [*outline.doubts, *_doubt_characters(lines[outline.sections[0].heading.start :])]
    entries = []
    for section in outline.sections:
        entry, unsure = _read_entry(lines, section, layout, with_marks=with_marks)
        entries.append(entry)
        doubts += unsure
    imprint, unsure = _read_imprint(lines, outline.footer)
    doubts += unsure
    masthead = read_masthead(
        (line.text for line in lines[: outline.sections[0].heading.start]),
        (entry.headline for entry in entries),
    )
    return LegacyEdition(
        name=document.name,
        number=find_number(masthead),
        date=find_date(masthead),
        entries=tuple(entries),
        imprint=imprint,
        doubts=tuple(sorted(doubts, key=lambda doubt: doubt.line)),
    )


def _blocks(lines: Sequence[Line], section: Section) -> tuple[Sequence[Line], Sequence[Line]]:
    """The lines of the lead and of the body; without a label all is body."""
    start = section.heading.stop
    if section.label is None:
        return (), lines[start : section.stop]
    return lines[start : section.label], lines[section.label + 1 : section.stop]


def _marks_are_kept(lines: Sequence[Line], outline: Outline) -> bool:
    """Whether trailing spaces tell where blocks end: they stand at every end known otherwise, and
    not in the middle of sentences, as they would if some program had put one after every line.
    """
    known_ends = []
    in_prose = []
    for section in outline.sections:
        blocks = [block for block in _blocks(lines, section) if block]
        known_ends += [block[-1] for block in blocks]
        known_ends += [] if section.label is None else [lines[section.label]]
        in_prose += [line for block in blocks for line in block if line.marked]
    kept = sum(line.marked for line in known_ends)
    sensible = sum(ends_sentence(line.text) for line in in_prose)
    return kept >= MARKS_KEPT * len(known_ends) and sensible >= MARKS_KEPT * len(in_prose)


def _read_entry(
    lines: Sequence[Line], section: Section, layout: Layout, *, with_marks: bool
) -> tuple[LegacyEntry, list[Doubt]]:
    heading = section.heading
    (lead, unsure_lead), (body, unsure_body) = (
        split_paragraphs(block, layout, with_marks=with_marks) for block in _blocks(lines, section)
    )
    if section.label is None and len(body) > 1:
        lead, body = body[:1], body[1:]
    at = lines[heading.start].number
    doubts = [*unsure_lead, *unsure_body]
    if body and body[-1].text.startswith(THEMES):
        *body, themes = body
        doubts.append(Doubt(themes.line, "這一行是政策主題，沒有匯入；請在短評頁選擇主題。"))
    if not lead:
        doubts.append(Doubt(at, f"「{heading.title}」沒有導言。"))
    if not body:
        doubts.append(Doubt(at, f"「{heading.title}」沒有正文。"))
    width = measure_width(lines[heading.start].text, layout.latin)
    is_full = 0 < layout.measure - 2 <= width and heading.stop == heading.start + 1
    if is_full and not heading.is_listed:
        doubts.append(Doubt(at, "標題佔滿一行，未能確定是否還有下一行。"))
    blocks = tuple(paragraph_block(paragraph.line, paragraph.text) for paragraph in body)
    lead_text = "\n".join(paragraph.text for paragraph in lead)
    return LegacyEntry(heading.title, lead_text, blocks, at), doubts


def _read_imprint(lines: Sequence[Line], footer: int) -> tuple[LegacyImprint | None, list[Doubt]]:
    if footer == len(lines):
        return None, [Doubt(lines[-1].number, "文末找不到頁尾資料。")]
    links = [line for line in lines[footer:] if line.text.lower().startswith("mailto:")]
    texts = [tidy_spaces(line.text) for line in lines[footer:] if line not in links]
    link = links[0].text[len("mailto:") :].strip() if links else ""
    doubts = []
    if link and not any(link in text for text in texts):
        doubts.append(Doubt(links[0].number, f"電郵連結 {link} 與頁尾所寫的地址不同。"))
    return LegacyImprint(tuple(texts), link, lines[footer].number), doubts


def _doubt_characters(lines: Sequence[Line]) -> list[Doubt]:
    """Characters that are lost already, or that only one maker's font can show."""
    return [
        Doubt(line.number, f"有無法辨認的字元：U+{ord(character):04X}。")
        for line in lines
        for character in line.text
        if character == "\ufffd" or unicodedata.category(character) in ("Co", "Cn")
    ]
