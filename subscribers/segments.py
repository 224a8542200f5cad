"""A digest's message cut once into bytes that all copies share and places for what is one member's.

Nothing but what differs is written for each copy, which costs some twenty microseconds instead of
two thousand. The copies say what `messages.build_message` says, header by header and part by part;
only the lines of Base64 end elsewhere, since a shared piece is encoded once.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from subscribers.addresses import encode_address
from subscribers.body_parts import BodyPart, Passages, encode
from subscribers.bounces.envelopes import prepare_return_paths
from subscribers.headers import encode_recipient, write_subject, write_to
from subscribers.links import Purpose, prepare_urls
from subscribers.messages import (
    OF_DELIVERY,
    OF_MEMBER,
    Personal,
    find_attached_pdf,
    greet,
    prepare_message_ids,
    salute,
    word_pdf,
    write_message,
)
from subscribers.models import ClaimedDelivery, Digest, Mailing
from subscribers.smtp.conversation import Copy


class Frame(NamedTuple):
    """A message without what is the digest's or the member's."""

    pieces: Sequence[bytes | str]  # a str is the name of what goes there
    pdf_words: Mapping[str, str]  # what the texts say of the PDF that comes with it, by slot


class Common:
    """What the messages of a mailing have in common, made once."""

    def __init__(self, mailing: Mailing) -> None:
        """Raises BadAddress where mail can't be from the mailing's sender."""
        self.make_message_id = prepare_message_ids(mailing)
        sender = encode_address(mailing.sender_email)
        self.make_return_path = prepare_return_paths() or (lambda _key: sender)
        self.of_member = {one.value: prepare_urls(one) for one in OF_MEMBER}
        self.of_delivery = {one.value: prepare_urls(one) for one in OF_DELIVERY}
        links = self.of_member | self.of_delivery
        # Most addresses have nothing that means something in HTML.
        self.odd_links = {name for name, make in links.items() if escape(make(0)) != make(0)}
        self.passages = Passages()
        self._frames: dict[bool, Frame] = {}  # with the PDF and without

    def find_frame(self, digest: Digest) -> Frame:
        """Raises PDFLost."""
        frame = self._frames.get(digest.with_pdf)
        if frame is None:
            frame = self._frames[digest.with_pdf] = _cut_frame(digest)
        return frame


class SegmentedMessage:
    """What `write` makes the copies of. Raises PDFLost."""

    def __init__(self, digest: Digest, common: Common) -> None:
        self._common = common
        frame = common.find_frame(digest)
        subject = write_subject(digest.subject).encode("ascii")
        self._pieces = [subject if piece == "subject" else piece for piece in frame.pieces]
        self._pdf_words = frame.pdf_words
        self._text = BodyPart(digest.text, common.passages)
        self._html = BodyPart(digest.html, common.passages)
        names = self._text.names | self._html.names | {Purpose.UNSUBSCRIBE.value}
        self._of_member = [(name, common.of_member[name]) for name in names & {*common.of_member}]
        self._of_delivery = [
            (name, common.of_delivery[name]) for name in names & {*common.of_delivery}
        ]
        words = {"greeting", "salutation", *self._pdf_words}
        self._escaped = self._html.names & (words | common.odd_links)  # in the HTML

    def write(self, place: int, claimed: ClaimedDelivery) -> Copy:
        """Raises BadAddress."""
        key, member, email, name = claimed.pk, claimed.member_id or 0, claimed.email, claimed.name
        recipient = encode_recipient(email)
        values = {"greeting": greet(name), "salutation": salute(name), **self._pdf_words}
        for slot, make in self._of_member:
            values[slot] = make(member)
        for slot, make in self._of_delivery:
            values[slot] = make(key)
        own = {
            "to": [write_to(name, email, recipient).encode("ascii")],
            "message_id": [self._common.make_message_id(key)[1:-1].encode()],
            "unsubscribe": [values["unsubscribe"].encode()],
            "text": self._text.fill(values),
        }
        for slot in self._escaped:  # from here on they are the HTML's
            values[slot] = escape(values[slot])
        own["html"] = self._html.fill(values)
        content: list[bytes] = []
        for piece in self._pieces:
            if isinstance(piece, bytes):
                content.append(piece)
            else:
                content += own[piece]
        return Copy(place, self._common.make_return_path(key), recipient, content)


def _cut_frame(digest: Digest) -> Frame:
    """The same for any of its mailing that has the PDF, or hasn't, as it."""
    names = ("subject", "to", "message_id", "unsubscribe", "text", "html")
    marks = {name: f"{name.replace('_', '-')}-{secrets.token_hex(8)}" for name in names}
    mailing = digest.mailing
    marked = Digest(mailing=mailing, subject=marks["subject"], with_pdf=digest.with_pdf)
    personal = Personal(marks["to"], f"<{marks['message_id']}>", marks["unsubscribe"])
    message = write_message(marked, mailing, personal, marks["text"], marks["html"])
    source = message.message().as_bytes(linesep="\r\n")
    found = {mark.encode(): name for name, mark in marks.items()}
    for name in ("text", "html"):
        found[encode(marks[name].encode())] = name
    pieces = re.split(b"(" + b"|".join(map(re.escape, found)) + b")", source)
    return Frame([found.get(piece, piece) for piece in pieces], word_pdf(find_attached_pdf(digest)))
