"""Review notes beside an entry's text; written and settled without leaving what is unsaved."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_POST

from briefings.admin.panels import Panel, WithPanels
from briefings.models import Entry, ReviewNote
from briefings.permissions import may_review


class NoteForm(forms.ModelForm):
    class Meta:
        model = ReviewNote
        fields = ["quote", "text"]
        error_messages = {
            "text": {"required": "請寫下意見。"},
            "quote": {"max_length": "所引文字不可超過200字。"},
        }


class Reviews(WithPanels):
    def get_panels(self, request: HttpRequest, entry: Entry | None) -> list[Panel]:
        panels = super().get_panels(request, entry)
        if entry is None:
            return panels
        template = "admin/briefings/entry/panels/reviews.html"
        waiting = entry.review_notes.filter(settled_at=None).count()
        return [*panels, Panel("reviews", "審閱", template, badge=waiting)]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if context["original"]:
            context |= describe_notes(request, context["original"])
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        def wrap(view: Any) -> Any:
            return require_POST(self.admin_site.admin_view(view))

        return [
            path("<int:entry_id>/notes/", wrap(self.add_note), name="entry_notes"),
            path("<int:entry_id>/notes/<int:note_id>/", wrap(self.settle_note), name="entry_note"),
            *super().get_urls(),
        ]

    def add_note(self, request: HttpRequest, entry_id: int) -> HttpResponse:
        entry = self._get_reviewable(request, entry_id)
        note = ReviewNote(entry=entry, written_by_id=request.user.pk)
        form = NoteForm(request.POST, instance=note)
        if not form.is_valid():
            return self._refuse(request, entry, form)
        form.save()
        return self._show_notes(request, entry)

    def settle_note(self, request: HttpRequest, entry_id: int, note_id: int) -> HttpResponse:
        """Settled, or with `again` posted, waiting again. Of two at once, the first stands."""
        entry = self._get_reviewable(request, entry_id)
        notes = entry.review_notes.filter(pk=get_object_or_404(entry.review_notes, pk=note_id).pk)
        if "again" in request.POST:
            notes.update(settled_at=None, settled_by=None)
        else:
            notes.filter(settled_at=None).update(
                settled_at=timezone.now(), settled_by_id=request.user.pk
            )
        return self._show_notes(request, entry)

    def _get_reviewable(self, request: HttpRequest, entry_id: int) -> Entry:
        entry = get_object_or_404(Entry, pk=entry_id)
        if not (self.has_view_permission(request, entry) and may_review(request.user, entry)):
            raise PermissionDenied
        return entry

    def _show_notes(self, request: HttpRequest, entry: Entry) -> HttpResponse:
        """The panel's list, for the page that asked; without JavaScript, the whole form again."""
        if request.accepts("text/html"):
            return redirect("admin:briefings_entry_change", entry.pk)
        notes = describe_notes(request, entry)
        page = render_to_string(
            "admin/briefings/entry/notes.html", notes | {"original": entry}, request
        )
        return JsonResponse({"notes": page, "waiting": len(notes["waiting_notes"])})

    def _refuse(self, request: HttpRequest, entry: Entry, form: NoteForm) -> HttpResponse:
        reasons = [str(reason) for field in form.errors.values() for reason in field]
        if request.accepts("text/html"):
            for reason in reasons:
                self.message_user(request, reason, "error")
            return redirect("admin:briefings_entry_change", entry.pk)
        return JsonResponse({"errors": reasons}, status=400)


def describe_notes(request: HttpRequest, entry: Entry) -> dict[str, Any]:
    notes = list(entry.review_notes.select_related("written_by", "settled_by"))
    return {
        "waiting_notes": [note for note in notes if note.settled_at is None],
        "settled_notes": [note for note in notes if note.settled_at],
        "may_review": may_review(request.user, entry),
    }
