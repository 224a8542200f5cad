"""Text goes over the wire compressed, whether or not a proxy in front would do it."""

import re
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

_TEXT = re.compile(r"text/|application/([\w.-]+\+)?(json|xml)|image/svg\+xml")


class TextCompressionMiddleware(GZipMiddleware):
    """Django's own, which pads each answer by a random length against guessing what is in it.

    What is compressed already (PDFs, pictures) is left alone: it would lose its length by it.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> Any:
        if not _TEXT.match(response.get("Content-Type", "")):
            return response
        return super().process_response(request, response)
