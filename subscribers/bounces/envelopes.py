"""Where the reports about a delivery come back to: an address of its own (VERP), signed.

`bounces@example.org` becomes `bounces+42-kq3vxw7mdn5trp2a@example.org`. Whoever has the tag has
had the mail, or carried it; nobody else makes us believe that it came back.
"""

import hmac
import re
from base64 import b32encode
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256

from django.conf import settings
from django.utils.crypto import constant_time_compare

# 80 bits in 16 letters, which leaves 64 for the whole local part (RFC 5321); in base 32, since
# there are mail systems that change the case of letters.
_TAG_BYTES = 10
_TAGGED = re.compile(r"(?P<local>.+)\+(?P<number>[1-9]\d{0,18})-(?P<tag>[a-z2-7]{16})", re.ASCII)


def make_return_path(delivery_id: int) -> str | None:
    """What SMTP's MAIL FROM says of a delivery; None where no address for bounces is set."""
    make = prepare_return_paths()
    return make(delivery_id) if make else None


def prepare_return_paths() -> Callable[[int], str] | None:
    """What gives for any delivery what `make_return_path` does: for who makes thousands. None where
    no address for bounces is set.
    """
    local, at, domain = settings.BOUNCE_ADDRESS.rpartition("@")
    if not at:
        return None
    secret = settings.SECRET_KEY

    def make(delivery_id: int) -> str:
        return f"{local}+{delivery_id}-{_make_tag(delivery_id, secret)}@{domain}"

    return make


def read_return_path(address: str) -> int | None:
    """The delivery's key; None of any address that `make_return_path` has not made."""
    expected_local, at, expected_domain = settings.BOUNCE_ADDRESS.lower().rpartition("@")
    local, _, domain = address.strip().strip("<>").lower().rpartition("@")
    tagged = _TAGGED.fullmatch(local)
    if not at or not tagged or (tagged["local"], domain) != (expected_local, expected_domain):
        return None
    delivery_id = int(tagged["number"])
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    # A list: each key costs the same time, whichever fits.
    fits = [constant_time_compare(tagged["tag"], _make_tag(delivery_id, key)) for key in keys]
    return delivery_id if any(fits) else None


def _make_tag(delivery_id: int, key: str) -> str:
    mac = hmac.digest(_derive_key(key), str(delivery_id).encode(), "sha256")
    return b32encode(mac[:_TAG_BYTES]).decode().lower()


@lru_cache(maxsize=8)
def _derive_key(secret: str) -> bytes:
    """As django.utils.crypto.salted_hmac does, once instead of for every mail."""
    return sha256(f"subscribers.bounces{secret}".encode()).digest()
