"""Which entries of the site a body links to, by their addresses. Pure."""

import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import unquote, urlsplit

LARGEST_NUMBER = 2**31  # of a row's key: no database is asked for more

_HREF = re.compile(r'<a (?:[a-z]+="[^"]*" )*?href="([^"]*)"')
_LANGUAGE = "(?:/en|/zh-hans)?"  # as `briefings.languages` has them
_ENTRY_PATH = re.compile(_LANGUAGE + r"/entries/([-\w]+)/")
_SHORT_PATH = re.compile(_LANGUAGE + r"/e/([0-9]{1,10})(?:/v[0-9]+)?")


@dataclass(frozen=True)
class Cited:
    """By either of the addresses that an entry has."""

    slugs: frozenset[str]
    numbers: frozenset[int]


def find_cited(body: str, site_url: str) -> Cited:
    """What a body as `clean_html` leaves it links to; an address without a host is the site's.

    `site_url` has a scheme and a host; which scheme a link has doesn't matter.
    """
    slugs, numbers = set(), set()
    for address in _HREF.findall(body) if 'href="' in body else ():
        path = _find_path(unescape(address), site_url)
        if found := _ENTRY_PATH.fullmatch(path):
            slugs.add(found[1])
        elif (found := _SHORT_PATH.fullmatch(path)) and int(found[1]) < LARGEST_NUMBER:
            numbers.add(int(found[1]))
    return Cited(frozenset(slugs), frozenset(numbers))


def _find_path(address: str, site_url: str) -> str:
    """Empty if it is another site's, or no address at all."""
    try:
        parts = urlsplit(address)
    except ValueError:  # the host holds a bracket
        return ""
    is_ours = parts.netloc.lower() in ("", urlsplit(site_url).netloc.lower())
    return unquote(parts.path) if is_ours and parts.scheme in ("", "http", "https") else ""
