"""The laptop's post office: mail is captured in a Maildir and can be read in the browser."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage as ParsedMessage
from email.parser import BytesParser
from mailbox import Maildir
from pathlib import Path
from threading import Lock

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from subscribers.mail_pages import show_mail_in_frame

PAGE = 50

_KEY = re.compile(r"(\d+)\.M(\d+)")
_delivering = Lock()  # Maildir counts its files without one


class CapturingBackend(BaseEmailBackend):
    """Keeps each message as a file that appears whole or not at all, whoever else is writing."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            with _delivering:
                open_maildir().add(message.message().as_bytes())
        return len(email_messages)


@dataclass(frozen=True)
class Received:
    key: str
    headers: tuple[tuple[str, str], ...]
    subject: str
    sender: str
    to: str

    @property
    def time(self) -> datetime:
        return datetime.fromtimestamp(_read_time(self.key)[0], UTC)


def open_maildir() -> Maildir:
    """Whole, even where somebody made the folder before."""
    folder = Path(str(settings.MAILBOX_DIR))
    for part in ("new", "cur", "tmp"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    return Maildir(str(folder))


def list_keys() -> list[str]:
    """Newest first, from the names of the files alone."""
    return sorted(open_maildir().keys(), key=_read_time, reverse=True)


@require_safe
def show_list(request: HttpRequest) -> HttpResponse:
    maildir = open_maildir()
    page = Paginator(list_keys(), PAGE).get_page(request.GET.get("page"))
    messages = [_describe(key, _parse(maildir.get_bytes(key), headers_only=True)) for key in page]
    return render(request, "subscribers/mailbox_list.html", {"page": page, "messages": messages})


@require_safe
def show_message(request: HttpRequest, key: str) -> HttpResponse:
    message = _parse(_read(key))
    context = {
        "message": _describe(key, message),
        "text": _find_part(message, "plain"),
        "has_html": bool(_find_part(message, "html")),
        "attachments": [part.get_filename() for part in message.iter_attachments()],
    }
    return render(request, "subscribers/mailbox_message.html", context)


@require_safe
def show_html(request: HttpRequest, key: str) -> HttpResponse:  # noqa: ARG001
    return show_mail_in_frame(_find_part(_parse(_read(key)), "html"))


@require_safe
def show_source(request: HttpRequest, key: str) -> HttpResponse:  # noqa: ARG001
    return HttpResponse(_read(key), content_type="text/plain; charset=utf-8")


def _read(key: str) -> bytes:
    try:
        return open_maildir().get_bytes(key)
    except KeyError as error:
        raise Http404("郵箱內沒有這封信。") from error


def _parse(source: bytes, *, headers_only: bool = False) -> ParsedMessage:
    return BytesParser(policy=policy.default).parsebytes(source, headersonly=headers_only)


def _describe(key: str, message: ParsedMessage) -> Received:
    headers = tuple((name, _read_header(message, name, raw)) for name, raw in message.raw_items())
    by_name = {name.lower(): value for name, value in headers}
    return Received(
        key,
        headers,
        subject=by_name.get("subject", ""),
        sender=by_name.get("from", ""),
        to=by_name.get("to", ""),
    )


def _read_header(message: ParsedMessage, name: str, raw: str) -> str:
    """Decoded; as it stands in the source where Python's parser stumbles over it."""
    try:
        return str(message.policy.header_fetch_parse(name, raw))
    except Exception:
        return str(raw)


def _find_part(message: ParsedMessage, subtype: str) -> str:
    """The content of the part `text/<subtype>`; empty when there is none."""
    part = message.get_body(preferencelist=(subtype,))
    return part.get_content() if part else ""


def _read_time(key: str) -> tuple[int, int]:
    """When a file arrived, in seconds and microseconds; Maildir writes both into its name."""
    match = _KEY.match(key)
    return (int(match[1]), int(match[2])) if match else (0, 0)


mailbox_urlpatterns = [
    path("", show_list, name="list"),
    path("<str:key>/", show_message, name="message"),
    path("<str:key>/html/", show_html, name="html"),
    path("<str:key>/source/", show_source, name="source"),
]
