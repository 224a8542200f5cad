"""What a relay answers (RFC 5321, 4.2), and what it means for the copy it was said of."""

import re
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

LONGEST = 64 * 1024  # bytes of one answer; RFC 5321 has 512 a line
_LINE = re.compile(rb"(\d{3})(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"\d{3} ([245]\.\d{1,3}\.\d{1,3})\b", re.ASCII)  # RFC 3463
# The relay has no room or takes no mail at present (RFC 3463, 3.4), whoever it is for.
_RELAY_IS_FULL = ("4.3.1", "4.3.2")


class NoReply(Exception):
    """What came is no SMTP."""


class Reply(NamedTuple):
    code: int
    text: str  # its lines in one, each with what stood behind the code

    @property
    def is_yes(self) -> bool:
        return 200 <= self.code < 400

    @property
    def status(self) -> str:
        """The enhanced code, or nothing."""
        found = _ENHANCED.match(self.text)
        return found[1] if found else ""


class Fate(Enum):
    """What became of a copy."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # for good, it says; see `Blame.POLICY`
    DEFERRED = "deferred"  # not now; this copy, later
    UNKNOWN = "unknown"  # it may have been accepted (RFC 1047)


class Blame(Enum):
    """Whom a "no" is about."""

    COPY = "copy"
    FULL = "full"  # it says it has no room; once may be chance
    POLICY = "policy"  # it, or a receiver, won't have our mail (5.7.x); once may be chance


class ReplyReader:
    """Puts answers together from what arrives. No bytes are kept beyond an answer's end."""

    def __init__(self) -> None:
        self._buffer = b""
        self._lines: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[Reply]:
        """The answers that are now whole, before it raises NoReply at what is none."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        self._size += len(data)
        if self._size > LONGEST:
            raise NoReply(f"an answer of more than {LONGEST} bytes")
        for line in lines:
            reply = None if self._lines else _read_single(line)
            if reply := reply or self._read(line.rstrip(b"\r")):
                self._size = len(self._buffer)
                yield reply

    def _read(self, line: bytes) -> Reply | None:
        found = _LINE.fullmatch(line)
        if not found:
            raise NoReply(line[:100].decode(errors="replace"))
        self._lines.append((found[3] or b"").decode(errors="replace"))
        if found[2] == b"-":
            return None
        text = " ".join((found[1].decode(), *filter(None, self._lines)))
        self._lines = []
        return Reply(int(found[1]), text)


@lru_cache(maxsize=32)  # of the four about a message, three are always the same
def _read_single(line: bytes) -> Reply | None:
    """If it is an answer by itself, as nearly all are."""
    if line[3:4] == b" " and line[:3].isdigit():
        return Reply(int(line[:3]), line.decode(errors="replace").rstrip())
    return None


def find_blame(reply: Reply) -> Blame:
    """Of an answer to RCPT, DATA or the message that is no yes. 421 is another matter: it ends
    the connection.
    """
    if reply.status in _RELAY_IS_FULL or (reply.code == 452 and not reply.status):
        return Blame.FULL
    # A 5xx that doesn't say more may be about a mailbox as well as about us.
    if reply.status.startswith("5.7.") or (reply.code >= 500 and not reply.status):
        return Blame.POLICY
    return Blame.COPY


def names_policy(text: str) -> bool:
    """Of an answer's text, as it is kept."""
    code = text[:3]
    return code.isdecimal() and find_blame(Reply(int(code), text)) is Blame.POLICY


def find_fate(reply: Reply) -> Fate:
    """Of a copy that this was the last word on."""
    if reply.code < 300:
        return Fate.ACCEPTED
    return Fate.DEFERRED if reply.code < 500 else Fate.REFUSED
