"""Writing an entry. What stands beside the text has a module of its own for each subject."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.fields.related import ForeignKey
from django.forms import ModelChoiceField, ModelForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from briefings.admin.base import DeskAdmin, show_state
from briefings.admin.editions import append_entry
from briefings.admin.forms import EntryForm
from briefings.admin.panels import WithPanels
from briefings.models import Audience, Edition, Entry, State
from briefings.publishing import request_pdf


class EditionFilter(admin.RelatedOnlyFieldListFilter):
    """Names what has no edition as the rest of the desk does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.empty_value_display = SafeString("待編")


@admin.register(Entry)
class EntryAdmin(WithPanels, DeskAdmin):
    form = EntryForm
    fields = ["headline", "themes", "lead", "body", "edition"]
    autocomplete_fields = ["edition"]
    list_display = ["headline", "show_themes", "show_edition", show_state, "show_updated_at"]
    list_filter = [
        "state",
        ("edition", EditionFilter),
        "themes",
    ]
    list_select_related = ["edition"]
    list_per_page = 50
    date_hierarchy = "edition__date"
    ordering = ["-updated_at"]
    search_fields = ["headline", "lead"]
    search_help_text = "在標題和導言中尋找"
    empty_value_display = "（未有）"

    class Media:
        css = {"all": ["desk/panels.css"]}
        js = ["unsaved.js", "desk/panels.js"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        return super().get_queryset(request).prefetch_related("themes")

    def get_readonly_fields(self, request: HttpRequest, obj: Entry | None = None) -> list[str]:  # noqa: ARG002
        return ["edition"] if obj and obj.state == State.PUBLISHED else []

    def formfield_for_foreignkey(
        self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField | None:
        if db_field.name == "edition":
            kwargs["queryset"] = Edition.objects.exclude(state=State.PUBLISHED)
            kwargs["help_text"] = "留空即列入待編短評。已出版的期數不能加入短評，須先撤回。"
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(
        self,
        request: HttpRequest,
        obj: Entry,
        form: ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        if not change:
            obj.created_by_id = request.user.pk
        if "edition" in form.changed_data and obj.edition:
            append_entry(obj, obj.edition)
        super().save_model(request, obj, form, change)

    def save_related(
        self,
        request: HttpRequest,
        form: ModelForm,
        formsets: Any,
        change: bool,  # noqa: FBT001
    ) -> None:
        super().save_related(request, form, formsets, change)
        if form.instance.state == State.PUBLISHED:
            request_pdf(form.instance.edition_id)

    def has_delete_permission(self, request: HttpRequest, obj: Entry | None = None) -> bool:
        if obj and obj.state == State.PUBLISHED:
            return False
        return super().has_delete_permission(request, obj)

    def view_on_site(self, obj: Entry) -> str | None:
        """Where the public reads it; nowhere while only members do."""
        is_public = Entry.objects.visible_to(Audience.PUBLIC).filter(pk=obj.pk).exists()
        return obj.get_absolute_url() if is_public else None

    @admin.display(description="政策主題", empty_value="")
    def show_themes(self, entry: Entry) -> str:
        return "、".join(theme.name for theme in entry.themes.all())

    @admin.display(description="期", ordering="edition__date")
    def show_edition(self, entry: Entry) -> str:
        return entry.edition.label if entry.edition else "待編"

    @admin.display(description="更新", ordering="updated_at")
    def show_updated_at(self, entry: Entry) -> str:
        return f"{timezone.localtime(entry.updated_at):%Y-%m-%d %H:%M}"
