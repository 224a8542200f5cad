"""What a browser sends of a form at the desk: every field as it came, and what was typed over."""

from typing import Any

import lxml.html
from django.http import HttpResponse
from django.test import Client


def read_form(response: HttpResponse, form_id: str) -> dict[str, Any]:
    form = lxml.html.fromstring(response.content.decode()).get_element_by_id(form_id)
    sent = {}
    for name in form.fields:
        value = form.fields[name]
        if value is not None:
            sent[name] = sorted(value) if isinstance(value, set) else value
    return sent


def send_form(client: Client, path: str, form_id: str = "entry_form", **typed: Any) -> HttpResponse:
    """Open the page, type, save."""
    fields = read_form(client.get(path), form_id)
    return client.post(path, fields | typed)
