"""The headers of thousands of copies: what `Message` makes of them, in a tenth of the time."""

import re
from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache

from subscribers.addresses import BadAddress, encode_address
from subscribers.messages import Message, one_line, write_address

# Addresses that are written as they are; all others take the long way.
_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*", re.ASCII)
_LONGEST_LOCAL, _LONGEST_ADDRESS = 64, 254
_PLAIN_NAME = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*", re.ASCII)
_HAN_NAME = re.compile(
    r"[A-Za-z0-9\u2e80-\u9fff\uff01-\uffee]+(?: [A-Za-z0-9\u2e80-\u9fff\uff01-\uffee]+)*"
)
_LONGEST_LINE = 75
# Bytes that an encoded word holds on the first line of a subject and on others: what is left of a
# line, in Base64.
_ON_FIRST_LINE, _ON_OTHER_LINES = 39, 45
_ASCII = bytes(range(128))


def write_subject(subject: str) -> str:
    """The value of the header Subject, folded (RFC 2047, 2)."""
    line = one_line(subject)
    data = line.encode()
    if not line.isascii() and _is_shorter_in_base64(data):
        return "\r\n ".join(map(_encode_word, _cut_words(data)))
    return _find_header("Subject", Message(line, headers={"To": "nobody"}))


def write_to(name: str, email: str, recipient: str) -> str:
    """The value of the header To, folded; `recipient` is what `encode_recipient` gives."""
    line = one_line(name)
    if not line:
        return recipient
    if _PLAIN_NAME.fullmatch(line):
        return f"{line} <{recipient}>"
    if _HAN_NAME.fullmatch(line):
        data = line.encode()
        value = f"{_encode_word(data)} <{recipient}>"
        if _is_shorter_in_base64(data) and len(f"To: {value}") <= _LONGEST_LINE:
            return value
    return _find_header("To", Message(headers={"To": write_address(name, email)}))


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


def _cut_words(data: bytes) -> Iterator[bytes]:
    """No character is cut."""
    start, room = 0, _ON_FIRST_LINE
    while start < len(data):
        end = start + room
        while end < len(data) and data[end] & 0xC0 == 0x80:  # within a character of UTF-8
            end -= 1
        yield data[start:end]
        start, room = end, _ON_OTHER_LINES


def _encode_word(data: bytes) -> str:
    return f"=?utf-8?b?{b64encode(data).decode()}?="


def _is_shorter_in_base64(data: bytes) -> bool:
    """Than in quoted-printable, where what isn't ASCII takes three characters a byte, and some of
    that too: what is shorter the library takes.
    """
    quoted = len(data) + 2 * len(data.translate(None, _ASCII))
    return 4 * -(-len(data) // 3) < quoted


def _find_header(name: str, message: Message) -> str:
    return str(message.message()[name]).replace("\n", "\r\n")
