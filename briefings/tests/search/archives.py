"""Small archives to search, made up at random and gone after."""

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from io import StringIO
from random import Random
from typing import NamedTuple

from django.core.management import call_command
from django.db import transaction

from briefings.catalogue import open_archive
from briefings.finding import find as find_answers
from briefings.models import Audience, Edition, Entry, State
from briefings.search.query import parse_query
from briefings.tests.makers import make_entry, make_published
from briefings.tests.search.oracle import (
    GAPS,
    HAN_CHARACTERS,
    WORD_CHARACTERS,
    Reading,
    Unit,
    Wanted,
    read_units,
)
from briefings.tests.search.sights import search_entries

VERY_LONG = 21_000  # characters
LONGEST_HEADLINE = 120
LONGEST_WANTED = 30  # characters of a phrase; a query of several must stay below its limit
# What meets and overlaps: characters by chance alone hardly ever do.
PLANTED = ("試試試", "5G工業", "5G、工業", "工業發展", "工業、發展", "Ga 5é", "衞\n展", "a" * 70)


class Written(NamedTuple):
    """What an entry says; the body in paragraphs."""

    headline: str
    lead: str = ""
    body: tuple[str, ...] = ()

    @property
    def fields(self) -> dict[str, str]:
        return {"headline": self.headline, "lead": self.lead, "body": make_body(*self.body)}

    @property
    def texts(self) -> tuple[str, str, str]:
        return self.headline, self.lead, "\n".join(self.body)

    def read(self) -> Reading:
        return Reading(*self.texts)


def make_body(*paragraphs: str) -> str:
    return "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)


@contextmanager
def archive_of(*written: Written, settled: int = 0) -> Iterator[list[Entry]]:
    """A public edition of exactly these entries, and as if it had never been after.

    The index has been rebuilt when so many of them were there.
    """
    with transaction.atomic():
        edition = make_public_edition()
        entries = [add_public(edition, one) for one in written[:settled]]
        if settled:
            rebuild_index()
        yield entries + [add_public(edition, one) for one in written[settled:]]
        transaction.set_rollback(True)


def rebuild_index() -> None:
    call_command("rebuild_search_index", stdout=StringIO())


def make_public_edition() -> Edition:
    """Without an entry; none could be published so."""
    edition = make_published()
    edition.entries.all().delete()
    return edition


def add_public(edition: Edition, written: Written) -> Entry:
    return make_entry(edition, state=State.PUBLISHED, **written.fields)


def find(typed: str) -> list[int]:
    """The ids of what the public finds, the best first, in whichever way it is asked for."""
    query = parse_query(typed)
    visible = Entry.objects.visible_to(Audience.PUBLIC).newest_first()
    ids = [entry.pk for entry in search_entries(query, visible)]
    answers = find_answers(query, open_archive(Audience.PUBLIC))
    assert answers.list_ids(slice(None)) == ids, typed
    assert len(answers) == len(ids), typed
    return ids


def write_text(random: Random, length: int) -> str:
    """Up to `length` characters: Han in both scripts, words, gaps of all kinds, planted phrases."""
    pieces = []
    while sum(map(len, pieces)) < length:
        kind = random.random()
        if kind < 0.5:
            pieces.append("".join(random.choices(HAN_CHARACTERS, k=random.randint(1, 4))))
        elif kind < 0.65:
            pieces.append("".join(random.choices(WORD_CHARACTERS, k=random.randint(1, 3))))
        elif kind < 0.85:
            pieces.append("".join(random.choices(GAPS, k=random.randint(1, 2))))
        else:
            pieces.append(random.choice(PLANTED))
    return "".join(pieces)[:length]


def write_entry(random: Random) -> Written:
    """Of any length; some have a headline only, or neither lead nor body."""
    length = random.choice((0, 5, 40, 300))
    return Written(
        write_text(random, random.randint(1, 25)) + "工",
        write_text(random, random.choice((0, 8, 60))),
        tuple(write_text(random, length) for _ in range(random.randint(0, 3))),
    )


def write_long_entry(random: Random) -> Written:
    paragraphs = (write_text(random, 700) for _ in range(VERY_LONG // 700))
    return Written(write_text(random, 20) + "工", "", tuple(paragraphs))


def cut_phrase(random: Random, text: str, least: int, most: int) -> str:
    """So many characters and words of the text, gaps between them included; "" if it has none."""
    units = read_units(text)
    if not units:
        return ""
    first = random.randrange(len(units))
    count = random.randint(least, most)
    chosen: list[Unit] = units[first : first + count]
    while len(chosen) > 1 and chosen[-1].end - chosen[0].start > LONGEST_WANTED:
        chosen.pop()
    return text[chosen[0].start : chosen[-1].end]


def choose_phrases(random: Random, archive: list[Written]) -> dict[str, list[str]]:
    """What to look for, by its kind: taken from the archive, most of it."""
    texts = [text for written in archive for text in written.texts if text]

    def cut(least: int, most: int) -> str:
        return cut_phrase(random, random.choice(texts), least, most)

    kinds = {
        "one Han character": [random.choice(HAN_CHARACTERS) for _ in range(2)],
        "two": [cut(2, 2) for _ in range(3)],
        "long": [cut(5, 12) for _ in range(3)],
        "any": [cut(1, 6) for _ in range(3)],
        "mixed": [random.choice(PLANTED), random.choice(PLANTED[:4])],
        "a word": [cut(1, 1), random.choice(("5G", "5é", "g", "2", "a" * 64, "a" * 70))],
        "by chance": [write_text(random, 4)],
    }
    return {
        kind: [phrase for phrase in phrases if read_units(phrase) and len(phrase) <= 70]
        for kind, phrases in kinds.items()
    }


def choose_wanted(random: Random, phrases: list[str]) -> Iterator[Wanted]:
    """Each phrase alone, and some of them together: both, either, one without the other."""
    for phrase in phrases:
        yield Wanted(((phrase,),))
    short = [phrase for phrase in phrases if len(phrase) <= LONGEST_WANTED]
    for _ in range(4):
        a, b, c = (random.choice(short) for _ in range(3))
        yield Wanted(((a,), (b,)))
        yield Wanted(((a, b),))
        yield Wanted(((a,),), (b,))
        yield Wanted(((a, b), (c,)))
        yield Wanted(((a, b),), (c, random.choice(short)))
