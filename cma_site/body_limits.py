"""How large a request may be, refused before any of it is read."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from briefings.importer.readers import LARGEST_FILE
from briefings.imports import MOST_FILES
from cma_site.errors import too_large

LARGEST_UPLOAD = MOST_FILES * LARGEST_FILE


class BodyLimitMiddleware:
    """Django's own limit leaves out files, which anybody could have written to our disk: forms are
    read, for their tokens, before it is asked whose they are.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponseBase | None:
        # Servers hand on no more than this says; without it, nothing.
        size = int(request.META.get("CONTENT_LENGTH") or 0)
        if size <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return None
        if size <= LARGEST_UPLOAD and request.user.is_staff:
            return None
        # Not by Django's exception, which would write an error into the log for each stranger.
        return too_large(request)
