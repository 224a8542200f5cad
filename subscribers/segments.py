"""A digest's message cut once into bytes that all copies share and places for what is one member's.

Nothing but what differs is written for each copy, which costs some thirty microseconds instead of
two thousand. The copies say what `messages.build_message` says, header by header and part by part;
only the lines of Base64 end elsewhere, since a shared piece is encoded once.
"""

import re
import secrets
from base64 import b64encode
from binascii import b2a_base64
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import NamedTuple

from subscribers.addresses import BadAddress, encode_address
from subscribers.bounces.envelopes import make_return_path
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
    make_message_id,
    one_line,
    salute,
    word_pdf,
    write_address,
    write_message,
)
from subscribers.models import Digest, Mailing
from subscribers.smtp.conversation import Copy

_LINE = 76  # characters of Base64 (RFC 2045, 6.8)
# Addresses that are written as they are; all others take the long way.
_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*", re.ASCII)
_LONGEST_LOCAL, _LONGEST_ADDRESS = 64, 254
_PLAIN_NAME = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*", re.ASCII)
_HAN_NAME = re.compile(
    r"[A-Za-z0-9\u2e80-\u9fff\uff01-\uffee]+(?: [A-Za-z0-9\u2e80-\u9fff\uff01-\uffee]+)*"
)
_LONGEST_LINE = 75


class Addressee(NamedTuple):
    """One delivery, as far as its copy depends on it."""

    delivery_id: int
    member_id: int
    email: str
    name: str


# A message without its texts: bytes, and between them the names of what goes there.
Frame = Sequence[bytes | str]


class Shared:
    """A piece that all copies have, encoded once for each number of bytes that may wait for it."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._by_waiting: dict[int, tuple[bytes, bytes, bytes]] = {}

    def follow(self, waiting: int) -> tuple[bytes, bytes, bytes]:
        """What fills the waiting bytes up to a multiple of three, lines, and what is over."""
        if waiting not in self._by_waiting:
            start = -waiting % 3
            end = len(self._data) - (len(self._data) - start) % 3
            data = self._data
            self._by_waiting[waiting] = data[:start], _encode(data[start:end]), data[end:]
        return self._by_waiting[waiting]


class Part:
    """Of a message: a text with slots, in Base64."""

    def __init__(self, text: str, write: Callable[[str], str]) -> None:
        """`write` turns a slot's value into what stands in the text."""
        self._write = write
        self._pieces: list[Shared | bytes | str | re.Match[str]] = []
        self.names: set[str] = set()  # of the values that are to be filled in
        end = 0
        for slot in SLOT.finditer(text):
            name = slot[2] or slot[3]
            self.names.add(name)
            is_plain = slot[0] == f"[[{name}]]"
            self._pieces += [_share(text[end : slot.start()]), name if is_plain else slot]
            end = slot.end()
        self._pieces.append(_share(text[end:]))

    def fill(self, values: Mapping[str, str]) -> list[bytes]:
        lines: list[bytes] = []
        waiting = b""
        written = {name: self._write(values[name]) for name in self.names & values.keys()}
        for piece in self._pieces:
            if isinstance(piece, Shared):
                first, encoded, over = piece.follow(len(waiting) % 3)
                lines += (_encode(waiting + first), encoded)
                waiting = over
            elif isinstance(piece, bytes):
                waiting += piece
            elif isinstance(piece, str):
                waiting += written.get(piece, f"[[{piece}]]").encode()
            else:
                waiting += fill_slot(piece, written).encode()
        lines.append(_encode(waiting))
        return lines


class SegmentedMessage:
    """What `write(addressee)` makes the copies of. Raises PDFLost."""

    def __init__(self, digest: Digest, mailing: Mailing, frame: Frame | None = None) -> None:
        """`frame`, if another digest of this mailing has the same (`name_frame`).

        Raises BadAddress where mail can't be from the mailing's sender.
        """
        self._mailing = mailing
        self._sender = encode_address(mailing.sender_email)
        self._pdf_words = word_pdf(find_attached_pdf(digest))
        self._parts = {
            "text": Part(_end_lines(digest.text), str),
            "html": Part(_end_lines(digest.html), escape),
        }
        names = self._parts["text"].names | self._parts["html"].names | {Purpose.UNSUBSCRIBE}
        self._of_member = {one.value: prepare_urls(one) for one in OF_MEMBER if one in names}
        self._of_delivery = {one.value: prepare_urls(one) for one in OF_DELIVERY if one in names}
        self.frame = frame or _cut_frame(digest, mailing)

    def write(self, place: int, addressee: Addressee) -> Copy:
        """Raises BadAddress."""
        key, member, email, name = addressee
        to = write_to(name, email)
        values = {
            "greeting": greet(name),
            "salutation": salute(name),
            **{name: make(member) for name, make in self._of_member.items()},
            **{name: make(key) for name, make in self._of_delivery.items()},
            **self._pdf_words,
        }
        own = {
            "to": to.encode("ascii"),
            "message_id": make_message_id(key, self._mailing)[1:-1].encode(),
            "unsubscribe": values["unsubscribe"].encode(),
        }
        content: list[bytes] = []
        for piece in self.frame:
            if isinstance(piece, bytes):
                content.append(piece)
            elif piece in self._parts:
                content += self._parts[piece].fill(values)
            else:
                content.append(own[piece])
        return Copy(
            place,
            make_return_path(key) or self._sender,
            encode_recipient(email),
            b"".join(content),
        )


def write_to(name: str, email: str) -> str:
    """The value of the header To, folded: what `Message` makes of it. Raises BadAddress."""
    recipient = encode_recipient(email)
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
        quoted = len(data) + 2 * sum(byte > 127 for byte in data)
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
    """Itself, if it is too short to fill up what waits."""
    data = text.encode()
    return Shared(data) if len(data) >= _LINE else data


def _encode(data: bytes) -> bytes:
    """In lines of Base64, each ended. Only what is last may be no multiple of three."""
    encoded = b2a_base64(data, newline=False)
    lines = [encoded[start : start + _LINE] for start in range(0, len(encoded), _LINE)]
    return b"\r\n".join((*lines, b""))


def _end_lines(text: str) -> str:
    """With CRLF (RFC 2046, 4.1.1)."""
    return text.replace("\r\n", "\n").replace("\n", "\r\n")
