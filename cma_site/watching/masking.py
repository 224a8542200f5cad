"""What leaves for logs and error reports names nobody, and opens nothing. Pure."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

HIDDEN = "…"
# Longer than any line of ours; what a stranger may have written is not searched without end.
LONGEST = 20_000

# Each with what is left of it. In this order: a password in an address is followed by an `@`.
_MASKS = [
    (re.compile(r"(?<=://)[^/\s@]{1,200}@"), f"{HIDDEN}@"),
    # PostgreSQL quotes the row that it refuses.
    (re.compile(r"(Failing row contains |Key \([^)\n]{1,200}\)=)\(.*"), rf"\1({HIDDEN})"),
    # The addresses that mail carries, and whatever else is read by whoever has the link.
    (
        re.compile(
            r"/(subscribe/confirm|preferences|unsubscribe|mail|login|enter|move|keep|erase|preview)"
            r"/(?!sent/)[^/\s\"'?#]+"
        ),
        rf"/\1/{HIDDEN}",
    ),
    (re.compile(r"(/password_reset/[^/\s]{1,64})/[^/\s\"'?#]+"), rf"\1/{HIDDEN}"),
    # What a login by a provider carries, in an address or by itself.
    (re.compile(r"([?&](?:code|state|nonce|id_token|access_token)=)[^\s\"'&#]+"), rf"\1{HIDDEN}"),
    (re.compile(r"\beyJ[\w-]{10,}\.[\w-]+\.[\w-]*"), HIDDEN),
    # A token by itself: the key, perhaps a time, and the signature (django.core.signing).
    (re.compile(r"\b\d{1,18}(?:\.[\w-]{6})?\.[\w-]{43}(?![\w-])"), HIDDEN),
    # In RFC 5322's own letters or any other's, quoted, or as addresses of pages carry it.
    (
        re.compile(
            r"(?:\"[^\"\n]{1,64}\"|[\w.!#$%&'*+/=?^`{|}~-]{1,64})(?:@|%40)"
            r"(?:\[[^\]\s]{1,60}\]|[\w-]{1,63}(?:\.[\w-]{1,63}){0,10})"
        ),
        f"{HIDDEN}@{HIDDEN}",
    ),
]


def mask_text(text: str) -> str:
    """Without e-mail addresses, passwords, signed tokens and quoted rows."""
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}{HIDDEN}"
    for pattern, left in _MASKS:
        text = pattern.sub(left, text)
    return text


def mask_all(value: Any) -> Any:
    """The same of every text in it, keys aside, however deep; of what is no text, what it would
    be written as.
    """
    match value:
        case None | bool() | int() | float() | datetime():
            return value
        case Mapping():
            return {key: mask_all(one) for key, one in value.items()}
        case list() | tuple():
            return [mask_all(one) for one in value]
    return mask_text(str(value))
