"""The fonts of the printed edition, made once a machine from those that Debian has.

Of each collection the Hong Kong face becomes a font of its own: without hinting, Korean syllables
and vertical forms, a third of the size, so that a page costs less to set; with every character
numbered by its place, so that a PDF can hold the few it uses close together; and with `chws`, the
feature by which 」 and 「 beside each other take less room (WeasyPrint has no `text-spacing-trim`).

Noto CJK is under the SIL Open Font License, AR PL UKai under the Arphic Public License: both
allow fonts made from them, under other names and the same terms, and embedding in documents.
"""

import asyncio
import json
import logging
import os
import subprocess
import sys
import time
import unicodedata
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.sax.saxutils import escape

# Raised by hand when what is made of the same sources changes.
RECIPE = "2"
TOOLS = ("uharfbuzz", "fonttools", "east-asian-spacing")
KEPT_FEATURES = ("ccmp", "halt", "kern", "liga", "mark", "palt")
DROPPED_TABLES = ("BASE", "DSIG", "FFTM", "GDEF", "VORG", "gasp", "vhea", "vmtx")
HANGUL = frozenset((*range(0x1100, 0x1200), *range(0xA960, 0xA980), *range(0xAC00, 0xD800)))
# Each font has something else there: better refused by name than printed as whatever it may be.
PRIVATE_USE = frozenset((*range(0xE000, 0xF900), *range(0xF0000, 0x110000)))
NAMES_KEPT = {0, 13, 14}  # copyright, licence, and where to read it
MANIFEST = "fonts.json"

FONTCONFIG = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">.</dir>
  <cachedir>{cache}</cachedir>
</fontconfig>
"""


class FontsMissing(Exception):
    """The machine lacks faces that an edition can't be printed without."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__("、".join(names))
        self.names = tuple(names)


@dataclass(frozen=True)
class Face:
    """A font to make, and the installed one that it is made of, as fontconfig knows them."""

    family: str
    source: str
    is_bold: bool = False
    is_optional: bool = False

    @property
    def style(self) -> str:
        return "Bold" if self.is_bold else "Regular"

    @property
    def pattern(self) -> str:
        return f"{self.source}:weight={200 if self.is_bold else 80}"

    @property
    def file_stem(self) -> str:
        return f"{self.family.replace(' ', '')}-{self.style}"


SERIF, SANS, KAI = "CMA Serif HK", "CMA Sans HK", "CMA Kai HK"
FACES = (
    Face(SERIF, "Noto Serif CJK HK"),
    Face(SERIF, "Noto Serif CJK HK", is_bold=True),
    Face(SANS, "Noto Sans CJK HK"),
    Face(SANS, "Noto Sans CJK HK", is_bold=True),
    # A grace: without it the lead is set in the serif.
    Face(KAI, "AR PL UKai HK", is_optional=True),
)


@dataclass(frozen=True)
class Source:
    """Where an installed face is: a file, and its place in that collection."""

    file: Path
    index: int


@cache
def find_sources() -> Mapping[Face, Source]:
    """Asks fontconfig, once a process (some 30 ms). Raises FontsMissing."""
    sources = {face: _find_source(face) for face in FACES}
    missing = [face.source for face, at in sources.items() if not at and not face.is_optional]
    if missing:
        raise FontsMissing(list(dict.fromkeys(missing)))
    return {face: at for face, at in sources.items() if at}


def _find_source(face: Face) -> Source | None:
    # Must cover Hong Kong's Chinese: a font that has only the name doesn't count.
    command = ["fc-list", f"{face.pattern}:lang=zh-hk", "-f", "%{index}\t%{file}\n"]
    if face.is_optional:
        command[1] = face.source
    try:
        listing = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
    found = sorted(line.split("\t", 1) for line in listing.stdout.splitlines())
    return Source(Path(found[0][1]), int(found[0][0])) if found else None


@cache
def name_fonts() -> str:
    """What the fonts of this machine are, in a few letters: other sources or tools, other letters.

    Raises FontsMissing.
    """
    facts = [RECIPE, *(f"{tool} {version(tool)}" for tool in TOOLS)]
    for face, source in find_sources().items():
        facts.append(f"{face} {source.index} {_read_revision(source)}")
    return sha256("\n".join(facts).encode()).hexdigest()[:16]


def _read_revision(source: Source) -> str:
    """By its own check sum, and not by its date, which differs between machines."""
    from fontTools.ttLib import TTFont

    with TTFont(source.file, fontNumber=source.index, lazy=True) as font:
        head = font["head"]
        return f"{head.fontRevision} {head.checkSumAdjustment}"


def prepare_fonts(folder: Path) -> Path:
    """The folder within `folder` that holds this machine's fonts; makes them if they aren't there.

    Takes some five seconds the first time. Two who make them at once make the same; the
    second throws its own away. Raises FontsMissing.
    """
    ready = folder.resolve() / name_fonts()
    if ready.exists():
        return ready
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=".making-") as temporary:
        made = Path(temporary) / ready.name
        made.mkdir()
        _make_all(made)
        # Beside the fonts, since within them it would be part of what it is the cache of.
        cached = ready.with_name(f"{ready.name}-cache")
        (made / "fonts.conf").write_text(FONTCONFIG.format(cache=escape(str(cached))))
        try:
            made.rename(ready)
        except OSError:
            if not ready.exists():  # otherwise somebody was quicker
                raise
        else:
            _fill_cache(ready)
    return ready


def _fill_cache(fonts: Path) -> None:
    """Whoever prints may be allowed to write nothing, and would read all fonts anew each time."""
    second = int(time.time())
    os.utime(fonts, (second, second))  # a cache goes by this, and images keep no part of a second
    environment = os.environ | {"FONTCONFIG_FILE": str(fonts / "fonts.conf")}
    subprocess.run(["fc-cache"], env=environment, check=False, capture_output=True)  # noqa: S607


def _make_all(folder: Path) -> None:
    coverage: dict[str, list[list[int]]] = {}
    for face, source in find_sources().items():
        characters = _make_font(face, source, folder)
        coverage[face.family] = [list(span) for span in _join_spans(sorted(characters))]
    (folder / MANIFEST).write_text(json.dumps(coverage))


def _make_font(face: Face, source: Source, folder: Path) -> set[int]:
    """Writes the font and gives the characters that it has."""
    import uharfbuzz as hb
    from fontTools.ttLib import TTFont

    whole = hb.Face(hb.Blob.from_file_path(str(source.file)), source.index)
    characters = set(whole.unicodes) - HANGUL - PRIVATE_USE
    with TemporaryDirectory() as temporary:
        cut = Path(temporary) / f"{face.file_stem}.otf"
        cut.write_bytes(_cut_out(whole, characters))
        font = TTFont(_tighten(cut), recalcTimestamp=False)
        _rename(font, face)
        extension = "otf" if font.sfntVersion == "OTTO" else "ttf"
        font.save(folder / f"{face.file_stem}.{extension}")
    return characters


def _cut_out(face: Any, characters: set[int]) -> bytes:
    import uharfbuzz as hb

    cut = hb.SubsetInput()
    cut.unicode_set.update(characters)
    cut.layout_feature_tag_set.clear()
    cut.layout_feature_tag_set.update(map(to_tag, KEPT_FEATURES))
    cut.drop_table_tag_set.update(map(to_tag, DROPPED_TABLES))
    cut.flags = (
        hb.SubsetFlags.CFF_IDENTITY_CHARSET
        | hb.SubsetFlags.NO_HINTING
        | hb.SubsetFlags.DESUBROUTINIZE
    )
    data: bytes = hb.subset(face, cut).blob.data
    return data


def to_tag(name: str) -> int:
    """A table's or feature's name as OpenType numbers it."""
    return int.from_bytes(name.encode(), "big")


def _tighten(path: Path) -> Path:
    """The font with `chws`, beside the one without."""
    from east_asian_spacing import Builder, Config

    for chatty in ("build", "font", "spacing"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    builder = Builder(path, Config.default)
    asyncio.run(builder.build())
    tightened: Path = builder.save(path.parent / "tightened")
    return tightened


def _rename(font: Any, face: Face) -> None:
    """Under names of its own, and with the dates of its source, so that it comes out alike."""
    # Not within CFF: to write that anew would take a quarter of a minute each.
    names = font["name"]
    names.names = [record for record in names.names if record.nameID in NAMES_KEPT]
    for name_id, text in (
        (1, face.family),
        (2, face.style),
        (3, face.file_stem),
        (4, f"{face.family} {face.style}"),
        (5, f"Version {RECIPE}"),
        (6, face.file_stem),
    ):
        names.setName(text, name_id, 3, 1, 0x409)
    font["OS/2"].usWeightClass = 700 if face.is_bold else 400
    font["head"].modified = font["head"].created


def _join_spans(characters: list[int]) -> Iterator[tuple[int, int]]:
    """Runs of neighbours, first and last."""
    start = end = characters[0]
    for character in characters[1:]:
        if character != end + 1:
            yield start, end
            start = character
        end = character
    yield start, end


def read_characters(folder: Path) -> Mapping[str, frozenset[int]]:
    """The characters that each family of the prepared fonts can print."""
    spans = json.loads((folder / MANIFEST).read_text())
    return {
        family: frozenset(c for first, last in pairs for c in range(first, last + 1))
        for family, pairs in spans.items()
    }


def find_unprintable(text: str, characters: Container[int]) -> list[str]:
    """Those that would come out as boxes, each once, in their order.

    What has no shape (joiners, marks of direction, variation selectors) is no loss.
    """
    return [
        character
        for character in dict.fromkeys(text)
        if ord(character) not in characters
        and not character.isspace()
        and unicodedata.category(character) not in {"Cc", "Cf"}
        and not 0xFE00 <= ord(character) <= 0xFE0F
        and not 0xE0100 <= ord(character) <= 0xE01EF
    ]


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{prepare_fonts(Path(sys.argv[1]))}{os.linesep}")
    except FontsMissing as missing:
        sys.exit(f"缺少中文字型：{missing}")
