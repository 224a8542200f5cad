"""Changing what readers have already read: with a dated note, and with the difference shown.

Whoever writes the rows opens a correction before and closes it after, in one transaction;
`correcting` does both. Digests that were mailed stay as they were.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from briefings.history import Person, describe_line
from briefings.html import to_text
from briefings.models import CAME_OUT, Audience, Correction, Entry, State
from briefings.permalinks import list_blocks
from briefings.publishing import request_pdf

_TAG = re.compile(r"<([a-z0-9]+)([^>]*)>")
_ADDRESS = re.compile(r'(?:href|src|alt)="([^"]*)"')
_SAME = {"b": "strong", "i": "em"}
_UNSEEN = {"p", "tbody", "thead"}

NOTE_WANTED = "這一篇已有讀者看過，請填寫更正說明，讓讀者知道改了甚麼、為何要改。"


class CorrectionRefused(Exception):
    """A text that readers know can't be changed like this; the message is for the editor."""


@dataclass(frozen=True)
class Opened:
    """What readers had before them when a correction began."""

    text: dict[str, Any]
    marks: list[tuple[str, ...]]  # headings, links, pictures and formats in the body
    # How the body parts into paragraphs, by which their addresses last. Not compared: an editor's
    # tool may write the same text in other blocks.
    blocks: list[str] = field(compare=False)


def has_been_read(entry: Entry) -> bool:
    """Of a withdrawn one too: it may come back, and readers will compare."""
    return entry.state in CAME_OUT


def describe_text(entry: Entry) -> dict[str, Any]:
    """What a correction can change, ready for JSON, from the rows as they now are."""
    bylines = entry.bylines.all()
    return {
        "headline": entry.headline,
        "lead": "\n".join(entry.lead.splitlines()),  # browsers send their own line ends
        "body": to_text(entry.body),
        "sources": [describe_line(source) for source in entry.sources.all()],
        "authors": [str(byline.author) for byline in bylines],
    }


def open_correction(entry: Entry) -> Opened:
    """Locks the row: of two who correct at once, the second begins with what the first left."""
    row = Entry.objects.select_for_update().get(pk=entry.pk)
    return _read(row)


def _read(row: Entry) -> Opened:
    return Opened(describe_text(row), _list_marks(row.body), list_blocks(row.body))


def _list_marks(body: str) -> list[tuple[str, ...]]:
    """Its tags in order, each with its address.

    The rich text editor writes the same in other words (a paragraph within a list item, strong for
    b), which nobody would have to explain to readers.
    """
    tags = ((_SAME.get(tag[1], tag[1]), tag[2]) for tag in _TAG.finditer(body))
    return [(name, *_ADDRESS.findall(rest)) for name, rest in tags if name not in _UNSEEN]


def close_correction(entry: Entry, opened: Opened, *, note: str, by: Person) -> Correction | None:
    """Write down what has changed since, or refuse it if no `note` says why; None if nothing did.

    Themes are no part of the text: they may change without a word. The PDF, which has them, is
    made again in any case.
    """
    row = Entry.objects.get(pk=entry.pk)
    if row.edition_id and row.state == State.PUBLISHED:
        request_pdf(row.edition_id)
    closed = _read(row)
    if closed == opened:
        return None
    if not note.strip():
        raise CorrectionRefused(NOTE_WANTED)
    return Correction.objects.create(
        entry=row,
        note=note.strip(),
        made_at=timezone.now(),
        made_by_id=by.pk if by else None,
        before=opened.text | {"blocks": opened.blocks},
        after=closed.text | {"blocks": closed.blocks},
        was_public=_was_public(row),
    )


def _was_public(row: Entry) -> bool:
    """Whether the public could read the text that stood till now. In doubt it could not: of an
    edition, say, that was public and came out again for members only.
    """
    same = Entry.objects.filter(pk=row.pk)
    if same.visible_to(Audience.PUBLIC).exists():
        return True
    taken = same.taken_from_public().select_related("edition").first()
    if taken is None or taken.edition is None:
        return False
    withdrawn_at = taken.withdrawn_at or taken.edition.withdrawn_at
    corrected_since = row.corrections.filter(made_at__gte=withdrawn_at)
    return not corrected_since.exists()


@contextmanager
def correcting(entry: Entry, *, note: str, by: Person) -> Iterator[None]:
    """What is done to the entry within is one correction, or if refused was never done."""
    with transaction.atomic():
        opened = open_correction(entry)
        yield
        close_correction(entry, opened, note=note, by=by)
