"""Text that was typed and not saved, offered to its writer until they take it or throw it away."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from briefings.admin.filled_forms import FillsForms
from briefings.admin.form_values import Difference, find_differences
from briefings.admin.freshness import person_at, show_time
from briefings.autosaves import discard, find_unsaved, name_unsaved
from briefings.models import Autosave, Entry

UNSAVED = "unsaved"  # in an address: the form whose text is to be given back


@dataclass(frozen=True)
class Offer:
    """Unsaved text that its writer may take back or throw away."""

    autosave: Autosave
    differences: Sequence[Difference]
    restore_url: str
    discard_url: str

    @property
    def name(self) -> str:
        return name_unsaved(self.autosave)


class GivesBack(FillsForms):
    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.discard_autosave))
        return [
            path("autosave/<str:form_id>/discard/", view, name="entry_discard_autosave"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Says what new entries were written and never saved."""
        if request.method == "GET" and self.has_add_permission(request):
            add = reverse("admin:briefings_entry_add")
            for autosave in find_unsaved(person_at(request), None):
                messages.info(
                    request,
                    format_html(
                        '未儲存的新短評「{}」（{}）<a class="further" href="{}?{}={}">取回</a>',
                        name_unsaved(autosave),
                        show_time(autosave.saved_at),
                        *(add, UNSAVED, autosave.form_id),
                    ),
                )
        return super().changelist_view(request, extra_context)

    def find_offers(self, request: HttpRequest, entry: Entry | None) -> list[Offer]:
        unsaved = find_unsaved(person_at(request), entry)
        if not unsaved:
            return []
        theirs = self.make_forms(request, entry).read_values()
        offers = []
        for autosave in unsaved:
            mine = self.make_forms(request, entry, autosave.fields).read_values()
            if differences := find_differences(theirs, mine):
                offers.append(self._make_offer(autosave, differences))
            else:  # it came in after the save that had it all
                autosave.delete()
        return offers

    def _make_offer(self, autosave: Autosave, differences: Sequence[Difference]) -> Offer:
        entry_id = autosave.entry_id
        form = (
            reverse("admin:briefings_entry_change", args=[entry_id])
            if entry_id
            else reverse("admin:briefings_entry_add")
        )
        return Offer(
            autosave,
            differences,
            restore_url=f"{form}?{UNSAVED}={autosave.form_id}",
            discard_url=reverse("admin:entry_discard_autosave", args=[autosave.form_id]),
        )

    def find_asked(self, request: HttpRequest, entry: Entry | None) -> Autosave | None:
        """What the address asks to be given back."""
        form_id = request.GET.get(UNSAVED)
        if form_id is None or not self.may_write(request, entry):
            return None
        unsaved = Autosave.objects.filter(user=person_at(request), entry=entry, form_id=form_id)
        if (asked := unsaved.first()) is None:
            messages.warning(request, "這份未儲存的文字已經儲存或放棄。")
        return asked

    def discard_autosave(self, request: HttpRequest, form_id: str) -> HttpResponse:
        if not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise PermissionDenied
        autosave = Autosave.objects.filter(user=person_at(request), form_id=form_id).first()
        discard(person_at(request), form_id)
        messages.success(request, "已放棄未儲存的文字。")
        if autosave and autosave.entry_id:
            return redirect("admin:briefings_entry_change", autosave.entry_id)
        return redirect("admin:briefings_entry_add")
