"""出版前檢查: what to look at before publishing, on the edition's page and on the way out."""

from math import ceil
from typing import Any

from django.contrib import admin, messages
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from briefings.admin.edition_pages import EditionPages
from briefings.models import Edition
from briefings.readiness import Severity, check_edition, count_by_severity
from briefings.web_links import (
    SOON_AGAIN,
    count_links,
    find_urls,
    request_check,
)

# On A4 with headlines, leads and footer; eight of the sample editions had from 620 to 690.
CHARACTERS_A_PAGE = 680

ON_THE_WAY_OUT = ("publish", "schedule")


class ChecksLinks(admin.ModelAdmin):
    """What an entry links to is asked once it is saved, so that the answer is there in time."""

    class Media:
        js = ["desk/go-to-field.js"]

    def save_related(
        self,
        request: HttpRequest,
        form: ModelForm,
        formsets: Any,
        change: bool,  # noqa: FBT001
    ) -> None:
        super().save_related(request, form, formsets, change)
        request_check([form.instance])


class Readiness(EditionPages):
    """The checks on an edition's pages, and the button that has its links asked now."""

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        edition = context["original"]
        if edition:
            context |= self._describe(edition) | describe_length(edition)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        view = require_POST(self.admin_site.admin_view(self.check_links))
        return [
            path("<int:edition_id>/check-links/", view, name="edition_check_links"),
            *super().get_urls(),
        ]

    def check_links(self, request: HttpRequest, edition_id: int) -> HttpResponse:
        """For who may see the edition; a link that was asked a moment ago is left alone."""
        edition = self._get_viewable(request, edition_id)
        asked = request_check(edition.entries.all(), rest=SOON_AGAIN)
        if asked:
            messages.success(request, f"正在檢查{asked}個連結，稍後重新載入本頁便看到結果。")
        else:
            messages.info(request, "這一期的連結剛檢查過，或者沒有連結。")
        return redirect("admin:briefings_edition_change", edition.pk)

    def _render(
        self, request: HttpRequest, edition: Edition, page: str, extra: dict[str, Any]
    ) -> HttpResponse:
        if page in ON_THE_WAY_OUT:
            request_check(edition.entries.all())
            extra = self._describe(edition) | extra
        return super()._render(request, edition, page, extra)

    def _describe(self, edition: Edition) -> dict[str, Any]:
        remarks = [] if edition.is_published else check_edition(edition)
        groups = [
            (severity, count, [remark for remark in remarks if remark.severity == severity])
            for severity, count in count_by_severity(remarks).items()
        ]
        return {
            "remark_groups": groups,
            "is_blocked": any(severity == Severity.OBSTACLE for severity, *_ in groups),
            "links": count_links(
                url for entry in edition.entries.all() for url in find_urls(entry)
            ),
        }


def describe_length(edition: Edition) -> dict[str, int]:
    characters = sum(entry.length for entry in edition.entries.all())
    return {"characters": characters, "pages": max(1, ceil(characters / CHARACTERS_A_PAGE))}
