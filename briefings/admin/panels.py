"""What stands beside an entry's text: one panel a subject, each from its own module."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from briefings.models import Entry


@dataclass(frozen=True)
class Panel:
    name: str  # part of its element's id
    label: str
    template: str  # included with the whole context of the form's page
    badge: int = 0  # how many things in it wait for the editor


class WithPanels(admin.ModelAdmin):
    """The entry's form with panels beside it; a mixin adds its own by `get_panels`."""

    change_form_template = "admin/briefings/entry/change_form.html"

    def get_panels(self, request: HttpRequest, entry: Entry | None) -> list[Panel]:  # noqa: ARG002
        return []

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["panels"] = self.get_panels(request, context["original"])
        return super().render_change_form(request, context, *args, **kwargs)
