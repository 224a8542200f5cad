"""The house style check beside an entry's text: what the form holds now, saved or not."""

import json
from dataclasses import asdict

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from briefings.admin.panels import Panel, WithPanels
from briefings.glossary import load_glossary
from briefings.house_style import Field, check_style
from briefings.html import LONGEST, HTMLTooLong
from briefings.models import Entry

MOST_SHOWN = 300  # findings; a text that has more has something else the matter


class HouseStyle(WithPanels):
    class Media:
        css = {"all": ["desk/house_style.css"]}
        js = ["desk/house_style.js"]

    def get_panels(self, request: HttpRequest, entry: Entry | None) -> list[Panel]:
        panels = super().get_panels(request, entry)
        if not self._may_write(request, entry):
            return panels
        return [*panels, Panel("style", "文風", "admin/briefings/entry/panels/house_style.html")]

    def get_urls(self) -> list[URLPattern]:
        view = require_POST(self.admin_site.admin_view(self.check_style))
        return [path("style/", view, name="entry_style"), *super().get_urls()]

    def check_style(self, request: HttpRequest) -> HttpResponse:
        """Of `headline`, `lead` and `body` in a JSON object, the findings, as JSON."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            texts = read_texts(request)
        except (ValueError, RequestDataTooBig):
            return JsonResponse({"error": "收到的文字不完整或太長，未能檢查。"}, status=400)
        try:
            findings = check_style(**texts, glossary=load_glossary())
        except HTMLTooLong as refusal:
            return JsonResponse({"error": f"未能檢查。{refusal}"}, status=400)
        shown = [asdict(finding) for finding in findings[:MOST_SHOWN]]
        return JsonResponse({"findings": shown, "total": len(findings)})

    def _may_write(self, request: HttpRequest, entry: Entry | None) -> bool:
        if entry is None:
            return self.has_add_permission(request)
        return self.has_change_permission(request, entry)


def read_texts(request: HttpRequest) -> dict[str, str]:
    """Raises ValueError for anything but an object with the three texts."""
    data = json.loads(request.body)
    texts = {field.value: data.get(field) if isinstance(data, dict) else None for field in Field}
    checked = {name: text for name, text in texts.items() if isinstance(text, str)}
    if checked != texts:
        raise ValueError("three texts are wanted")
    whole = "".join(checked.values())
    whole.encode()  # half a character is a ValueError too
    if len(whole) > LONGEST:
        raise ValueError("too long")
    return checked
