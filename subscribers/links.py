"""The addresses that mail carries: each lets its holder do one thing for one member."""

from binascii import b2a_base64
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256

from django.conf import settings
from django.core.signing import BadSignature, Signer, TimestampSigner
from django.urls import reverse
from django.utils.encoding import force_bytes

from briefings.contexts import absolute_url
from briefings.languages import TRADITIONAL, PageLanguage

CONFIRM_WITHIN = timedelta(days=7)
ERASE_WITHIN = timedelta(days=1)

LONGEST_KEY = 18  # digits, so that it fits where databases keep keys


class Purpose(StrEnum):
    """What a link is for, named as its address is; a token for one opens no other."""

    PREFERENCES = "preferences"
    UNSUBSCRIBE = "unsubscribe"
    MAIL = "mail"
    CONFIRM = "confirm"
    LOGIN = "login"
    ENTER = "enter"
    MOVE = "move"
    KEEP = "keep"
    ERASE = "erase"


_URL_SAFE = bytes.maketrans(b"+/", b"-_")  # RFC 4648, 5
_GOOD_FOR = {Purpose.CONFIRM: CONFIRM_WITHIN, Purpose.ERASE: ERASE_WITHIN}


def make_token(purpose: Purpose, pk: int) -> str:
    """Safe in an address and in mail: digits, letters, `-`, `_`, and `.` between the parts.

    Only CONFIRM and ERASE expire by what is in them. PREFERENCES, UNSUBSCRIBE and MAIL must work as
    long as somebody keeps the mail; until when the others are good, their rows say.
    """
    return _signer(purpose).sign(str(pk))


def read_token(purpose: Purpose, token: str) -> int:
    """The key of the member (for MAIL and ENTER the delivery, for LOGIN the login link, for MOVE
    and KEEP the change of address).

    Raises BadSignature, or its subclass.
    """
    signer = _signer(purpose)
    if isinstance(signer, TimestampSigner):
        value = signer.unsign(token, max_age=_GOOD_FOR[purpose])
    else:
        value = signer.unsign(token)
    if not value.isdecimal():
        raise BadSignature("The signed value is not a key.")
    return int(value)


def make_url(purpose: Purpose, pk: int, language: PageLanguage = TRADITIONAL) -> str:
    """Of the page in this language; a token is good in each."""
    path = reverse(f"subscribers:{purpose}", args=[make_token(purpose, pk)])
    return absolute_url(language.place(path))


def prepare_urls(purpose: Purpose) -> Callable[[int], str]:
    """What gives for any key what `make_url` does, in 2 µs instead of 40: for who makes thousands.

    Not for the purposes whose tokens tell the time.
    """
    return _prepare_urls(purpose, settings.SECRET_KEY, settings.SITE_URL)


@lru_cache(maxsize=32)
def _prepare_urls(purpose: Purpose, _secret: str, _site: str) -> Callable[[int], str]:
    """By all that it goes by, since mailings of many digests ask for each."""
    signer = _signer(purpose)
    # As django.core.signing derives it, once.
    key = sha256(b"".join(map(force_bytes, (signer.salt, "signer", signer.key)))).digest()
    # As hmac does it (RFC 2104), but both blocks that hold the key are digested here, once.
    inner = sha256(bytes(byte ^ 0x36 for byte in key.ljust(sha256().block_size, b"\0")))
    outer = sha256(bytes(byte ^ 0x5C for byte in key.ljust(sha256().block_size, b"\0")))
    start, end = make_url(purpose, 0).split(make_token(purpose, 0))

    def make(pk: int) -> str:
        message, mac = inner.copy(), outer.copy()
        message.update(b"%d" % pk)
        mac.update(message.digest())
        token = b2a_base64(mac.digest(), newline=False)[:-1].translate(_URL_SAFE)  # 32 bytes: one =
        return f"{start}{pk}.{token.decode()}{end}"

    return make


def _signer(purpose: Purpose) -> Signer:
    kind = TimestampSigner if purpose in _GOOD_FOR else Signer
    return kind(salt=f"subscribers.{purpose}", sep=".")


def read_key(typed: str) -> int:
    """A row's key as a form hands it in; 0, which no row has, for what can't be one."""
    return int(typed) if typed.isdecimal() and len(typed) <= LONGEST_KEY else 0
