"""Notes (註腳): what an editor puts in a body at the place it is about, numbered for readers.

Pure. A note is stored where it belongs, so it moves with its sentence and needs no number; numbers
are given anew whenever a body is shown, from 1 in each entry. The text part of mail has its own
writer (`subscribers.plaintext`), and paper its footnotes, which only the layout can place.
"""

import re
from dataclasses import dataclass

from briefings.html import NOTE


@dataclass(frozen=True)
class Note:
    number: int
    content: str  # HTML as `clean_html` leaves it: words, emphasis, links
    anchor: str  # where it stands on its page
    mark: str  # and where its mark does, to lead back to


@dataclass(frozen=True)
class NotedBody:
    html: str  # with a mark where each note was
    notes: tuple[Note, ...]


def number_notes(body: str, owner: int) -> NotedBody:
    """A body as `clean_html` leaves it, and its notes taken out.

    `owner` keeps the anchors of several entries on one page apart. A mark opens in its own window,
    for a page that sends its links to another (`<base target>`).
    """
    notes: list[Note] = []

    def take_out(found: re.Match[str]) -> str:
        number = len(notes) + 1
        note = Note(number, found[1], f"note-{owner}-{number}", f"mark-{owner}-{number}")
        notes.append(note)
        return (
            f'<sup class="note-mark"><a id="{note.mark}" href="#{note.anchor}" target="_self" '
            f'role="doc-noteref" aria-label="註{number}">{number}</a></sup>'
        )

    html = NOTE.sub(take_out, body)
    return NotedBody(html, tuple(notes))


def print_notes(body: str) -> str:
    """With each note an element of its own, which the stylesheet sends to the foot of its page."""
    return NOTE.sub(r'<small class="note">\1</small>', body)
