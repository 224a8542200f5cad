"""Public pages as they were last made, kept in memory until anything that pages show is changed.

Each process keeps its own, and asks the database at each page whether something was changed since
it was made (`briefings.changes`): a page that was published, corrected or withdrawn is never shown
as it was before. What is made for one reader alone is not kept: whoever sends a cookie gets the
page made anew, and so is what a view doesn't say may be kept.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from threading import Lock
from typing import NamedTuple

from django.apps import apps
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.http import quote_etag

from briefings.catalogue import find_next_opening
from briefings.changes import Kind, Sum, Watched, read_marks
from briefings.languages import as_written, is_page

MOST_KEPT = 32 * 1024 * 1024  # bytes in one process
LARGEST_KEPT = 512 * 1024
# No page shows what these have. A table that is new is watched until it stands here.
_NOT_SHOWN = frozenset(
    {
        *("Autosave", "ChangeMark", "ImportBatch", "ImportedFile", "IndexedText", "Presence"),
        *("ReviewNote", "SearchMiss", "Segment", "SegmentPosting", "SharedDraft", "WebLink"),
    }
)


def list_watched() -> list[Watched]:
    models = apps.get_app_config("briefings").get_models(include_auto_created=True)
    shown = (model for model in models if model.__name__ not in _NOT_SHOWN)
    return [Watched(Kind.PAGES, model._meta.db_table) for model in shown]


class Address(NamedTuple):
    """All of a request that a page depends on, and the day: citations tell it."""

    is_secure: bool
    host: str
    path: str
    is_compressed: bool
    day: str


class KeptPage(NamedTuple):
    version: Sum
    until: datetime | None
    content: bytes
    headers: tuple[tuple[str, str], ...]

    def holds_at(self, version: Sum, now: datetime) -> bool:
        return self.version == version and (self.until is None or now < self.until)


class KeptPages:
    """By their addresses; those that nobody asked for longest are forgotten first."""

    def __init__(self) -> None:
        self._pages: OrderedDict[Address, KeptPage] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def find(self, address: Address, version: Sum, now: datetime) -> KeptPage | None:
        with self._lock:
            page = self._pages.get(address)
            if page is None:
                return None
            if not page.holds_at(version, now):
                self._drop(address)
                return None
            self._pages.move_to_end(address)
            return page

    def keep(self, address: Address, page: KeptPage) -> None:
        if len(page.content) > LARGEST_KEPT:
            return
        with self._lock:
            self._drop(address)
            self._pages[address] = page
            self._size += len(page.content)
            while self._size > MOST_KEPT:
                self._drop(next(iter(self._pages)))

    def _drop(self, address: Address) -> None:
        if page := self._pages.pop(address, None):
            self._size -= len(page.content)


class KeptPagesMiddleware:
    """Before whatever reads cookies, and behind whatever sends to another address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.pages = KeptPages()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        is_everybodys = request.method == "GET" and not request.META.get("HTTP_COOKIE")
        if not (is_everybodys and is_page(as_written(request.path_info))):
            return self.get_response(request)
        # Before the page is made: what is changed meanwhile makes it old.
        version, now = read_marks()[Kind.PAGES], timezone.now()
        address = name_address(request, now)
        page = self.pages.find(address, version, now)
        if page is None:
            answer = self.get_response(request)
            if not may_be_kept(answer):
                return answer
            page = make_page(answer, version, find_next_opening(now))
            self.pages.keep(address, page)
        return show(page, request)


def name_address(request: HttpRequest, now: datetime) -> Address:
    return Address(
        is_secure=request.is_secure(),
        host=request.META.get("HTTP_HOST", ""),
        path=request.get_full_path(),
        is_compressed="gzip" in request.META.get("HTTP_ACCEPT_ENCODING", ""),
        day=timezone.localtime(now).date().isoformat(),
    )


def allow_keeping(answer: HttpResponseBase) -> None:
    """What a view says of a page that is the same for everybody without a cookie."""
    answer.may_be_kept = True  # type: ignore[attr-defined]


def may_be_kept(answer: HttpResponseBase) -> bool:
    return (
        getattr(answer, "may_be_kept", False)
        and answer.status_code == 200
        and not answer.streaming
        and not answer.cookies
    )


def make_page(answer: HttpResponseBase, version: Sum, until: datetime | None) -> KeptPage:
    assert isinstance(answer, HttpResponse)  # noqa: S101  (it isn't streaming)
    patch_cache_control(answer, no_cache=True)  # may be kept, and asked after each time
    # Weak, since what is compressed is padded: the same page has other bytes in each process.
    answer["ETag"] = f"W/{quote_etag(hashlib.sha256(answer.content).hexdigest()[:32])}"
    return KeptPage(version, until, answer.content, tuple(answer.items()))


def show(page: KeptPage, request: HttpRequest) -> HttpResponseBase:
    answer = HttpResponse(page.content)
    for name, value in page.headers:
        answer[name] = value
    return get_conditional_response(request, answer["ETag"], response=answer) or answer
