"""Whether anything answers at the addresses that texts link to.

An address is an editor's text, so asking it must not let anybody reach into our own network: each
host is resolved once, every address it has must be open to the world, and the connection goes to
the very address that was looked at, again after each redirect.
"""

import re
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from html.parser import HTMLParser
from http.client import HTTPConnection, HTTPException, HTTPResponse
from ipaddress import ip_address
from threading import Timer
from time import monotonic
from urllib.parse import SplitResult, urljoin, urlsplit

from celery import signature
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.encoding import iri_to_uri

from briefings.models import Entry, WebLink

PATIENCE = 6.0  # seconds for each connection and answer
LONGEST = 20.0  # seconds for one request, however slowly it drips
LONGEST_CHECK = 120.0  # seconds, after which no further link is begun: workers have mail to send
MOST_REDIRECTS = 5
REST = timedelta(days=1)  # no link is asked more often, unless a person wants to know
SOON_AGAIN = timedelta(minutes=5)  # then it is asked no more often than this

# Some servers turn away whoever is no browser. That says nothing about the link.
UNSURE = "未能自動核對"
_TURNED_AWAY = {401, 403, 405, 406, 429, 451, 999}
_REDIRECTS = {301, 302, 303, 307, 308}

_WEB_ADDRESS = re.compile(r"https?://", re.IGNORECASE)

Guard = Callable[[str], bool]
"""Whether we may connect to this IP address."""


class LinkFault(Exception):
    """Nothing useful answers; says why in the editor's language."""


@dataclass(frozen=True)
class Anchor:
    url: str
    text: str


class _AnchorReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.anchors: list[Anchor] = []
        self._url: str | None = None
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "a" and attributes.get("href"):
            self._url, self._text = str(attributes["href"]).strip(), []
        elif tag == "img" and self._url:
            self._text.append(attributes.get("alt") or "")

    def handle_data(self, data: str) -> None:
        self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._url:
            self.anchors.append(Anchor(self._url, "".join(self._text).strip()))
            self._url = None


def find_anchors(html: str) -> list[Anchor]:
    """The links of a text in order, each with the words that it hangs on."""
    reader = _AnchorReader()
    reader.feed(html)
    reader.close()
    return reader.anchors


def find_urls(entry: Entry) -> list[str]:
    """The web addresses in an entry's text and sources, each once."""
    urls = [anchor.url for anchor in find_anchors(entry.body)]
    urls += [source.url for source in entry.sources.all()]
    return [url for url in dict.fromkeys(urls) if _WEB_ADDRESS.match(url) and len(url) <= 500]


def is_public_address(address: str) -> bool:
    """An address out in the world, and none that only means something here."""
    ip = ip_address(address.partition("%")[0])
    if ip.version == 6:
        # What is inside is where the packet goes in the end.
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner and not is_public_address(str(inner)):
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def find_due_urls(urls: Iterable[str], *, now: datetime, rest: timedelta = REST) -> list[str]:
    """Those of `urls` that nobody has asked for so long."""
    wanted = list(dict.fromkeys(urls))
    rested = WebLink.objects.filter(url__in=wanted, checked_at__gt=now - rest)
    known = set(rested.values_list("url", flat=True))
    return [url for url in wanted if url not in known]


def check_links(
    urls: Iterable[str],
    *,
    rest: timedelta = REST,
    now: datetime | None = None,
    may_connect: Guard = is_public_address,
    patience: float = LONGEST_CHECK,
) -> None:
    """Ask those of `urls` that have rested, and write down what answered.

    Of two who check at once, one asks. A check that dies halfway is not made up for until the
    link has rested again. What there was no time for is still due, for the next check to ask.
    """
    began = monotonic()
    for url in urls:
        moment = now or timezone.now()
        link, _ = WebLink.objects.get_or_create(url=url)
        has_rested = Q(checked_at=None) | Q(checked_at__lte=moment - rest)
        if WebLink.objects.filter(has_rested, pk=link.pk).update(checked_at=moment):
            WebLink.objects.filter(pk=link.pk).update(fault=find_fault(url, may_connect))
        if monotonic() - began >= patience:
            return


def request_check(entries: Iterable[Entry], *, rest: timedelta = REST) -> int:
    """Have what these entries link to asked in the background, after commit; how many are due."""
    if not settings.CHECK_LINKS:
        return 0
    urls = [url for entry in entries for url in find_urls(entry)]
    due = find_due_urls(urls, now=timezone.now(), rest=rest)
    if due:
        check = signature("briefings.tasks.check_web_links", args=(due, rest.total_seconds()))
        # Robust: without a broker nothing else is lost.
        transaction.on_commit(check.apply_async, robust=True)
    return len(due)


@dataclass(frozen=True)
class LinkCount:
    """How many links there are, and what is known of them."""

    good: int = 0
    faulty: int = 0
    unknown: int = 0

    @property
    def total(self) -> int:
        return self.good + self.faulty + self.unknown


def count_links(urls: Iterable[str]) -> LinkCount:
    wanted = set(urls)
    asked = WebLink.objects.filter(url__in=wanted, checked_at__isnull=False)
    faults = [bool(fault) for fault in asked.values_list("fault", flat=True)]
    return LinkCount(faults.count(False), sum(faults), len(wanted) - len(faults))


def find_fault(url: str, may_connect: Guard = is_public_address) -> str:
    """What is wrong at an address, in plain words; empty if it answers.

    First without asking for the page itself, then, for servers that know no HEAD, with it.
    """
    try:
        if _ask("HEAD", url, may_connect) < 400:
            return ""
        status = _ask("GET", url, may_connect)
    except LinkFault as fault:
        return str(fault)
    return _describe_status(status)


def _describe_status(status: int) -> str:
    if status < 400:
        return ""
    if status in _TURNED_AWAY:
        return f"{UNSURE}：對方不接受自動查詢（{status}）"
    if status == 404:
        return "找不到（404）"
    if status == 410:
        return "已移除（410）"
    return f"對方伺服器出錯（{status}）" if status >= 500 else f"對方不接受（{status}）"


def _ask(method: str, url: str, may_connect: Guard) -> int:
    """The status at the end of the redirects. Raises LinkFault."""
    for _ in range(MOST_REDIRECTS + 1):
        status, location = _ask_once(method, url, may_connect)
        if status not in _REDIRECTS or not location:
            return status
        try:
            url = urljoin(url, location)
        except ValueError as error:
            raise LinkFault("網址寫法有誤") from error
    raise LinkFault("轉址太多次")


def _ask_once(method: str, url: str, may_connect: Guard) -> tuple[int, str]:
    """Status and Location. Of the body nothing is read."""
    parts = _split(url)
    try:
        with _connect(parts, may_connect) as connection:
            target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
            connection.request(method, target, headers=_HEADERS | {"Host": parts.netloc})
            response: HTTPResponse = connection.getresponse()
            # A server's bytes are Latin-1 to http.client, and UTF-8 to everybody else.
            location = response.getheader("Location", "").encode("latin-1", "ignore")
            return response.status, iri_to_uri(location.decode("utf-8", "ignore"))
    except ssl.SSLCertVerificationError as error:
        raise LinkFault("安全證書有問題") from error
    except TimeoutError as error:
        raise LinkFault("太久沒有回應") from error
    except (OSError, HTTPException, ValueError) as error:
        raise LinkFault("連不上") from error


_HEADERS = {
    "User-Agent": f"PolicyCommentaryLinkCheck/1 (+{settings.SITE_URL})",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "close",
}


def _split(url: str) -> SplitResult:
    """The parts as they go over the wire, without user and password. Raises LinkFault."""
    try:
        parts = urlsplit(iri_to_uri(url.strip()))
        host = (parts.hostname or "").encode("idna").decode("ascii")
        port = parts.port
    except ValueError as error:  # UnicodeError, which idna raises, is one
        raise LinkFault("網址寫法有誤") from error
    if parts.scheme not in ("http", "https") or not host:
        raise LinkFault("網址寫法有誤")
    shown = f"[{host}]" if ":" in host else host
    return parts._replace(netloc=f"{shown}:{port}" if port else shown)


@contextmanager
def _connect(parts: SplitResult, may_connect: Guard) -> Iterator[HTTPConnection]:
    """A connection to an address that was looked at; cut off when it takes too long."""
    host = str(parts.hostname)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    sock: socket.socket = _reach(_resolve(host, port, may_connect), port)
    if parts.scheme == "https":
        sock = _tls.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    timer = Timer(LONGEST, _hang_up, [sock])
    timer.daemon = True
    timer.start()
    try:
        if isinstance(sock, ssl.SSLSocket):
            sock.do_handshake()
        connection = HTTPConnection(host, port, timeout=PATIENCE)
        connection.sock = sock
        yield connection
    finally:
        timer.cancel()
        sock.close()


_tls = ssl.create_default_context()


def _resolve(host: str, port: int, may_connect: Guard) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise LinkFault("沒有這個網站") from error
    addresses = list(dict.fromkeys(str(row[4][0]) for row in found))
    if not all(may_connect(address) for address in addresses):
        raise LinkFault("只在內部網絡可用的網址")
    return addresses


def _reach(addresses: list[str], port: int) -> socket.socket:
    """The first that lets us in. Raises OSError."""
    for address in addresses[:-1]:
        try:
            return socket.create_connection((address, port), timeout=PATIENCE)
        except OSError:
            continue
    return socket.create_connection((addresses[-1], port), timeout=PATIENCE)


def _hang_up(sock: socket.socket) -> None:
    with suppress(OSError):  # it was over already
        # SSLSocket's own would first take the cipher from the thread that is reading.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
