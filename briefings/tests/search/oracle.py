"""What a search must find, told a second time: by reading each text from its beginning.

Nothing of `briefings.search` has a part in it. It knows the characters that tests write archives
with, `WRITTEN`, and no others, and takes its time.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

# Forms of one character; the first stands for all.
_HAN_FORMS = ("試试", "工", "業业", "發发髮", "展", "質质", "台臺", "年", "𠮷", "衞衛卫")
_HAN = {form: forms[0] for forms in _HAN_FORMS for form in forms}
_INVISIBLE = frozenset(" \n\u3000\xad\u200b\ufeff①²")  # signs of notes are no part of a text
_PUNCTUATION = "、。，-（）&😀"

HAN_CHARACTERS = "".join(_HAN)
GAPS = "".join(sorted(_INVISIBLE)) + _PUNCTUATION
WORD_CHARACTERS = "25２５Ggeéa"


class Unit(NamedTuple):
    """text[start:end], a Han character or a word, in the form that stands for all its forms."""

    form: str
    is_han: bool
    is_parted: bool  # by punctuation from what stands before
    start: int
    end: int


def read_units(text: str) -> list[Unit]:
    units: list[Unit] = []
    is_parted = is_in_word = False
    for place, character in enumerate(text):
        if character in _HAN or character in WORD_CHARACTERS:
            is_han = character in _HAN
            form = _HAN[character] if is_han else _strip(character)
            if is_in_word and not is_han:
                last = units[-1]
                units[-1] = last._replace(form=last.form + form, end=place + 1)
            else:
                units.append(Unit(form, is_han, is_parted, place, place + 1))
            is_parted, is_in_word = False, not is_han
        else:
            assert character in GAPS, character
            is_parted = is_parted or character in _PUNCTUATION
            is_in_word = False
    return units


def _strip(character: str) -> str:
    """Without width, accent and case."""
    return unicodedata.normalize("NFKD", character)[0].lower()


def find_spans(phrase: str, text: str) -> Iterator[tuple[int, int]]:
    """Where the phrase stands, (start, end), also where one overlaps the last.

    Between two Han characters it counts whether there is punctuation; beside a word nothing does.
    """
    return match_units(read_units(phrase), read_units(text))


def match_units(wanted: Sequence[Unit], units: Sequence[Unit]) -> Iterator[tuple[int, int]]:
    for first in range(len(units) - len(wanted) + 1):
        if units[first].form == wanted[0].form and all(
            _agree(wanted, i, units, first + i) for i in range(len(wanted))
        ):
            yield units[first].start, units[first + len(wanted) - 1].end


def _agree(wanted: Sequence[Unit], i: int, units: Sequence[Unit], j: int) -> bool:
    if wanted[i].form != units[j].form:
        return False
    between_han = i > 0 and wanted[i].is_han and wanted[i - 1].is_han
    return not between_han or wanted[i].is_parted == units[j].is_parted


def count_apart(spans: Iterator[tuple[int, int]]) -> int:
    """Of those that overlap the first counts."""
    count = done = 0
    for start, end in spans:
        if start >= done:
            count, done = count + 1, end
    return count


class Wanted(NamedTuple):
    """One phrase of each of `groups` must be there, and none of `excluded`."""

    groups: tuple[tuple[str, ...], ...]
    excluded: tuple[str, ...] = ()

    @property
    def typed(self) -> str:
        needed = (" OR ".join(f'"{phrase}"' for phrase in group) for group in self.groups)
        return " ".join([*needed, *(f'-"{phrase}"' for phrase in self.excluded)])


class Reading:
    """An entry's fields, the weightiest first, read once for many queries."""

    def __init__(self, *fields: str) -> None:
        self.fields = [read_units(field) for field in fields]

    def has(self, phrase: str, up_to: int | None = None) -> bool:
        wanted = read_units(phrase)
        return any(any(match_units(wanted, units)) for units in self.fields[:up_to])

    def count(self, phrase: str) -> int:
        wanted = read_units(phrase)
        return sum(count_apart(match_units(wanted, units)) for units in self.fields)

    def answers(self, wanted: Wanted) -> bool:
        return self._has_all(wanted, None) and not any(map(self.has, wanted.excluded))

    def rank(self, wanted: Wanted) -> int:
        """How many of the fields it takes to have all that is wanted; the fewest come first."""
        return next(n for n in (1, 2, 3) if self._has_all(wanted, n))

    def _has_all(self, wanted: Wanted, up_to: int | None) -> bool:
        return all(any(self.has(phrase, up_to) for phrase in group) for group in wanted.groups)
