"""The words of messages that declare their charset wrongly, or not at all."""

import codecs
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from html import unescape

from django.utils.html import strip_tags

from subscribers.bounces.judging import judge_words

LONGEST = 8_000  # characters of a system's own words; after them comes what it sends back
# Of a part or a header: anybody may send a megabyte, and looking for words takes its time.
LONGEST_READ = 32_000

# Here a system's own words end and the message it returns begins.
_COPY = re.compile(
    r"^.{0,20}(below this line is a copy|this is a copy of|a copy of the (original )?message"
    r"|original message|original-message|start of returned message|undelivered message follows"
    r"|message header|returned mail follows|unsent message"
    r"|原邮件|原始邮件|原始郵件|原信內容|郵件原文)",
    re.IGNORECASE | re.MULTILINE,
)
_CHARSETS = ("utf-8", "gb18030", "big5")
# Python's own, which no mail is written in: two take the square of the length, two make half
# characters.
_NO_CHARSETS = {"idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined"}


def read_header(message: Message, name: str) -> str:
    """Decoded, on one line; "" if it isn't there."""
    raw = message.get(name)
    if raw is None:
        return ""
    try:
        parts = decode_header(raw[:LONGEST] if isinstance(raw, str) else raw)
    except HeaderParseError:
        parts = [(str(raw), None)]
    return " ".join("".join(decode(part, charset) for part, charset in parts).split())


def read_own_words(message: Message) -> str:
    """What the mail system itself says, without what it sends back."""
    plain, html = "", ""
    for part in walk_own(message):
        if part.get_content_type() == "text/plain" and not plain:
            plain = _read_text(part)
        elif part.get_content_type() == "text/html" and not html:
            html = unescape(strip_tags(_read_text(part)))
    words = plain if plain.strip() else html
    copy = _COPY.search(words)
    return words[: copy.start() if copy and copy.start() else None][:LONGEST].strip()


def walk_own(message: Message) -> Iterator[Message]:
    """Its parts, but not those of a message within it."""
    if message.get_content_maintype() == "message":
        yield message
    elif message.is_multipart():
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from walk_own(part)
    else:
        yield message


def _read_text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return decode(payload, part.get_content_charset()) if isinstance(payload, bytes) else ""


def decode(value: bytes | str, charset: str | None) -> str:
    """As declared, or else in the charset in which it says something that we know."""
    raw = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
    # Of what is in ASCII all readings are the same.
    readings = [*dict.fromkeys(text[:LONGEST_READ] for text in _try_charsets(raw, charset))]
    telling = (reading for reading in readings if judge_words(reading))
    return next(telling, readings[0] if readings else raw.decode("utf-8", "replace")[:LONGEST_READ])


def _try_charsets(raw: bytes, declared: str | None) -> Iterator[str]:
    for charset in (declared or "ascii", *_CHARSETS):
        try:
            if codecs.lookup(charset).name not in _NO_CHARSETS:
                yield raw.decode(charset)
        except (LookupError, ValueError):
            continue


def make_storable(text: str) -> str:
    """PostgreSQL stores neither NUL nor half of a character."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
