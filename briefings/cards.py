"""Share cards: the image that other sites show beside a link, drawn by a worker and for no reader.

`CardFace` says what stands on one, and with it the name of its file: another headline, another
address. Who asks for one that isn't drawn yet gets the publication's own.
"""

import logging
from dataclasses import astuple, dataclass
from functools import cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

from celery import signature
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.urls import reverse
from django.utils.formats import date_format
from PIL import Image, ImageDraw, ImageFont, features

from briefings.contexts import absolute_url
from briefings.files import store_whole
from briefings.line_breaking import break_lines, split_scripts
from briefings.models import Edition, Entry, Publication, State
from briefings.press import fonts
from briefings.shared_cache import shared_cache

logger = logging.getLogger(__name__)

RECIPE = "1"  # raised by hand when the same words are drawn in another way
ASKED_AGAIN = 60  # seconds, in which one waking is enough

WIDTH, HEIGHT = 1200, 630  # what OpenGraph's and X's large cards are cut to
MARGIN = 80
COLUMN = WIDTH - 2 * MARGIN
# As in static/site.css, by day.
PAPER, NAVY, RED, SOFT, TINT = "#ffffff", "#14405f", "#9c2a20", "#566169", "#faf6f1"

HEADLINE_TOP, HEADLINE_HEIGHT = 208, 296
HEADLINE_SIZES = (88, 80, 72, 64, 58, 52, 46, 40, 36)
MOST_LINES = 4
LEADING = 1.36
AUTOSPACE = 1 / 6  # of an em between Chinese and Latin; the fonts have no space as narrow
OPENING = "「『（《〈【〔“‘"


@dataclass(frozen=True)
class CardFace:
    organisation: str
    publication: str
    headline: str  # of the publication's own card, its tagline
    foot: str  # when it came out; of the publication's own card, where it is

    @property
    def digest(self) -> str:
        said = (RECIPE, *astuple(self))
        return sha256("\0".join(said).encode()).hexdigest()[:16]


def describe_card(entry: Entry, publication: Publication) -> CardFace:
    edition = entry.edition
    day = date_format(edition.date, "Y年n月j日") if edition and edition.date else ""
    return CardFace(
        organisation=_name_house(publication),
        publication=publication.name,
        headline=" ".join(entry.headline.split()),
        foot="　".join(filter(None, [edition.chinese_label if edition else "", day])),
    )


def describe_general_card(publication: Publication) -> CardFace:
    return CardFace(
        organisation=_name_house(publication),
        publication=publication.name,
        headline=publication.tagline,
        foot=publication.english_name or urlsplit(settings.SITE_URL).netloc,
    )


def _name_house(publication: Publication) -> str:
    return f"{publication.organisation}　{publication.department}"


# ------------------------------------------------------------------------------ where they are
def card_url(entry: Entry, publication: Publication) -> str:
    digest = describe_card(entry, publication).digest
    return absolute_url(reverse("briefings:entry_card", args=[entry.slug, digest]))


def general_card_url(publication: Publication) -> str:
    digest = describe_general_card(publication).digest
    return absolute_url(reverse("briefings:general_card", args=[digest]))


def file_of(face: CardFace, entry_id: int | None = None) -> str:
    """Where `default_storage` has the card, once it is drawn."""
    return f"{_folder_of(entry_id)}/{face.digest}.png"


def _folder_of(entry_id: int | None) -> str:
    return f"cards/{entry_id or 'publication'}"


# -------------------------------------------------------------------------------- by whom, when
def wake_drawer(edition_id: int) -> None:
    """After commit. Without a broker nothing is lost: whoever asks for a card wakes again."""
    draw = signature("briefings.tasks.draw_cards", args=(edition_id,))
    transaction.on_commit(draw.apply_async, robust=True)


def wake_for_reader(edition_id: int | None) -> None:
    """At most once a minute, however many ask."""
    if shared_cache.use(lambda cache: cache.add(f"card-asked-{edition_id}", 1, ASKED_AGAIN)):
        task = "draw_cards" if edition_id else "draw_general_card"
        draw = signature(f"briefings.tasks.{task}", args=(edition_id,) if edition_id else ())
        transaction.on_commit(draw.apply_async, robust=True)


def draw_missing(edition: Edition) -> None:
    """The cards of what is published in the edition, and the publication's; twice draws nothing
    twice. Raises FontsMissing.
    """
    publication = Publication.load()
    draw_general(publication)
    for entry in edition.entries.filter(state=State.PUBLISHED):
        entry.edition = edition
        _keep(describe_card(entry, publication), entry.pk)


def draw_general(publication: Publication) -> None:
    _keep(describe_general_card(publication))


def _keep(face: CardFace, entry_id: int | None = None) -> None:
    """Its older cards go: their addresses lead to the new one."""
    name = file_of(face, entry_id)
    if default_storage.exists(name):
        return
    store_whole(name, draw(face))
    folder = _folder_of(entry_id)
    for other in default_storage.listdir(folder)[1]:
        if f"{folder}/{other}" != name and other.endswith(".png") and not other.startswith("."):
            default_storage.delete(f"{folder}/{other}")


# ------------------------------------------------------------------------------------- drawing
def draw(face: CardFace) -> bytes:
    """A PNG; the same bytes for the same face and libraries. Takes some 0.1 s, the first in a
    process as much again for its fonts.
    """
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, WIDTH, 15), NAVY)
    _write(pen, (MARGIN, 56), face.organisation, _font(fonts.SANS, 25), NAVY, tracking=4)
    _write(pen, (MARGIN, 96), face.publication, _font(fonts.SERIF, 54), NAVY, tracking=5)
    pen.line((MARGIN, 186, WIDTH - MARGIN, 186), NAVY, 2)
    _draw_headline(pen, face.headline)
    pen.rectangle((0, 532, WIDTH, HEIGHT), TINT)
    if face.foot:
        pen.rectangle((MARGIN, 566, MARGIN + 7, 598), RED)
    _write(pen, (MARGIN + 26, 564), face.foot, _font(fonts.SANS, 30), RED, tracking=1)
    file = BytesIO()
    # Few colours beside each other: a palette takes a third of the bytes, and nobody sees it.
    image.quantize(64, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def _draw_headline(pen: ImageDraw.ImageDraw, headline: str) -> None:
    """In the largest size that its lines find room in, in the middle of their field."""
    words = _drop_unprintable(headline)
    for size in HEADLINE_SIZES:
        font = _font(fonts.SERIF, size)
        lines = break_lines(words, COLUMN, lambda text, font=font: _measure(font, text))  # type: ignore[misc]
        leading = round(size * LEADING)
        if len(lines) <= MOST_LINES and leading * len(lines) <= HEADLINE_HEIGHT:
            break
    else:
        lines = lines[:MOST_LINES]
        lines[-1] = f"{lines[-1][:-2]}……"
    top = HEADLINE_TOP + (HEADLINE_HEIGHT - leading * len(lines)) // 2
    for number, line in enumerate(lines):
        # An opening bracket hangs out by the half that is empty, so that the edge looks straight.
        start = MARGIN - (size // 2 if line[:1] in OPENING else 0)
        _write(pen, (start, top + number * leading), line, font, NAVY)


def _write(  # noqa: PLR0913  (where, what, with what)
    pen: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    font: ImageFont.FreeTypeFont,
    colour: str,
    *,
    tracking: float = 0,
) -> None:
    x, y = float(at[0]), at[1]
    for place, run in enumerate(split_scripts(text)):
        x += font.size * AUTOSPACE if place else 0
        for piece in run if tracking else [run]:
            pen.text((x, y), piece, colour, font, features=_features())
            x += _measure_run(font, piece) + tracking


def _measure(font: ImageFont.FreeTypeFont, text: str) -> float:
    runs = split_scripts(text)
    gaps = font.size * AUTOSPACE * (len(runs) - 1)
    return sum(_measure_run(font, run) for run in runs) + max(gaps, 0)


def _measure_run(font: ImageFont.FreeTypeFont, run: str) -> float:
    return font.getlength(run, features=_features())


@cache
def _features() -> list[str] | None:
    """Adjoining punctuation takes less room; without the shaper it just doesn't."""
    return ["chws", "kern"] if features.check("raqm") else None


def _drop_unprintable(text: str) -> str:
    characters = fonts.read_characters(_find_fonts())[fonts.SERIF]
    unprintable = set(fonts.find_unprintable(text, characters))
    return "".join(character for character in text if character not in unprintable)


def _find_fonts() -> Path:
    return fonts.prepare_fonts(settings.FONTS_DIR)


@cache
def _font(family: str, size: int) -> ImageFont.FreeTypeFont:
    face = next(one for one in fonts.FACES if one.family == family and one.is_bold)
    return ImageFont.truetype(_find_fonts() / f"{face.file_stem}.otf", size)
