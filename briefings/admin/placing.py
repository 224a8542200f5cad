"""放入一期…: entries from their list, or one from its form, into an edition still in the making."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode

from briefings.admin.base import read_ids
from briefings.admin.edition_forms import PlaceForm
from briefings.models import Entry
from briefings.placing import place_entries
from briefings.publishing import TransitionRefused

MAKE_EDITIONS = "briefings.change_edition"


class Placing(admin.ModelAdmin):
    actions = ["place"]

    def has_place_permission(self, request: HttpRequest) -> bool:
        """Putting entries in editions is making editions, which a writer doesn't."""
        return request.user.has_perm(MAKE_EDITIONS)

    @admin.action(description="放入一期…", permissions=["place"])
    def place(self, request: HttpRequest, entries: QuerySet[Entry]) -> HttpResponse:  # noqa: ARG002
        ids = read_ids(request.POST.getlist("_selected_action"))
        address = reverse("admin:briefings_entry_place")
        return redirect(f"{address}?{urlencode({'entry': ids}, doseq=True)}")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.place_page)
        return [path("place/", view, name="briefings_entry_place"), *super().get_urls()]

    def place_page(self, request: HttpRequest) -> HttpResponse:
        """Asks which edition; a POST puts them there."""
        if not self.has_place_permission(request):
            raise PermissionDenied
        ids = read_ids(request.GET.getlist("entry"))
        entries = Entry.objects.filter(pk__in=ids).select_related("edition").order_by("pk")
        if not entries:
            messages.info(request, "請先選擇短評。")
            return redirect("admin:briefings_entry_changelist")
        form = PlaceForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            edition = form.cleaned_data["edition"]
            try:
                moved = place_entries(ids, edition, by=request.user)
            except TransitionRefused as refused:
                for reason in refused.reasons:
                    messages.error(request, reason)
                return redirect(request.get_full_path())
            where = f"放入{edition}" if edition else "移回待編"
            messages.success(request, f"已將{len(moved)}篇短評{where}。")
            if edition:
                return redirect("admin:briefings_edition_change", edition.pk)
            return redirect("admin:briefings_entry_changelist")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "放入一期",
            "form": form,
            "entries": entries,
        }
        return TemplateResponse(request, "admin/briefings/entry/place.html", context)
