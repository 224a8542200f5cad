"""Making editions of entries."""

from collections.abc import Iterable
from typing import Any

from adminsortable2.admin import SortableAdminBase, SortableTabularInline
from django.contrib import admin, messages
from django.db.models import Count, Max, QuerySet
from django.forms import BaseInlineFormSet, ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from briefings.admin.base import DeskAdmin, hold_for_post, show_state
from briefings.admin.edition_forms import (
    EditionForm,
    PlacedEntryForm,
    group_by_destination,
    make_destination_field,
)
from briefings.admin.edition_pages import describe_audience
from briefings.admin.freshness import StopsStaleSaves
from briefings.admin.readiness import Readiness
from briefings.admin.scheduling import SchedulePages
from briefings.admin.sharing import SharesDrafts
from briefings.models import Audience, Edition, Entry, Imprint
from briefings.placing import place_entries
from briefings.publishing import TransitionRefused


class PlacedEntryInline(SortableTabularInline):
    """The entries of an edition in order; they are written, and deleted, on their own pages."""

    model = Entry
    form = PlacedEntryForm
    template = "admin/briefings/edition/entries.html"
    verbose_name_plural = "本期短評"
    fields = ["position", "destination"]
    extra = 0
    can_delete = False

    class Media:
        js = ["order-keys.js"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        entries: QuerySet[Entry] = super().get_queryset(request)
        return entries.prefetch_related("themes")  # type: ignore[misc]

    def get_formset(
        self, request: HttpRequest, obj: Edition | None = None, **kwargs: Any
    ) -> type[BaseInlineFormSet]:
        formset: type[BaseInlineFormSet] = super().get_formset(request, obj, **kwargs)
        # Asked once, where each row's own field would ask again.
        formset.form.base_fields["destination"] = make_destination_field(obj)
        return formset

    def has_add_permission(self, request: HttpRequest, obj: Edition | None = None) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Edition | None = None) -> bool:
        may_change: bool = super().has_change_permission(request, obj)
        return may_change and not (obj and obj.is_locked)


def _list_posted(request: HttpRequest, field: str) -> list[str]:
    """What the rows of the form say of it."""
    return [str(value) for name, value in request.POST.items() if name.endswith(f"-{field}")]


def _list_placed(request: HttpRequest) -> list[str]:
    """The entries that are in the edition, and those that are to get in."""
    return [*_list_posted(request, "id"), *request.POST.getlist("backlog")]


@admin.register(Edition)
class EditionAdmin(
    SortableAdminBase, Readiness, SchedulePages, SharesDrafts, StopsStaleSaves, DeskAdmin
):
    form = EditionForm
    shown_anew = "，短評的次序已換成現況"
    inlines = [PlacedEntryInline]
    list_display = ["show_label", "date", "show_entry_count", show_state, "show_audience"]
    list_filter = ["state", "audience"]
    list_per_page = 50
    date_hierarchy = "date"
    ordering = ["-date", "-number", "-pk"]
    search_fields = ["number", "date", "entries__headline"]
    search_help_text = "按期號、日期或短評標題尋找"

    class Media:
        css = {"all": ["desk/editions.css"]}
        js = ["unsaved.js", "desk/edition-backlog.js"]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        # The editions that entries go to as well: of two forms that exchange entries, each would
        # else hold its own and want the other's.
        with (
            hold_for_post(request, Edition, object_id, *_list_posted(request, "destination")),
            hold_for_post(request, Entry, *_list_placed(request)),
        ):
            return super().changeform_view(request, object_id, form_url, extra_context)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        with hold_for_post(request, Edition, object_id):
            return super().delete_view(request, object_id, extra_context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Edition]:
        editions: QuerySet[Edition] = super().get_queryset(request)
        return editions.annotate(entry_count=Count("entries"))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Headed 各期, where Django would write the singular."""
        title = {"title": self.opts.verbose_name_plural}
        return super().changelist_view(request, title | (extra_context or {}))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Edition], search_term: str
    ) -> tuple[QuerySet[Edition], bool]:
        """An entry is offered the editions that are still open to it."""
        if request.GET.get("field_name") == "edition":
            queryset = queryset.filter(pk__in=Edition.objects.open())
        return super().get_search_results(request, queryset, search_term)

    def get_fieldsets(self, request: HttpRequest, obj: Edition | None = None) -> Any:  # noqa: ARG002
        about = (None, {"fields": [("number", "date"), "imprint"]})
        backlog = ("從待編短評加入", {"fields": ["backlog"], "classes": ["backlog"]})
        return [about] if obj and obj.is_locked else [about, backlog]

    def get_inlines(self, request: HttpRequest, obj: Edition | None) -> list[Any]:  # noqa: ARG002
        return [PlacedEntryInline] if obj else []

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        last = Edition.objects.aggregate(last=Max("number"))["last"]
        return {
            "number": (last or 0) + 1,
            "date": timezone.localdate(),
            "imprint": Imprint.objects.filter(is_default=True).first(),
        } | super().get_changeform_initial_data(request)

    def save_related(
        self,
        request: HttpRequest,
        form: ModelForm,
        formsets: Any,
        change: bool,  # noqa: FBT001
    ) -> None:
        super().save_related(request, form, formsets, change)
        # Still in the backlog: another edition may have taken one, and be scheduled by now.
        chosen = Entry.objects.backlog().filter(pk__in=form.cleaned_data["backlog"])
        self._place(request, chosen.order_by("-updated_at"), form.instance)
        for formset in formsets:
            for destination, entries in group_by_destination(formset.forms).items():
                self._place(request, entries, destination)

    def _place(
        self, request: HttpRequest, entries: Iterable[Entry], edition: Edition | None
    ) -> None:
        try:
            place_entries([entry.pk for entry in entries], edition, by=request.user)
        except TransitionRefused as refused:
            for reason in refused.reasons:
                messages.error(request, reason)

    def has_change_permission(self, request: HttpRequest, obj: Edition | None = None) -> bool:
        """A locked edition is only looked at: readers hold its number, date and order, or will."""
        if obj and obj.is_locked:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Edition | None = None) -> bool:
        if obj and obj.is_locked:
            return False
        return super().has_delete_permission(request, obj)

    def view_on_site(self, obj: Edition) -> str | None:
        """Where the public reads it; nowhere while only members do."""
        return obj.get_absolute_url() if obj.is_visible_to(Audience.PUBLIC) else None

    @admin.display(description="期", ordering="number")
    def show_label(self, edition: Edition) -> str:
        return edition.label

    @admin.display(description="短評", ordering="entry_count")
    def show_entry_count(self, edition: Any) -> str:
        return f"{edition.entry_count}篇"

    @admin.display(description="讀者", ordering="audience", empty_value="")
    def show_audience(self, edition: Edition) -> str:
        return describe_audience(edition)
