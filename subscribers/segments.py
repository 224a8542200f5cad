"""A digest's message cut once into bytes that all copies share and places for what is one member's.

Nothing but what differs is written for each copy, which costs some twenty microseconds instead of
two thousand. The copies say what `messages.build_message` says, header by header and part by part;
only the lines of Base64 end elsewhere, since a shared piece is encoded once.
"""

import re
import secrets
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from struct import Struct
from typing import NamedTuple

import pybase64

from subscribers.addresses import BadAddress, encode_address
from subscribers.bounces.envelopes import prepare_return_paths
from subscribers.links import Purpose, prepare_urls
from subscribers.messages import (
    OF_DELIVERY,
    OF_MEMBER,
    SLOT,
    Message,
    Personal,
    fill_slot,
    find_attached_pdf,
    greet,
    one_line,
    prepare_message_ids,
    salute,
    word_pdf,
    write_address,
    write_message,
)
from subscribers.models import ClaimedDelivery, Digest, Mailing
from subscribers.smtp.conversation import Copy

_LINE = 76  # characters of Base64 (RFC 2045, 6.8)
_WORTH_SHARING = 256  # bytes
# Addresses that are written as they are; all others take the long way.
_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*", re.ASCII)
_LONGEST_LOCAL, _LONGEST_ADDRESS = 64, 254
_PLAIN_NAME = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*", re.ASCII)
_HAN_NAME = re.compile(
    r"[A-Za-z0-9\u2e80-\u9fff\uff01-\uffee]+(?: [A-Za-z0-9\u2e80-\u9fff\uff01-\uffee]+)*"
)
_LONGEST_LINE = 75
_ASCII = bytes(range(128))
# A message without its texts: bytes, and between them the names of what goes there.
Frame = Sequence[bytes | str]


@dataclass
class Gap:
    """What stands between shared blocks of lines: a form for bytes, and what goes into it."""

    block: int  # its place among all
    form: bytes  # as `%` has it
    slots: list[int] = field(default_factory=list)  # by their places

    def add(self, data: bytes) -> None:
        self.form += data.replace(b"%", b"%%")

    def add_slot(self, place: int) -> None:
        self.form += b"%b"
        self.slots.append(place)

    def fill(self, inserted: Sequence[bytes]) -> bytes:
        """Lines, of what its slots hold."""
        return _encode(self.form % tuple(map(inserted.__getitem__, self.slots)))


class Layout(NamedTuple):
    blocks: list[bytes]  # of lines
    gaps: list[Gap]


class Shared:
    """A piece that all copies have, encoded once for each number of bytes that may wait for it."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._by_start: dict[int, tuple[bytes, bytes, bytes]] = {}

    def follow(self, waiting: int) -> tuple[bytes, bytes, bytes]:
        """What fills the waiting bytes up to a multiple of three, lines, and what is over."""
        start = -waiting % 3
        if start not in self._by_start:
            data = self._data
            end = len(data) - (len(data) - start) % 3
            self._by_start[start] = data[:start], _encode(data[start:end]), data[end:]
        return self._by_start[start]


class Part:
    """Of a message: a text with slots, in Base64.

    Where its lines are shared depends on what is left of each value's length divided by three, and
    on nothing else: so the text is laid out once for all copies that are alike in that.
    """

    def __init__(self, text: str) -> None:
        # Of each what it is in the text and the value's name; itself, if it asks for more.
        self._slots: list[tuple[str, str, re.Match[str] | None]] = []
        self._layouts: dict[tuple[int, ...], Layout] = {}
        # Shared or short bytes, or the place of a slot.
        self._pieces: list[Shared | bytes | int] = []
        self.names: set[str] = set()  # of the values that are to be filled in
        places: dict[str, int] = {}
        end = 0
        for slot in SLOT.finditer(text):
            if slot[0] not in places:
                places[slot[0]] = len(places)
                name = slot[2] or slot[3]
                self.names.add(name)
                self._slots.append((slot[0], name, None if slot[0] == f"[[{name}]]" else slot))
            self._pieces += [_share(text[end : slot.start()]), places[slot[0]]]
            end = slot.end()
        self._pieces.append(_share(text[end:]))

    def fill(self, values: Mapping[str, str]) -> list[bytes]:
        """`values` are as they are to stand in the text."""
        inserted = [
            (fill_slot(slot, values) if slot else values.get(name, source)).encode()
            for source, name, slot in self._slots
        ]
        remainders = tuple([len(one) % 3 for one in inserted])
        layout = self._layouts.get(remainders)
        if layout is None:
            layout = self._layouts[remainders] = self._lay_out(remainders)
        blocks = layout.blocks.copy()
        for gap in layout.gaps:
            blocks[gap.block] = gap.fill(inserted)
        return blocks

    def _lay_out(self, remainders: tuple[int, ...]) -> Layout:
        """For values whose lengths leave so much when divided by three."""
        blocks = [b""]
        gaps = [gap := Gap(0, b"")]
        waiting = 0
        for piece in self._pieces:
            if isinstance(piece, int):
                gap.add_slot(piece)
                waiting += remainders[piece]
            elif isinstance(piece, bytes):
                gap.add(piece)
                waiting += len(piece)
            else:
                first, encoded, rest = piece.follow(waiting)
                gap.add(first)
                blocks += [encoded, b""]
                gaps.append(gap := Gap(len(blocks) - 1, b""))
                gap.add(rest)
                waiting = len(rest)
        for gap in gaps:
            if not gap.slots:
                blocks[gap.block] = gap.fill([])
        return Layout(blocks, [gap for gap in gaps if gap.slots])


class SegmentedMessage:
    """What `write` makes the copies of. Raises PDFLost."""

    def __init__(self, digest: Digest, mailing: Mailing, frame: Frame | None = None) -> None:
        """`frame`, if another digest of this mailing has the same (`name_frame`).

        Raises BadAddress where mail can't be from the mailing's sender.
        """
        self._make_message_id = prepare_message_ids(mailing)
        sender = _encode_sender(mailing.sender_email)
        self._make_return_path = prepare_return_paths() or (lambda _key: sender)
        self._pdf_words = word_pdf(find_attached_pdf(digest))
        self._text, self._html = Part(_end_lines(digest.text)), Part(_end_lines(digest.html))
        names = self._text.names | self._html.names | {Purpose.UNSUBSCRIBE}
        self._of_member = [(one.value, prepare_urls(one)) for one in OF_MEMBER if one in names]
        self._of_delivery = [(one.value, prepare_urls(one)) for one in OF_DELIVERY if one in names]
        links = [*self._of_member, *self._of_delivery]
        words = {"greeting", "salutation", *self._pdf_words}
        odd = {name for name, make in links if _must_be_escaped(make)}
        self._escaped = sorted(self._html.names & (words | odd))  # in the HTML
        self.frame = frame or _cut_frame(digest, mailing)

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
            "message_id": [self._make_message_id(key)[1:-1].encode()],
            "unsubscribe": [values["unsubscribe"].encode()],
            "text": self._text.fill(values),
        }
        for slot in self._escaped:  # from here on they are the HTML's
            values[slot] = escape(values[slot])
        own["html"] = self._html.fill(values)
        content: list[bytes] = []
        for piece in self.frame:
            if isinstance(piece, bytes):
                content.append(piece)
            else:
                content += own[piece]
        return Copy(place, self._make_return_path(key), recipient, content)


@lru_cache(maxsize=32)  # those of `prepare_urls` are the same for every digest
def _must_be_escaped(make_url: Callable[[int], str]) -> bool:
    """In HTML; most addresses have nothing that means something there."""
    return escape(make_url(0)) != make_url(0)


@lru_cache(maxsize=8)  # every digest of a mailing asks
def _encode_sender(email: str) -> str:
    """Raises BadAddress."""
    return encode_address(email)


def write_to(name: str, email: str, recipient: str) -> str:
    """The value of the header To, folded: what `Message` makes of it. `recipient` is the address
    as `encode_recipient` gives it.
    """
    line = one_line(name)
    if not line:
        return recipient
    if _PLAIN_NAME.fullmatch(line):
        return f"{line} <{recipient}>"
    if _HAN_NAME.fullmatch(line):
        data = line.encode()
        word = b64encode(data).decode()
        value = f"=?utf-8?b?{word}?= <{recipient}>"
        # The library takes the shorter of Base64 and quoted-printable, in which what isn't ASCII
        # takes three characters a byte.
        quoted = len(data) + 2 * len(data.translate(None, _ASCII))
        if len(word) < quoted and len(f"To: {value}") <= _LONGEST_LINE:
            return value
    source = Message(headers={"To": write_address(name, email)}).message()
    return str(source["To"]).replace("\n", "\r\n")


def encode_recipient(email: str) -> str:
    """What `encode_address` gives; of what is plain only the domain is looked at, once.

    Raises BadAddress.
    """
    local, at, domain = email.rpartition("@")
    is_short = len(local) <= _LONGEST_LOCAL and len(email) <= _LONGEST_ADDRESS
    if at and is_short and _PLAIN_LOCAL.fullmatch(local) and _is_plain(domain):
        return email
    return encode_address(email)


@lru_cache(maxsize=10_000)
def _is_plain(domain: str) -> bool:
    try:
        return encode_address(f"a@{domain}") == f"a@{domain}"
    except BadAddress:
        return False


def name_frame(digest: Digest) -> tuple[str, bool]:
    """All that a frame has of the digest."""
    return digest.subject, digest.with_pdf


def _cut_frame(digest: Digest, mailing: Mailing) -> Frame:
    names = ("to", "message_id", "unsubscribe", "text", "html")
    marks = {name: f"{name.replace('_', '-')}-{secrets.token_hex(8)}" for name in names}
    personal = Personal(marks["to"], f"<{marks['message_id']}>", marks["unsubscribe"])
    message = write_message(digest, mailing, personal, marks["text"], marks["html"])
    source = message.message().as_bytes(linesep="\r\n")
    found = {mark.encode(): name for name, mark in marks.items()}
    for name in ("text", "html"):
        found[_encode(marks[name].encode())] = name
    pieces = re.split(b"(" + b"|".join(map(re.escape, found)) + b")", source)
    return [found.get(piece, piece) for piece in pieces]


def _share(text: str) -> Shared | bytes:
    """Itself, if it is so short that to encode it with what stands around it costs less."""
    data = text.encode()
    return Shared(data) if len(data) >= _WORTH_SHARING else data


def _encode(data: bytes) -> bytes:
    """In lines of Base64, each ended. Only what is last may be no multiple of three."""
    encoded = pybase64.b64encode(data)
    return b"\r\n".join(_find_cutter(len(encoded))(encoded))


@lru_cache(maxsize=256)  # short ones come again and again; one for a long text is as large as it
def _find_cutter(length: int) -> Callable[[bytes], tuple[bytes, ...]]:
    """What cuts so many characters into lines, and nothing behind them, for the last one's end."""
    lines, over = divmod(length, _LINE)
    return Struct(f"{_LINE}s" * lines + (f"{over}s" if over else "") + "0s").unpack


def _end_lines(text: str) -> str:
    """With CRLF (RFC 2046, 4.1.1)."""
    return text.replace("\r\n", "\n").replace("\n", "\r\n")
