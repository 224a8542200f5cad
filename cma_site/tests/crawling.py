"""Reading the whole site as a stranger does: what can be asked for, and whatever it leads to."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from http.cookies import SimpleCookie
from urllib.parse import unquote, urljoin, urlsplit

from django.conf import settings
from django.core.cache import cache
from django.db import connection, reset_queries
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver

from briefings.languages import LANGUAGES
from cma_site.tests.walking import fill, list_parameters, list_patterns

# Links in pages, and whole addresses of ours wherever they stand: feeds, sitemap, JSON, mail.
_LINK = re.compile(r"""(?:href|src|action)=["']([^"'\s]*)["']""")
_ADDRESS = re.compile(r"""https?://[^\s"'<>\\]+""")
# What is new at each asking, whatever the site holds.
_NEW_EACH_TIME = [
    re.compile(r'(?<=name="csrfmiddlewaretoken" value=")[^"]*'),
    re.compile(r'(?<=name="shown" value=")[^"]*'),
    re.compile(r'(?<=nonce=")[^"]*'),
    re.compile(r"(?<='nonce-)[^']*"),
    re.compile(r"(?<=csrftoken=)[^;]*"),
    re.compile(r"(?<=expires=)[^;]*"),
]
_NEW_HEADERS = {"Expires", "X-Request-ID"}
# Not about what is published: the state of the machine, files, and the editors' forms.
LEFT_OUT = ("/readyz", "/healthz", "/static/", "/mailbox/")
PREFIXES = tuple(f"{language.prefix}/" for language in LANGUAGES if language.prefix)
MANY = 5000  # addresses; a crawl that finds more runs in circles


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    queries: int

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    def holds(self, word: str) -> bool:
        """In body or headers, as it is or as addresses and JSON write it."""
        everything = f"{self.headers}{self.text}"
        as_json = word.encode("ascii", "backslashreplace").decode()
        return any(
            form in text
            for text in (everything, unquote(everything), unescape(everything))
            for form in (word, as_json)
        )


def ask(client: Client, address: str) -> Answer:
    reset_queries()  # the log holds a bounded number
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
        body = b"".join(answer) if answer.streaming else answer.content
    headers = [
        *answer.items(),
        *(("Set-Cookie", c.OutputString()) for c in answer.cookies.values()),
    ]
    is_text = "text" in answer.get("Content-Type", "")
    return Answer(
        answer.status_code,
        tuple(
            sorted((name, forget_new(value)) for name, value in headers if name not in _NEW_HEADERS)
        ),
        forget_new(body.decode()).encode() if is_text else body,
        len(queries),
    )


def forget_new(text: str) -> str:
    for pattern in _NEW_EACH_TIME:
        text = pattern.sub("", text)
    return text


def crawl(starts: Iterable[str], cookies: dict[str, str] | None = None) -> dict[str, Answer]:
    """Each address's answer, and those of all it leads to; nothing is remembered between two."""
    cache.clear()
    client = Client(raise_request_exception=False)
    answers: dict[str, Answer] = {}
    frontier = sorted(set(starts))
    while frontier:
        found: set[str] = set()
        for address in frontier:
            client.cookies = SimpleCookie(cookies)
            answers[address] = ask(client, address)
            found |= set(list_links(address, answers[address]))
        frontier = sorted(found - answers.keys())
        assert len(answers) < MANY, frontier[:20]
    return answers


def list_links(address: str, answer: Answer) -> Iterator[str]:
    """Those that stay on the site, without their fragments."""
    in_words = (address.rstrip(".,;:)}") for address in _ADDRESS.findall(answer.text))
    written = [*_LINK.findall(answer.text), *in_words]
    written += [value for name, value in answer.headers if name in ("Location", "Link")]
    ours = ("", "testserver", urlsplit(settings.SITE_URL).netloc)
    for link in written:
        try:
            parts = urlsplit(urljoin(f"http://testserver{address}", unescape(link)))
        except ValueError:
            continue
        if parts.scheme not in ("http", "https") or parts.netloc not in ours:
            continue
        path = parts.path or "/"
        # The desk's own pages are behind its login, whose page is one; the pages in other languages
        # are made of those without a prefix, and asked for by their routes.
        if path.startswith(("/admin/", *LEFT_OUT, *PREFIXES)):
            continue
        yield f"{path}?{parts.query}" if parts.query else path


def list_starts(guesses: Sequence[object] = (1,)) -> list[str]:
    """Every route: as it is, or with each of `guesses` in the place of what it asks for.

    Of the desk's routes, which all lead to its login, with the last one only.
    """
    starts = []
    for route, _ in list_patterns(get_resolver()):
        tried = guesses[-1:] if route.startswith("/admin/") else guesses
        if not route.startswith(LEFT_OUT):
            starts += [fill(route, dict.fromkeys(list_parameters(route), one)) for one in tried]
    return starts
