"""Which lines of an old edition are contents, headings, 短評 labels and footer.

A heading is a numbered line, but so is an item of a list. What tells them apart: the contents list
names the title, or a lead and the label 短評 follow. Anything less is a doubt for the editor.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from briefings.importer.documents import Doubt, Line
from briefings.importer.labels import find_date, find_number
from briefings.importer.paragraphs import join_lines

LABEL = re.compile(r"[\[【〔（(]?短\s*評[\]】〕）)]?[：:]?")
# "1. ", "１．", "1、"; not the 33.5 or the 20、30 that a wrapped line may begin with.
NUMBERED = re.compile(r"(\d{1,2})\s*[.．、]\s*(?!(?<=[.、])\d{1,3}(?!\d))(\S.*)")
BULLET = re.compile(r"[^\w「『《〈【〔（(“‘]+")
FOOTER = re.compile(
    r"以上(?:資料|內容|文章)?由.*編[寫製撰]|(?:電話|傳真|電郵|查詢電話)\s*[：:]|mailto:",
    re.IGNORECASE,
)

# A title may ask or exclaim; these end an item of a list.
PROSE_ENDS = ("。", "；", "，", "、", "：")

LONGEST_TITLE = 3  # lines
LONGEST_LEAD = 20  # lines
LONGEST_FOOTER = 12  # lines
LONGEST_MASTHEAD = 40  # characters


@dataclass(frozen=True)
class Heading:
    """`start` and `stop` are places in the document's lines; `number` None when it has none."""

    number: int | None
    title: str
    start: int
    stop: int
    is_listed: bool


@dataclass(frozen=True)
class Section:
    """One entry: its lead stands before the label, its body from the label to `stop`."""

    heading: Heading
    label: int | None
    stop: int


@dataclass(frozen=True)
class Outline:
    sections: tuple[Section, ...]
    footer: int
    doubts: tuple[Doubt, ...]


@dataclass(frozen=True)
class _Run:
    """Up to three lines at the top that may be one title of the contents list."""

    start: int
    stop: int


def find_outline(lines: Sequence[Line]) -> Outline:
    """No sections when nothing in the text is surely a heading."""
    labels = [i for i, line in enumerate(lines) if LABEL.fullmatch(line.text)]
    runs = _index_contents(lines, _find_contents_end(lines, labels))
    candidates = _find_candidates(lines, labels, runs)
    labelled = _match_labels(candidates, labels)
    headings = _choose_headings(candidates, labelled)
    if not headings:
        return Outline((), len(lines), ())
    footer = _find_footer(lines, after=max([headings[-1].stop, *labels]))
    sections = tuple(
        Section(heading, labelled.get(heading), stop)
        for heading, stop in zip(headings, [*(h.start for h in headings[1:]), footer], strict=True)
    )
    doubts = [
        *_doubt_contents(lines, headings, runs),
        *_doubt_headings(lines, sections),
        *_doubt_leftovers(lines, sections, candidates, labels),
    ]
    return Outline(sections, footer, tuple(doubts))


def fold_title(text: str) -> str:
    """What two spellings of one title have in common: white space and width do not count."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def is_masthead(text: str) -> bool:
    """Whether a line above the first entry only says which edition it is, or that contents follow.

    A list's bullet or number makes it a title, though it may name a date.
    """
    if BULLET.match(text) or NUMBERED.fullmatch(text):
        return False
    is_label = find_number(text) is not None or find_date(text) is not None
    return fold_title(text) == "目錄" or (is_label and len(text) <= LONGEST_MASTHEAD)


def read_masthead(texts: Iterable[str], titles: Iterable[str]) -> str:
    """What is above the first entry and says which edition it is; no title of the contents."""
    known = set(map(fold_title, titles))
    return "\n".join(t for t in texts if is_masthead(t) and fold_title(t) not in known)


def _strip_ornament(text: str) -> str:
    """A line of the contents list without its bullet or number."""
    bare = BULLET.sub("", text, count=1) if BULLET.match(text) else text
    numbered = NUMBERED.fullmatch(bare)
    return numbered[2] if numbered else bare


def _find_contents_end(lines: Sequence[Line], labels: Sequence[int]) -> int:
    """The place of the first entry's heading; of its label if the heading has no number."""
    if not labels:
        return len(lines)
    above = range(labels[0] - 1, -1, -1)
    return next((i for i in above if NUMBERED.fullmatch(lines[i].text)), labels[0])


def _index_contents(lines: Sequence[Line], stop: int) -> dict[str, _Run]:
    """What one to three lines from the top would be as a title, and where that first stands."""
    runs: dict[str, _Run] = {}
    for start in range(stop):
        text = _strip_ornament(lines[start].text)
        for end in range(start + 1, min(start + LONGEST_TITLE, stop) + 1):
            runs.setdefault(fold_title(text), _Run(start, end))
            text += lines[end].text if end < stop else ""
    return runs


def _find_candidates(
    lines: Sequence[Line], labels: Sequence[int], runs: dict[str, _Run]
) -> list[Heading]:
    """Every numbered line, and every later appearance of a title of the contents list."""
    may_span = all(lines[label].marked for label in labels)
    candidates: list[Heading] = []
    for start in range(len(lines)):
        if candidates and start < candidates[-1].stop:
            continue
        if heading := _read_heading(lines, start, runs, may_span=may_span):
            candidates.append(heading)
    return candidates


def _read_heading(
    lines: Sequence[Line], start: int, runs: dict[str, _Run], *, may_span: bool
) -> Heading | None:
    numbered = NUMBERED.fullmatch(lines[start].text)
    texts = [numbered[2] if numbered else lines[start].text]
    texts += [line.text for line in lines[start + 1 : start + LONGEST_TITLE]]
    listed = _find_listed(texts, start, runs)
    if not listed and not numbered:
        return None
    count = listed or 1
    if may_span and not listed:
        # What the contents do not name may still fill several lines: the mark is after the last.
        while count < len(texts) and not lines[start + count - 1].marked:
            count += 1
    return Heading(
        number=int(numbered[1]) if numbered else None,
        title=join_lines(texts[:count]),
        start=start,
        stop=start + count,
        is_listed=bool(listed),
    )


def _find_listed(texts: Sequence[str], start: int, runs: dict[str, _Run]) -> int:
    """How many of the texts make up a title of the contents list above; 0 if none do."""
    for count in range(len(texts), 0, -1):
        run = runs.get(fold_title("".join(texts[:count])))
        if run and run.stop <= start:
            return count
    return 0


def _between(candidates: Sequence[Heading], start: int, stop: int) -> Sequence[Heading]:
    first = bisect_left(candidates, start, key=attrgetter("start"))
    return candidates[first : bisect_left(candidates, stop, key=attrgetter("start"))]


def _match_labels(candidates: Sequence[Heading], labels: Sequence[int]) -> dict[Heading, int]:
    """The heading of each label: the nearest listed one before it, or else the nearest."""
    labelled = {}
    for previous, label in zip([-1, *labels], labels, strict=False):
        near = [
            heading
            for heading in _between(candidates, previous + 1, label)
            if heading.stop <= label <= heading.stop + LONGEST_LEAD
            and (heading.is_listed or not heading.title.endswith(PROSE_ENDS))
        ]
        if near:
            labelled[max(near, key=lambda heading: (heading.is_listed, heading.start))] = label
    return labelled


def _choose_headings(candidates: Sequence[Heading], labelled: dict[Heading, int]) -> list[Heading]:
    """Those with a label or a place in the contents, and what fills a gap in their numbers."""
    chosen: list[Heading] = []
    free_from = 0
    sure = [heading for heading in candidates if heading in labelled or heading.is_listed]
    for heading in sure:
        if heading.start < free_from:
            continue  # inside the lead of the one before
        chosen += _fill_gap(candidates, chosen[-1] if chosen else None, heading)
        chosen.append(heading)
        free_from = labelled.get(heading, heading.stop)
    return chosen


def _fill_gap(
    candidates: Sequence[Heading], before: Heading | None, after: Heading
) -> list[Heading]:
    """The one heading that the numbers miss between two, if exactly one line can be it."""
    if before is None or before.number is None or after.number != before.number + 2:
        return []
    fits = [
        heading
        for heading in _between(candidates, before.stop, after.start)
        if heading.number == before.number + 1 and not heading.title.endswith(PROSE_ENDS)
    ]
    return fits if len(fits) == 1 else []


def _find_footer(lines: Sequence[Line], *, after: int) -> int:
    """The place of the footer's first line; the end when there is no footer."""
    for place in range(max(after, len(lines) - LONGEST_FOOTER), len(lines)):
        if FOOTER.match(lines[place].text):
            return place
    return len(lines)


def _doubt_contents(
    lines: Sequence[Line], headings: Sequence[Heading], runs: dict[str, _Run]
) -> list[Doubt]:
    top = headings[0].start
    listed = [runs[fold_title(heading.title)] for heading in headings if heading.is_listed]
    known = {place for run in listed for place in range(run.start, run.stop)}
    doubts = []
    for place in sorted(set(range(top)) - known):
        line = lines[place]
        if is_masthead(line.text):
            continue
        if BULLET.match(line.text):
            message = f"目錄項目「{_strip_ornament(line.text)}」沒有對應的標題。"
        else:
            message = f"標題之前的文字未能辨認，沒有匯入：「{line.text}」。"
        doubts.append(Doubt(line.number, message))
    if top:
        doubts += [
            Doubt(lines[heading.start].number, f"標題「{heading.title}」與目錄不符。")
            for heading in headings
            if not heading.is_listed
        ]
    return doubts


def _doubt_headings(lines: Sequence[Line], sections: Sequence[Section]) -> list[Doubt]:
    doubts = []
    for expected, section in enumerate(sections, start=1):
        line = lines[section.heading.start].number
        title = section.heading.title
        if section.heading.number is None:
            doubts.append(Doubt(line, f"標題「{title}」沒有編號，按目錄認出。"))
        elif section.heading.number != expected:
            doubts.append(Doubt(line, f"編號是 {section.heading.number}，按次序應是 {expected}。"))
        if section.label is None:
            doubts.append(Doubt(line, f"標題「{title}」之後沒有「短評」一行，暫以首段為導言。"))
    return doubts


def _doubt_leftovers(
    lines: Sequence[Line],
    sections: Sequence[Section],
    candidates: Sequence[Heading],
    labels: Sequence[int],
) -> list[Doubt]:
    """Labels without a heading, and numbered lines that would have been the next heading."""
    used = {section.label for section in sections}
    doubts = [
        Doubt(lines[label].number, "「短評」之前找不到標題，當作正文。")
        for label in labels
        if label not in used
    ]
    for section in sections:
        expected = (section.heading.number or 0) + 1
        doubts += [
            Doubt(
                lines[heading.start].number,
                f"「{lines[heading.start].text}」似是下一篇的標題，但其後沒有導言及「短評」，當作正文。",
            )
            for heading in _between(candidates, section.heading.stop, section.stop)
            if heading.number == expected
        ]
    return doubts
