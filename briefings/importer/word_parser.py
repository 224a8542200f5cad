"""From the blocks of a Word file to a LegacyEdition.

Word tells what text alone leaves to be guessed: where paragraphs end, and often which of them are
headings. Headlines are known by heading styles; or as in the old text files, by number, lead and
the label 短評; or by standing alone in bold type.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import unescape
from itertools import groupby

from briefings.html import NOTE, split_blocks
from briefings.importer.blocks import Block, split_elements
from briefings.importer.documents import Doubt, Line, UnreadableDocument
from briefings.importer.labels import find_date, find_number
from briefings.importer.legacy import (
    LegacyEdition,
    LegacyEntry,
    LegacyImprint,
    refuse_excess,
)
from briefings.importer.outline import (
    BULLET,
    FOOTER,
    LABEL,
    LONGEST_FOOTER,
    NUMBERED,
    PROSE_ENDS,
    Heading,
    Outline,
    Section,
    find_outline,
    fold_title,
    is_masthead,
    read_masthead,
)
from briefings.importer.paragraphs import ends_sentence, measure_width

# Of lines that are no headings, how many must end a sentence, or else they are wrapped lines.
WHOLE = 0.6
FEWEST_WRAPPED = 8
LINE_OF_PROSE = 12  # characters
WIDEST_LINE = 120  # half em
LONGEST_BOLD_TITLE = 60  # characters

_FIRST_TAG = re.compile(r"<([a-z][a-z0-9]*)")
_ITEM_OF_CONTENTS = re.compile(r"[\s.．…·‥]*\d{0,3}$")
_BOLD = re.compile(r"<p>(?:<(?:strong|b)>.*?</(?:strong|b)>\s*)+</p>")


@dataclass(frozen=True)
class Unit:
    """A block, or one item of a list. `text` has the number Word shows before it."""

    line: int
    tag: str
    html: str
    text: str
    is_marked: bool  # a space follows it

    @property
    def level(self) -> int:
        """Of a heading; 0 for anything else."""
        return int(self.tag[1]) if re.fullmatch("h[1-6]", self.tag) else 0


def read_units(source: str) -> list[Unit]:
    return list(_walk_units(source))


def _walk_units(source: str) -> Iterator[Unit]:
    lone_items = 0
    for line, html in enumerate(split_elements(source), start=1):
        found = _FIRST_TAG.match(html)
        tag = found[1] if found else "p"
        if tag not in ("ul", "ol"):
            yield _make_unit(line, tag, html)
            continue
        items = split_elements(html[html.index(">") + 1 : html.rindex("</")])
        # Word numbers headlines "1." and "2." though a whole entry stands between them.
        lone_items += tag == "ol" and len(items) == 1
        for number, item in enumerate(items, start=lone_items if len(items) == 1 else 1):
            prefix = f"{number}. " if tag == "ol" else "• "
            yield _make_unit(line, tag, item, prefix)


def _make_unit(line: int, tag: str, html: str, prefix: str = "") -> Unit:
    bare = unescape(re.sub(r"<[^>]*>", "", html))
    # Where only text is kept, in a lead say, a note stays beside what it is about.
    text = prefix + " ".join(split_blocks(NOTE.sub(r"（註：\1）", html)))
    return Unit(line, tag, html, text, is_marked=bare != bare.rstrip())


def as_lines(units: Sequence[Unit]) -> tuple[Line, ...]:
    return tuple(Line(unit.line, unit.text, marked=unit.is_marked) for unit in units if unit.text)


def are_wrapped(units: Sequence[Unit]) -> bool:
    """Whether an old text was pasted into Word, and each of its lines is a paragraph now."""
    prose = [unit for unit in units if unit.tag == "p" and len(unit.text) > LINE_OF_PROSE]
    if len(prose) < FEWEST_WRAPPED or max(measure_width(u.text) for u in prose) > WIDEST_LINE:
        return False
    return sum(ends_sentence(unit.text) for unit in prose) < WHOLE * len(prose)


def parse_units(units: Sequence[Unit], *, name: str) -> LegacyEdition:
    """Raises UnreadableDocument when they hold no entry."""
    units = [unit for unit in units if unit.text]
    outline = (
        _outline_by_styles(units)
        or _outline_by_numbers(units)
        or _outline_by_styles([_promote_bold(unit) for unit in units])
    )
    if outline is None:
        raise UnreadableDocument(
            f"{name}：找不到任何一篇短評"
            "（標題要用 Word 的「標題」樣式，或有編號、導言及「短評」一行）。"
        )
    refuse_excess(len(outline.sections), name=name)
    first = outline.sections[0].heading
    entries, doubts = [], list(outline.doubts)
    for section in outline.sections:
        entry, unsure = _read_entry(units, section)
        entries.append(entry)
        doubts += unsure
    masthead = read_masthead(
        (unit.text for unit in units[: first.start]), (entry.headline for entry in entries)
    )
    return LegacyEdition(
        name=name,
        entries=tuple(entries),
        imprint=_read_imprint(units, outline.footer),
        doubts=tuple(sorted(doubts, key=lambda doubt: doubt.line)),
        number=find_number(masthead),
        date=find_date(masthead),
    )


def _outline_by_styles(units: Sequence[Unit]) -> Outline | None:
    labels = [place for place, unit in enumerate(units) if LABEL.fullmatch(unit.text)]
    headings = [
        place
        for place, unit in enumerate(units)
        if unit.level and place not in labels and fold_title(unit.text) != "目錄"
    ]
    level = _choose_level(units, headings, labels)
    starts = [place for place in headings if units[place].level == level]
    if not starts:
        return None
    footer = _find_footer(units, after=starts[-1] + 1)
    sections = [
        Section(
            _make_heading(units[start].text, start),
            next((label for label in labels if start < label < stop), None),
            stop,
        )
        for start, stop in zip(starts, [*starts[1:], footer], strict=True)
    ]
    doubts = [
        *_doubt_top(units, [section.heading for section in sections]),
        *(
            Doubt(
                units[section.heading.start].line,
                f"標題「{section.heading.title}」之後沒有「短評」一行，暫以首段為導言。",
            )
            for section in sections
            if section.label is None
        ),
    ]
    return Outline(tuple(sections), footer, tuple(doubts))


def _choose_level(units: Sequence[Unit], headings: Sequence[int], labels: Sequence[int]) -> int:
    """The level of the headlines: that of the headings before the labels, else the highest.

    A lone heading with others below it and no text of its own is the name of the whole.
    """
    before = (max((h for h in headings if h < label), default=None) for label in labels)
    if levels := Counter(units[place].level for place in before if place is not None):
        return levels.most_common(1)[0][0]
    ranks = sorted({units[place].level for place in headings})
    top = [place for place in headings if units[place].level == ranks[0]] if ranks else []
    is_title = len(top) == 1 and len(ranks) > 1 and units[top[0] + 1].level == ranks[1]
    return ranks[1] if is_title else ranks[0] if ranks else 0


def _make_heading(text: str, place: int) -> Heading:
    numbered = NUMBERED.fullmatch(text)
    return Heading(
        number=int(numbered[1]) if numbered else None,
        title=numbered[2] if numbered else text,
        start=place,
        stop=place + 1,
        is_listed=True,
    )


def _find_footer(units: Sequence[Unit], *, after: int) -> int:
    for place in range(max(after, len(units) - LONGEST_FOOTER), len(units)):
        if FOOTER.match(units[place].text):
            return place
    return len(units)


def _doubt_top(units: Sequence[Unit], headings: Sequence[Heading]) -> list[Doubt]:
    """What stands above the first headline and is neither masthead nor contents."""
    titles = {fold_title(heading.title) for heading in headings}
    doubts = []
    for unit in units[: headings[0].start]:
        bare = BULLET.sub("", unit.text, count=1) if BULLET.match(unit.text) else unit.text
        numbered = NUMBERED.fullmatch(bare)
        title = numbered[2] if numbered else bare
        known = {fold_title(title), fold_title(_ITEM_OF_CONTENTS.sub("", title))} & titles
        if not (known or is_masthead(unit.text)):
            message = f"標題之前的文字未能辨認，沒有匯入：「{unit.text}」。"
            doubts.append(Doubt(unit.line, message))
    return doubts


def _outline_by_numbers(units: Sequence[Unit]) -> Outline | None:
    lines = [Line(unit.line, unit.text, marked=True) for unit in units]
    outline = find_outline(lines)
    return outline if outline.sections else None


def _promote_bold(unit: Unit) -> Unit:
    is_title = (
        unit.tag == "p"
        and _BOLD.fullmatch(unit.html)
        and len(unit.text) <= LONGEST_BOLD_TITLE
        and not unit.text.endswith(PROSE_ENDS)
        and not is_masthead(unit.text)
    )
    return replace(unit, tag="h2") if is_title else unit


def _read_entry(units: Sequence[Unit], section: Section) -> tuple[LegacyEntry, list[Doubt]]:
    heading = section.heading
    inside = list(units[heading.stop : section.stop])
    if section.label is None:
        lead, body = inside[:1], inside[1:]
        if lead and lead[0].tag != "p":
            lead, body = [], inside
    else:
        lead = inside[: section.label - heading.stop]
        body = inside[section.label - heading.stop + 1 :]
    line = units[heading.start].line
    doubts = []
    if not lead:
        doubts.append(Doubt(line, f"「{heading.title}」沒有導言。"))
    if not body:
        doubts.append(Doubt(line, f"「{heading.title}」沒有正文。"))
    doubts += [
        Doubt(unit.line, "導言只存純文字；這裏的清單或表格改成了段落。")
        for unit in lead
        if unit.tag in ("ul", "ol", "table")
    ]
    lead_text = "\n".join(unit.text for unit in lead)
    blocks = _join_units(body, top=units[heading.start].level)
    return LegacyEntry(heading.title, lead_text, tuple(blocks), line), doubts


def _join_units(units: Sequence[Unit], *, top: int) -> list[Block]:
    """Items become lists again; headings below the headline's level start at h2."""
    levels = sorted({unit.level for unit in units if unit.level > top})
    rank = {level: min(4, place) for place, level in enumerate(levels, start=2)}
    blocks = []
    for (line, tag), group in groupby(units, key=lambda unit: (unit.line, unit.tag)):
        html = "".join(unit.html for unit in group)
        if tag in ("ul", "ol"):
            html = f"<{tag}>{html}</{tag}>"
        elif tag[0] == "h" and tag[1:].isdigit():
            level = rank.get(int(tag[1]), 2)
            html = f"<h{level}>{html[4:-5]}</h{level}>"
        blocks.append(Block(line, html))
    return blocks


def _read_imprint(units: Sequence[Unit], footer: int) -> LegacyImprint | None:
    texts = tuple(unit.text for unit in units[footer:])
    return LegacyImprint(texts, "", units[footer].line) if texts else None
