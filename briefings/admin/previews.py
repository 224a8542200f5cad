"""Web page, mail and PDF of an entry beside its form: of the text as it now stands there."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse

from briefings.admin.drafts import WithDrafts
from briefings.admin.form_values import Forms, is_deleted
from briefings.admin.freshness import person_at
from briefings.admin.panels import Panel, WithPanels
from briefings.autosaves import Fields
from briefings.catalogue import open_archive
from briefings.contexts import EditionContext
from briefings.hooks import EntryPreview, entry_previews
from briefings.html import HTMLTooLong
from briefings.models import Audience, Autosave, Edition, Entry
from briefings.pdf import PDFRefused, render_edition_pdf
from briefings.placing import append_entry
from briefings.previews import describe_placed, preview_entry, undone

_TYPED_TEXTS = {"headline": "（未有標題）", "lead": "", "body": ""}


class WithPreview(WithPanels, WithDrafts):
    """The panel 預覽, and the pages that its frame shows."""

    class Media:
        css = {"all": ["desk/preview.css"]}
        js = ["desk/preview.js"]

    def get_panels(self, request: HttpRequest, entry: Entry | None) -> list[Panel]:
        template = "admin/briefings/entry/panels/preview.html"
        return [Panel("preview", "預覽", template), *super().get_panels(request, entry)]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        permitted = [one for one in entry_previews if request.user.has_perm(one.permission)]
        context["previews"] = [
            (kind, label, reverse("admin:entry_preview", args=[kind]))
            for kind, label in [
                ("page", "網頁"),
                *((preview.name, preview.label) for preview in permitted),
                ("pdf", "PDF"),
            ]
        ]
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("preview/<slug:kind>/", wrap(self.preview), name="entry_preview"),
            *super().get_urls(),
        ]

    def preview(self, request: HttpRequest, kind: str) -> HttpResponse:
        """Of the form that the address names, or of the row if it holds nothing new."""
        hook = next((preview for preview in entry_previews if preview.name == kind), None)
        if hook is None and kind not in ("page", "pdf"):
            raise Http404
        if hook and not request.user.has_perm(hook.permission):
            raise PermissionDenied
        entry, fields = self._find_typed(request)
        if entry is None and fields is None:
            return self._say(request, "先寫一些文字，這裏便有預覽。", status=200)
        try:
            return self._show_preview(request, kind, hook, entry, fields)
        except HTMLTooLong as refusal:
            return self._say(request, f"未能預覽。{refusal}", status=200)

    def _show_preview(
        self,
        request: HttpRequest,
        kind: str,
        hook: EntryPreview | None,
        entry: Entry | None,
        fields: Fields | None,
    ) -> HttpResponse:
        archive = open_archive(Audience.PUBLIC) if kind == "page" else None
        with self._as_if_saved(request, entry, fields) as (written, edition, description):
            if archive:
                page = preview_entry(written, description, archive)
                return render(request, "briefings/entry_preview.html", page)
        if "whole" not in request.GET:
            description = description.only([written.pk])
        if hook:
            return hook.render(edition, description)
        try:
            pdf = render_edition_pdf(description)
        except PDFRefused as refused:
            return self._say(request, str(refused), status=503)
        headers = {"Content-Disposition": 'inline; filename="preview.pdf"'}
        return HttpResponse(pdf, content_type="application/pdf", headers=headers)

    def _find_typed(self, request: HttpRequest) -> tuple[Entry | None, Fields | None]:
        entry_id = request.GET.get("entry") or None
        entry = self.find_entry(request, entry_id)
        if entry_id and entry is None:
            raise Http404
        may_see = (
            self.has_view_or_change_permission(request, entry)
            if entry
            else (self.has_add_permission(request))
        )
        if not may_see:
            raise PermissionDenied
        autosave = Autosave.objects.filter(
            user=person_at(request), entry=entry, form_id=request.GET.get("form", "")
        ).first()
        return entry, autosave.fields if autosave else None

    @contextmanager
    def _as_if_saved(
        self, request: HttpRequest, entry: Entry | None, fields: Fields | None
    ) -> Iterator[tuple[Entry, Edition, EditionContext]]:
        """The entry as it would be after saving, in its edition; in the end nothing was saved."""
        with undone():
            if entry and fields is None:
                written = Entry.objects.get(pk=entry.pk)
            else:
                written = _write(self.make_forms(request, entry, fields), by=person_at(request))
            yield written, *describe_placed(written)

    def _say(self, request: HttpRequest, text: str, *, status: int) -> HttpResponse:
        return render(
            request, "admin/briefings/entry/no_preview.html", {"text": text}, status=status
        )


def _write(forms: Forms, *, by: User) -> Entry:
    """What can be saved of a form that is still being written."""
    form = forms.form
    form.is_valid()
    written: Entry = form.instance
    for name, empty in _TYPED_TEXTS.items():
        if name in form.errors:
            most = Entry._meta.get_field(name).max_length  # type: ignore[union-attr]
            setattr(written, name, (form.data.get(name, "").strip() or empty)[:most])
    if "edition" in form.changed_data and written.edition:
        append_entry(written, written.edition)
    form.errors.clear()  # save() asks for them, and what is wrong has been left out
    written = form.save(commit=False)
    if written.pk is None:
        written.created_by = by
    written.save()
    form.save_m2m()
    for formset in forms.formsets:
        for row in formset.forms:
            _write_row(row, written)
    # Read anew: what the rows are now, not what the form had fetched.
    return Entry.objects.get(pk=written.pk)


def _write_row(row: Any, written: Entry) -> None:
    if is_deleted(row):
        if row.instance.pk:
            row.instance.delete()
    elif row.has_changed() and row.is_valid():
        # Two rows may say the same while somebody is writing: the form will tell, the preview not.
        with suppress(IntegrityError), transaction.atomic():
            thing = row.save(commit=False)
            thing.entry = written
            thing.save()
