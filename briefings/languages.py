"""The same pages at other addresses: in Simplified under `/zh-hans/`, and under `/en/` with English
navigation round the Chinese texts.

There is one page and one view of each. The middleware takes the prefix off, has the page made, and
sends it on with its links leading within the prefix: those to pages of the archive and to what
another app adds (`hooks.further_pages`), and no others (feeds and PDFs have one address).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.urls import Resolver404, ResolverMatch, resolve, reverse
from django.utils import translation
from django.utils.encoding import escape_uri_path, iri_to_uri
from django.utils.html import format_html

from briefings import hooks
from briefings.markup import Tag, split_markup
from briefings.simplified import simplify_page

# The public pages of the archive, by the names of their addresses.
PAGES = frozenset(
    f"briefings:{name}"
    for name in (
        *("home", "edition_list", "edition_detail", "entry_detail", "entry_version"),
        *("theme_list", "theme_detail", "search", "phrases", "about", "privacy"),
    )
)

# Characters of an address that links repeat; all that a search looks for takes less. A query beyond
# it would stand on the page once for each language.
LONGEST_QUERY = 3000


@dataclass(frozen=True)
class PageLanguage:
    prefix: str  # of its addresses; empty is the archive as it was written
    tag: str  # as `lang` and `hreflang` have it
    name: str  # in itself
    sign: str  # short enough for the head of a page on a telephone
    translation: str  # Django's name of the language that navigation is in

    def place(self, path: str) -> str:
        """Where the page that the archive has at `path` is in this language."""
        return f"{self.prefix}{path}"


TRADITIONAL = PageLanguage("", "zh-Hant-HK", "繁體中文", "繁", "zh-hant")
SIMPLIFIED = PageLanguage("/zh-hans", "zh-Hans", "简体中文", "简", "zh-hant")
ENGLISH = PageLanguage("/en", "en", "English", "EN", "en")
LANGUAGES = (TRADITIONAL, SIMPLIFIED, ENGLISH)

# Marks, in templates, what stays Chinese on a page that is English otherwise.
_IN_CHINESE = format_html(' lang="{}"', TRADITIONAL.tag)


def language_of(request: HttpRequest) -> PageLanguage:
    return getattr(request, "page_language", TRADITIONAL)


@lru_cache(maxsize=4096)
def find_page(path: str) -> str:
    """The name of this address (percent-encoded or not); empty if nothing has it."""
    try:
        return resolve(unquote(path)).view_name
    except Resolver404:
        return ""


def is_page(path: str) -> bool:
    """Whether a public page of the archive has this address."""
    return find_page(path) in PAGES


def has_languages(path: str) -> bool:
    """Whether what has this address is to be had in each language."""
    name = find_page(path)
    return name in PAGES or name in hooks.further_pages


def as_written(path: str) -> str:
    """`path` without the prefix of its language."""
    for language in LANGUAGES:
        if language.prefix and path.startswith(f"{language.prefix}/"):
            return path.removeprefix(language.prefix)
    return path


def list_addresses(path: str) -> list[tuple[str, str]]:
    """(hreflang, path) of one page in each language; whoever speaks none gets it as written."""
    addresses = [(language.tag, language.place(path)) for language in LANGUAGES]
    return [*addresses, ("x-default", path)]


def page_languages(request: HttpRequest) -> dict[str, Any]:
    """Template context: the page's language, and where it is to be had in which."""
    current = language_of(request)
    in_chinese = _IN_CHINESE if current is ENGLISH else ""
    context: dict[str, Any] = {"page_language": current, "in_chinese": in_chinese}
    match = request.resolver_match
    if match is None or not (path := _find_path(request, match)):
        return context
    query = iri_to_uri(request.META.get("QUERY_STRING", ""))
    is_kept = 0 < len(query) <= LONGEST_QUERY
    path = escape_uri_path(path) + (f"?{query}" if is_kept else "")
    choices = [(language, language.place(path)) for language in LANGUAGES]
    return context | {"language_choices": choices}


def _find_path(request: HttpRequest, match: ResolverMatch) -> str:
    """Where to go for the page that answers, as written; empty if it has no other languages."""
    name = match.view_name
    shown_at = name if name in PAGES else hooks.further_pages.get(name, "")
    if shown_at in ("", name):
        return request.path_info if shown_at else ""
    return reverse(shown_at, args=match.args, kwargs=match.kwargs)


class PageLanguageMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        for language in LANGUAGES:
            if language.prefix and request.path_info.startswith(f"{language.prefix}/"):
                return self._answer(request, language)
            if language.prefix and request.path_info == language.prefix:
                return HttpResponsePermanentRedirect(f"{language.prefix}/")
        return self.get_response(request)

    def _answer(self, request: HttpRequest, language: PageLanguage) -> HttpResponseBase:
        request.page_language = language  # type: ignore[attr-defined]
        path = request.path_info.removeprefix(language.prefix)
        # With the prefix left on, nothing else than a page is found.
        if has_languages(path) or has_languages(f"{path}/"):
            request.path_info = path
        with translation.override(language.translation):
            answer = self.get_response(request)
        return retell(answer, language)


def retell(answer: HttpResponseBase, language: PageLanguage) -> HttpResponseBase:
    """What the archive answered, as this language has it."""
    if where := answer.get("Location"):
        answer["Location"] = lead_within(where, language)
    is_html = answer.get("Content-Type", "").startswith("text/html")
    if not is_html or answer.streaming or not isinstance(answer, HttpResponse):
        return answer
    if getattr(answer, "is_left_alone", False):
        return answer
    page = lead_links_within(answer.content.decode(answer.charset), language)
    answer.content = simplify_page(page) if language is SIMPLIFIED else page
    if answer.has_header("Content-Length"):
        answer["Content-Length"] = str(len(answer.content))
    return answer


def leave_alone(answer: HttpResponse) -> HttpResponse:
    """What a view says of something that was made in its reader's language."""
    answer.is_left_alone = True  # type: ignore[attr-defined]
    return answer


def lead_links_within(html: str, language: PageLanguage) -> str:
    def write(piece: Tag | str) -> str:
        if isinstance(piece, str):
            return piece
        if piece.is_closing or piece.name not in _LINKS or " hreflang=" in piece.source:
            return piece.source
        return piece.change(
            lambda name, value: lead_within(value, language) if name in _ADDRESSES else value
        )

    return "".join(map(write, split_markup(html)))


_LINKS = frozenset(("a", "area", "form"))
_ADDRESSES = frozenset(("href", "action"))
_PATH = re.compile(r"/(?!/)[^?#]*")


def lead_within(address: str, language: PageLanguage) -> str:
    """`address` in this language, if it is one of a page as written that has languages."""
    site = settings.SITE_URL if address.startswith(f"{settings.SITE_URL}/") else ""
    path = address.removeprefix(site)
    found = _PATH.match(path)
    if found is None or not has_languages(found[0]):
        return address
    return f"{site}{language.place(path)}"
