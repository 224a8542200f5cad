"""Where each thing of the archive is in the folder, and links led there from the site's. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape, unescape
from posixpath import dirname, relpath
from urllib.parse import quote, unquote, urlsplit

HOME, THEMES = "index.html", "themes/index.html"
# Bytes; file systems take 255, and a Chinese character has three.
LONGEST_NAME = 120

_LINK = re.compile(r' (href|src)="([^"]*)"')
_SHORT_ADDRESS = re.compile(r"/e/(\d+)(?:/v\d+)?")


def name_folder(slug: str) -> str:
    """A name that every file system takes, another for each slug."""
    name = slug.encode()[:LONGEST_NAME].decode(errors="ignore")
    if name == slug:
        return slug
    return f"{name}-{sha256(slug.encode()).hexdigest()[:8]}"


def place_edition(slug: str) -> str:
    return f"editions/{name_folder(slug)}/index.html"


def place_theme(slug: str) -> str:
    return f"themes/{name_folder(slug)}.html"


@dataclass
class Places:
    """What the folder holds, by its path on the site; an entry is a part of its edition's page."""

    site_url: str
    _places: dict[str, tuple[str, str]] = field(default_factory=dict)

    def place(self, path: str, file: str, anchor: str = "") -> None:
        """`path` as the site writes it: with its Chinese quoted."""
        self._places[unquote(path)] = (file, anchor)

    def lead_links(self, html: str, page: str) -> str:
        """Within the folder relatively, from the file `page`; whatever it doesn't hold, at the
        site's whole address.
        """

        def lead(link: re.Match[str]) -> str:
            attribute, address = link[1], unescape(link[2])
            return f' {attribute}="{escape(self.lead(address, page))}"'

        return _LINK.sub(lead, html)

    def lead(self, address: str, page: str) -> str:
        path = address.removeprefix(self.site_url) or "/"
        if not path.startswith("/") or path.startswith("//"):
            return address  # elsewhere, or on this very page
        parts = urlsplit(path)
        there = self.find(parts.path)
        if there is None:
            return f"{self.site_url}{path}"
        file, anchor = there
        fragment = anchor or parts.fragment
        way = quote(relpath(file, dirname(page) or "."))
        return f"{way}#{fragment}" if fragment else way

    def find(self, path: str) -> tuple[str, str] | None:
        """The file, and the place in it if it is a part."""
        if short := _SHORT_ADDRESS.fullmatch(path):
            path = f"/e/{short[1]}"
        return self._places.get(unquote(path))


def find_sources(html: str) -> list[str]:
    """What pictures it shows, by their addresses."""
    return [unescape(link[2]) for link in _LINK.finditer(html) if link[1] == "src"]


def write_sums(sums: Mapping[str, str]) -> str:
    """As `sha256sum -c` reads them."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
