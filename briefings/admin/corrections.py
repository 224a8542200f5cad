"""Correcting and withdrawing what readers have read."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from briefings.admin.forms import WithdrawForm
from briefings.corrections import (
    NOTE_WANTED,
    CorrectionRefused,
    close_correction,
    has_been_read,
    open_correction,
)
from briefings.models import Correction, Entry, State
from briefings.permissions import CORRECT
from briefings.publishing import TransitionRefused, restore_entry, withdraw_entry


class CorrectionNote(forms.Form):
    """Joins the form of an entry that readers have read."""

    is_note_missing = False  # saving found that the text had changed, and no word of it

    correction_note = forms.CharField(
        label="更正說明",
        required=False,
        help_text="改動標題、導言、短評、資料來源或作者時必填；會連同日期和改動之處，"
        "刊於網頁、訂閱源和重新發出的 PDF。只改政策主題則不用填寫。",
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.is_note_missing:
            self.add_error("correction_note", NOTE_WANTED)
        return data


class EntryCorrections(admin.ModelAdmin):
    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        corrections = Correction.objects.filter(entry=OuterRef("pk"))
        entries: QuerySet[Entry] = super().get_queryset(request)
        return entries.annotate(is_corrected=Exists(corrections))  # type: ignore[no-any-return]

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:entry_id>/withdraw/", wrap(self.withdraw), name="entry_withdraw"),
            path("<int:entry_id>/reinstate/", wrap(self.reinstate), name="entry_reinstate"),
            *super().get_urls(),
        ]

    def get_form(
        self,
        request: HttpRequest,
        obj: Entry | None = None,
        change: bool = False,  # noqa: FBT001, FBT002
        **kwargs: Any,
    ) -> type[forms.ModelForm]:
        if self._is_corrected_by(request, obj):
            missing = {"is_note_missing": getattr(request, "is_note_missing", False)}
            make: Any = type(self.form)
            kwargs["form"] = make("CorrectedEntryForm", (CorrectionNote, self.form), missing)
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Entry | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if not self._is_corrected_by(request, obj):
            return fieldsets
        return [*fieldsets, ("更正", {"fields": ["correction_note"], "classes": ["correction"]})]

    def _is_corrected_by(self, request: HttpRequest, obj: Entry | None) -> bool:
        """Whether saving this form is a correction."""
        return obj is not None and has_been_read(obj) and self.has_change_permission(request, obj)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Only when all is saved can be told what has changed. If a note is wanting, none of it
        was, and the form comes back as it was sent.
        """
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except CorrectionRefused:
            request.is_note_missing = True  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    def save_model(
        self,
        request: HttpRequest,
        obj: Entry,
        form: Any,
        change: bool,  # noqa: FBT001
    ) -> None:
        form.opened_correction = open_correction(obj) if change and has_been_read(obj) else None
        super().save_model(request, obj, form, change)

    def save_related(
        self,
        request: HttpRequest,
        form: Any,
        formsets: Any,
        change: bool,  # noqa: FBT001
    ) -> None:
        super().save_related(request, form, formsets, change)
        form.correction = None
        if opened := form.opened_correction:
            note = form.cleaned_data["correction_note"]
            form.correction = close_correction(form.instance, opened, note=note, by=request.user)

    def construct_change_message(
        self,
        request: HttpRequest,
        form: Any,
        formsets: Any,
        add: bool = False,  # noqa: FBT001, FBT002
    ) -> Any:
        """Why a published text was changed says more than which of its fields were."""
        if form.correction:
            return f"更正：{form.correction.note}"
        return super().construct_change_message(request, form, formsets, add)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        entry = context["original"]
        may_correct = request.user.has_perm(CORRECT)
        context |= {
            "may_withdraw": may_correct and entry and entry.state == State.PUBLISHED,
            "may_reinstate": may_correct and entry and entry.withdrawn_at,
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def withdraw(self, request: HttpRequest, entry_id: int) -> HttpResponse:
        entry = self._get_correctable(request, entry_id)
        form = WithdrawForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            note = form.cleaned_data["note"]
            if _try(request, lambda: withdraw_entry(entry, note=note, by=request.user)):
                messages.success(request, f"已撤回「{entry}」，讀者再看不到，亦搜尋不到。")
            return redirect("admin:briefings_entry_change", entry.pk)
        return self._show(request, entry, "withdraw", {"title": "撤回短評", "form": form})

    def reinstate(self, request: HttpRequest, entry_id: int) -> HttpResponse:
        entry = self._get_correctable(request, entry_id)
        if request.method == "POST":
            if _try(request, lambda: restore_entry(entry, by=request.user)):
                messages.success(request, f"「{entry}」已恢復公開。")
            return redirect("admin:briefings_entry_change", entry.pk)
        return self._show(request, entry, "reinstate", {"title": "恢復公開"})

    def _get_correctable(self, request: HttpRequest, entry_id: int) -> Entry:
        entry = get_object_or_404(Entry, pk=entry_id)
        if not request.user.has_perm(CORRECT) or not self.has_view_permission(request, entry):
            raise PermissionDenied
        return entry

    def _show(
        self, request: HttpRequest, entry: Entry, page: str, extra: dict[str, Any]
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "entry": entry,
            **extra,
        }
        return TemplateResponse(request, f"admin/briefings/entry/{page}.html", context)


def _try(request: HttpRequest, transition: Callable[[], None]) -> bool:
    try:
        transition()
    except TransitionRefused as refused:
        for reason in refused.reasons:
            messages.error(request, reason)
        return False
    return True
