"""The pages of an edition's desk: preview, publish, withdraw, and what other apps hang there."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join

from briefings.admin.forms import PublishForm, WithdrawForm
from briefings.contexts import describe_edition
from briefings.hooks import edition_tools, publish_options
from briefings.models import Audience, Edition
from briefings.pdf import PDFRefused, render_edition_pdf
from briefings.permissions import PUBLISH
from briefings.publishing import (
    TransitionRefused,
    publish_edition,
    withdraw_edition,
)

NOBODY_READS = "這一期暫不公開，出版時又未有寄出，會員要自行登入網站才讀得到。"


def describe_audience(edition: Edition) -> str:
    """Who may read an edition, or could until it was withdrawn; empty if it never came out."""
    if edition.public_from:
        opening = timezone.localtime(edition.public_from)
        return f"會員先讀，{date_format(opening, 'DATETIME_FORMAT')}公開"
    return edition.get_audience_display()


class EditionPages(admin.ModelAdmin):
    """What is added to an edition's stock admin: its buttons, and the pages behind them."""

    change_form_template = "admin/briefings/edition/change_form.html"

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        edition = context["original"]
        context |= {
            "tools": [tool for tool in edition_tools if tool.is_open_to(request.user)],
            "may_publish": request.user.has_perm(PUBLISH),
            "audience_text": describe_audience(edition) if edition else "",
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        """Our pages; a tool's name comes after Django's own, which it must not hide."""
        *stock, catch_all = super().get_urls()
        wrap = self.admin_site.admin_view
        return [
            path("<int:edition_id>/preview/", wrap(self.preview), name="edition_preview"),
            path(
                "<int:edition_id>/preview.pdf", wrap(self.preview_pdf), name="edition_preview_pdf"
            ),
            path("<int:edition_id>/publish/", wrap(self.publish), name="edition_publish"),
            path("<int:edition_id>/withdraw/", wrap(self.withdraw), name="edition_withdraw"),
            *stock,
            path("<int:edition_id>/<slug:name>/", wrap(self.open_tool), name="edition_tool"),
            catch_all,
        ]

    def preview(self, request: HttpRequest, edition_id: int) -> HttpResponse:
        edition = self._get_viewable(request, edition_id)
        standing = (
            f"預覽（{describe_audience(edition)}）。"
            if edition.is_published
            else f"預覽（{edition.get_state_display()}）：讀者看不到這一頁。"
        )
        context = {
            "edition": describe_edition(edition),
            "preview_notice": standing,
            "desk_path": reverse("admin:briefings_edition_change", args=[edition.pk]),
        }
        return TemplateResponse(request, "briefings/edition_detail.html", context)

    def preview_pdf(self, request: HttpRequest, edition_id: int) -> HttpResponse:
        edition = self._get_viewable(request, edition_id)
        try:
            pdf = render_edition_pdf(describe_edition(edition))
        except PDFRefused as refused:
            messages.error(request, str(refused))
            return self._redirect_to_form(edition)
        return HttpResponse(
            pdf,
            content_type="application/pdf",
            headers={"Content-Disposition": f'inline; filename="{edition.slug}.pdf"'},
        )

    def publish(self, request: HttpRequest, edition_id: int) -> HttpResponse:
        edition = self._get_publishable(request, edition_id)
        options = [option for option in publish_options if request.user.has_perm(option.permission)]
        form = PublishForm(request.POST or None, edition=edition, options=options)
        if request.method == "POST" and form.is_valid():
            done = self._try(
                request,
                lambda: publish_edition(
                    edition,
                    audience=form.audience,
                    public_from=form.public_from_time,
                    by=request.user,
                ),
            )
            if done:
                self._tell_published(request, edition)
                for option in form.ticked_options:
                    messages.success(request, option.carry_out(edition, request.user))
                if not (form.ticked_options or edition.is_visible_to(Audience.PUBLIC)):
                    messages.warning(request, NOBODY_READS)
                return self._redirect_to_form(edition)
        extra = {
            "title": f"出版{edition}",
            "form": form,
            "options": [form[option.name] for option in options],
        }
        return self._render(request, edition, "publish", extra)

    def withdraw(self, request: HttpRequest, edition_id: int) -> HttpResponse:
        edition = self._get_publishable(request, edition_id)
        form = WithdrawForm(request.POST if request.method == "POST" else None)
        form.fields["note"].required = False
        if request.method == "POST" and form.is_valid():
            note = form.cleaned_data["note"]
            if self._try(request, lambda: withdraw_edition(edition, note=note, by=request.user)):
                messages.success(request, f"已撤回{edition}，讀者再看不到，亦搜尋不到。")
            return self._redirect_to_form(edition)
        return self._render(request, edition, "withdraw", {"title": f"撤回{edition}", "form": form})

    def open_tool(self, request: HttpRequest, edition_id: int, name: str) -> HttpResponse:
        tool = next((tool for tool in edition_tools if tool.name == name), None)
        if tool is None:
            raise Http404
        if not tool.is_open_to(request.user):
            raise PermissionDenied
        return tool.view(request, get_object_or_404(Edition, pk=edition_id))

    def _get_viewable(self, request: HttpRequest, edition_id: int) -> Edition:
        edition = get_object_or_404(Edition, pk=edition_id)
        if not self.has_view_permission(request, edition):
            raise PermissionDenied
        return edition

    def _get_publishable(self, request: HttpRequest, edition_id: int) -> Edition:
        if not request.user.has_perm(PUBLISH):
            raise PermissionDenied
        return self._get_viewable(request, edition_id)

    def _try(self, request: HttpRequest, transition: Callable[[], None]) -> bool:
        try:
            transition()
        except TransitionRefused as refused:
            for reason in refused.reasons:
                messages.error(request, reason)
            return False
        return True

    def _tell_published(self, request: HttpRequest, edition: Edition) -> None:
        self.log_change(request, edition, f"出版（{describe_audience(edition)}）")
        if edition.is_visible_to(Audience.PUBLIC):
            page = "看網頁", edition.get_absolute_url()
            pdf = "看 PDF", reverse("briefings:edition_pdf", args=[edition.slug])
        else:
            page = "預覽網頁", reverse("admin:edition_preview", args=[edition.pk])
            pdf = "預覽 PDF", reverse("admin:edition_preview_pdf", args=[edition.pk])
        links = format_html_join(" ", '<a class="further" href="{1}">{0}</a>', [page, pdf])
        messages.success(request, format_html("已出版{}。{}", edition, links))

    def _redirect_to_form(self, edition: Edition) -> HttpResponse:
        return redirect("admin:briefings_edition_change", edition.pk)

    def _render(
        self, request: HttpRequest, edition: Edition, page: str, extra: dict[str, Any]
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "edition": edition,
            **extra,
        }
        return TemplateResponse(request, f"admin/briefings/edition/{page}.html", context)
