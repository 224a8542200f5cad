"""How to cite an entry: for people in two styles, for reference managers in two formats.

Pure, over the frozen contexts. Every citation gives the short address of the text as it now is,
which still shows it after a correction.

The rules are those of GB/T 7714-2015, 4.4 (articles of serials, with a serial's number and no
pages) and 4.6 (electronic resources); of the APA's manual, 7th edition, chapters 9 and 10.1; of
BibTeX as biblatex reads it; and of the RIS format by its tags as Zotero and EndNote know them.
"""

import re
from collections.abc import Iterable
from datetime import date

from briefings.contexts import EditionContext, EntryContext

LANGUAGE = "zh-Hant-HK"
MOST_AUTHORS = 3  # of GB/T 7714, 8.1.2: of more, the first three and 等
MOST_APA_AUTHORS = 20  # of more, the first nineteen, an ellipsis and the last
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def cite_in_gbt(entry: EntryContext, edition: EditionContext, *, accessed: date) -> str:
    """GB/T 7714-2015: 作者. 題名[J/OL]. 刊名, 年(期)[引用日期]. 網址.

    An edition without a number is cited as a page: 作者. 題名[EB/OL]. (日期)[引用日期]. 網址.
    """
    authors = _list_authors(entry, edition)
    named = ", ".join([*authors[:MOST_AUTHORS], *(["等"] if authors[MOST_AUTHORS:] else [])])
    title = _one_line(entry.headline)
    seen = f"[{accessed.isoformat()}]"
    if edition.number is None or edition.date is None:
        day = f"({edition.date.isoformat()})" if edition.date else ""
        return f"{named}. {title}[EB/OL]. {day}{seen}. {entry.version_url}."
    serial = f"{_one_line(edition.publication.name)}, {edition.date.year}({edition.number})"
    return f"{named}. {title}[J/OL]. {serial}{seen}. {entry.version_url}."


def cite_in_apa(entry: EntryContext, edition: EditionContext) -> str:
    """APA 7: Authors. (Date). 題名. 刊名 [English name], (number). Address.

    The words of the work stay Chinese, as they are found in a library; where the publication has
    an English name it stands in brackets. Without a date of access: the text at the address
    doesn't change.
    """
    day = edition.date
    dated = f"{day.year}, {MONTHS[day.month - 1]} {day.day}" if day else "n.d."
    serial = _one_line(edition.publication.name)
    if edition.publication.english_name:
        serial = f"{serial} [{_one_line(edition.publication.english_name)}]"
    if edition.number is not None:
        serial = f"{serial}, ({edition.number})"
    authors = _join_apa_authors(_list_authors(entry, edition))
    return f"{authors}. ({dated}). {_one_line(entry.headline)}. {serial}. {entry.version_url}"


def _join_apa_authors(authors: list[str]) -> str:
    if len(authors) > MOST_APA_AUTHORS:
        return ", ".join(authors[: MOST_APA_AUTHORS - 1]) + f", . . . {authors[-1]}"
    if len(authors) == 1:
        return authors[0]
    return ", ".join(authors[:-1]) + f", & {authors[-1]}"


# ---------------------------------------------------------------------------------------- BibTeX
# TeX's own signs. BibTeX counts braces even behind a backslash, so a brace is a command too.
_TEX = {
    "\\": r"{\textbackslash}",
    "{": r"{\textbraceleft}",
    "}": r"{\textbraceright}",
    "~": r"{\textasciitilde}",
    "^": r"{\textasciicircum}",
    **{sign: f"\\{sign}" for sign in "#$%&_"},
}
_TEX_MONTHS = tuple(month[:3].lower() for month in MONTHS)


def write_bibtex(entry: EntryContext, edition: EditionContext, *, accessed: date) -> str:
    """One @article. Authors and title in a second pair of braces: no style is to part a Chinese
    name or to change a letter's case.
    """
    publication = edition.publication
    day = edition.date
    authors = _list_authors(entry, edition)
    fields = {
        "author": " and ".join(f"{{{_escape_tex(author)}}}" for author in authors),
        "title": f"{{{_escape_tex(entry.headline)}}}",
        "journal": _escape_tex(publication.name),
        "number": str(edition.number or ""),
        "year": str(day.year) if day else "",
        "month": _TEX_MONTHS[day.month - 1] if day else "",
        "day": str(day.day) if day else "",
        "publisher": _escape_tex(name_publisher(edition)),
        "url": entry.version_url,
        "urldate": accessed.isoformat(),
        "langid": "chinese",
    }
    lines = (
        # A month is a macro, which every style writes in its own way.
        f"  {name} = {value if name == 'month' else f'{{{value}}}'},\n"
        for name, value in fields.items()
        if value
    )
    return f"@article{{{name_record(entry)},\n{''.join(lines)}}}\n"


def _escape_tex(text: str) -> str:
    return "".join(_TEX.get(character, character) for character in _one_line(text))


# ------------------------------------------------------------------------------------------- RIS
def write_ris(entry: EntryContext, edition: EditionContext, *, accessed: date) -> str:
    """One record, a tag a line: two capitals, two spaces, a hyphen, a space. Lines end in CR LF."""
    publication = edition.publication
    day = edition.date
    tags = [
        ("TY", "JOUR"),
        *(("AU", author.replace("*", "")) for author in _list_authors(entry, edition)),
        ("TI", entry.headline),
        ("T2", publication.name),
        ("IS", str(edition.number or "")),
        ("PY", str(day.year) if day else ""),
        ("DA", f"{day:%Y/%m/%d}/" if day else ""),
        ("PB", name_publisher(edition)),
        ("AB", " ".join(entry.lead)),
        *(("KW", theme.name.replace("*", "")) for theme in entry.themes),  # no asterisk in these
        ("UR", entry.version_url),
        ("Y2", f"{accessed:%Y/%m/%d}/"),
        ("LA", LANGUAGE),
        ("ID", name_record(entry)),
    ]
    written = ((tag, _one_line(value)) for tag, value in tags)
    lines = [f"{tag}  - {value}" for tag, value in written if value]
    return "\r\n".join([*lines, "ER  - ", ""])


# ---------------------------------------------------------------------------------- what they share
def name_record(entry: EntryContext) -> str:
    """Short and ASCII, for whoever types it: the entry's number and the version of its text."""
    return f"entry{entry.id}v{entry.version}"


def name_publisher(edition: EditionContext) -> str:
    return f"{edition.publication.organisation}{edition.publication.department}"


def _list_authors(entry: EntryContext, edition: EditionContext) -> list[str]:
    """By name; where nobody signed, the department."""
    return list(_name(author.name for author in entry.authors)) or [name_publisher(edition)]


def _name(names: Iterable[str]) -> Iterable[str]:
    return filter(None, map(_one_line, names))


def _one_line(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())
