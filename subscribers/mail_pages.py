"""A mail's HTML as a page of its own.

Mail carries its styles within, which the site's policy forbids a page; a mail gets a policy of its
own instead, under which nothing but styles and pictures works at all. A frame with `srcdoc` would
inherit the policy of the page round it, so mail is always shown from an address.
"""

from django.conf import settings
from django.http import HttpResponse
from django.templatetags.static import static

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data: {site}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


def show_mail(html: str) -> HttpResponse:
    """For a reader, by the link in the mail."""
    icon = f'<link rel="icon" href="{static("favicon.svg")}" type="image/svg+xml">'
    return HttpResponse(
        html.replace("<head>", f"<head>{icon}", 1),
        headers={"Content-Security-Policy": POLICY.format(site=settings.SITE_URL)},
    )


def show_mail_in_frame(html: str) -> HttpResponse:
    """For a page of ours: links open outside the frame, and the mail can't reach the page."""
    response = show_mail(html.replace("<head>", '<head><base target="_blank">', 1))
    response["Content-Security-Policy"] += "; sandbox allow-popups allow-popups-to-escape-sandbox"
    return response
