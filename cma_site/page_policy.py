"""What a page may load and do, said in its headers."""

from csp.middleware import CSPMiddleware
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from js_asset import Media

# Of the powers a browser can lend a page, none is needed here.
PERMISSIONS = ", ".join(
    f"{power}=()"
    for power in (
        "camera",
        "display-capture",
        "geolocation",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)


class PagePolicyMiddleware(CSPMiddleware):
    """The settings' policy on every answer that doesn't bring its own, as mail in a frame does."""

    def process_template_response(
        self, request: HttpRequest, response: TemplateResponse
    ) -> TemplateResponse:
        """The text editor's import map stands in the page itself, so it must carry the nonce."""
        context = response.context_data or {}
        if isinstance(media := context.get("media"), Media):
            context["media"] = media.with_nonce(request.csp_nonce)  # type: ignore[attr-defined]
        return response

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        response.setdefault("Permissions-Policy", PERMISSIONS)
        if response.get("Content-Type") == "application/pdf":
            # The browser's reader is a page of its own, with scripts and styles of its own.
            return response
        return super().process_response(request, response)
