"""The editors' desk: writing entries, making editions of them, publishing."""

from typing import Any

import taggit.admin  # noqa: F401  (registers its own Tag now, so that it can be taken away below)
from adminsortable2.admin import SortableAdminBase, SortableTabularInline
from django.contrib import admin
from django.db.models import Count, Max, QuerySet
from django.db.models.fields.related import ForeignKey
from django.forms import ModelChoiceField, ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from taggit.models import Tag

from briefings.admin_forms import (
    EditionForm,
    EntryForm,
    PlacedEntryForm,
    ProseWidget,
    ThemeForm,
)
from briefings.edition_pages import EditionPages, describe_audience
from briefings.fields import HTMLField
from briefings.models import Audience, Edition, Entry, Imprint, Publication, State, Theme
from briefings.publishing import request_pdf

admin.site.unregister(Tag)


@admin.display(description="狀態", ordering="state")
def show_state(thing: Edition | Entry) -> SafeString:
    return format_html(
        '<span class="state state-{}">{}</span>', thing.state, State(thing.state).label
    )


def append_entry(entry: Entry, edition: Edition) -> None:
    """Put an entry behind the last of the edition's."""
    last = edition.entries.exclude(pk=entry.pk).aggregate(last=Max("position"))["last"]
    entry.edition = edition
    entry.position = (last or 0) + 1


class EditionFilter(admin.RelatedOnlyFieldListFilter):
    """Names what has no edition as the rest of the desk does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.empty_value_display = SafeString("待編")


class DeskAdmin(admin.ModelAdmin):
    """Nothing disappears from the desk in bulk: deleting is one thing at a time, asked twice."""

    formfield_overrides = {HTMLField: {"widget": ProseWidget}}

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions


@admin.register(Theme)
class ThemeAdmin(DeskAdmin):
    form = ThemeForm
    fields = ["name", "description", "slug"]
    readonly_fields = ["slug"]  # an address that readers and feeds know
    list_display = ["name", "description", "show_entry_count"]
    ordering = ["name"]
    search_fields = ["name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Theme]:
        themes: QuerySet[Theme] = super().get_queryset(request)
        return themes.annotate(entry_count=Count("themed_entries"))  # type: ignore[no-any-return]

    def has_delete_permission(self, request: HttpRequest, obj: Theme | None = None) -> bool:
        """A theme in use stays: its entries would lose it without a word."""
        if obj and obj.themed_entries.exists():
            return False
        return super().has_delete_permission(request, obj)

    @admin.display(description="短評", ordering="entry_count")
    def show_entry_count(self, theme: Any) -> str:
        return f"{theme.entry_count}篇"


@admin.register(Entry)
class EntryAdmin(DeskAdmin):
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
        js = ["unsaved.js"]

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


class PlacedEntryInline(SortableTabularInline):
    """The entries of an edition in order; they are written, and deleted, on their own pages."""

    model = Entry
    form = PlacedEntryForm
    template = "admin/briefings/edition/entries.html"
    verbose_name_plural = "本期短評"
    fields = ["position", "take_out"]
    extra = 0
    can_delete = False

    class Media:
        js = ["order-keys.js"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        entries: QuerySet[Entry] = super().get_queryset(request)
        return entries.prefetch_related("themes")  # type: ignore[misc]

    def has_add_permission(self, request: HttpRequest, obj: Edition | None = None) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Edition | None = None) -> bool:
        may_change: bool = super().has_change_permission(request, obj)
        return may_change and not (obj and obj.is_published)


@admin.register(Edition)
class EditionAdmin(SortableAdminBase, EditionPages, DeskAdmin):
    form = EditionForm
    inlines = [PlacedEntryInline]
    list_display = ["show_label", "date", "show_entry_count", show_state, "show_audience"]
    list_filter = ["state", "audience"]
    list_per_page = 50
    date_hierarchy = "date"
    ordering = ["-date", "-number", "-pk"]
    search_fields = ["number", "date", "entries__headline"]
    search_help_text = "按期號、日期或短評標題尋找"

    class Media:
        js = ["unsaved.js"]

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
            queryset = queryset.exclude(state=State.PUBLISHED)
        return super().get_search_results(request, queryset, search_term)

    def get_fieldsets(self, request: HttpRequest, obj: Edition | None = None) -> Any:  # noqa: ARG002
        about = (None, {"fields": [("number", "date"), "imprint"]})
        backlog = ("從待編短評加入", {"fields": ["backlog"], "classes": ["backlog"]})
        return [about] if obj and obj.is_published else [about, backlog]

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
        for entry in form.cleaned_data["backlog"]:
            append_entry(entry, form.instance)
            entry.save()

    def has_change_permission(self, request: HttpRequest, obj: Edition | None = None) -> bool:
        """A published edition is only looked at: readers hold its number, date and order."""
        if obj and obj.is_published:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Edition | None = None) -> bool:
        if obj and obj.is_published:
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


@admin.register(Imprint)
class ImprintAdmin(DeskAdmin):
    empty_value_display = ""
    list_display = ["name", "show_default", "telephone", "email"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "name",
                    "internal_notice",
                    "public_notice",
                    ("telephone", "fax"),
                    "email",
                    "is_default",
                ],
                "description": "這裏的修改只用於日後出版的期數；已出版的期數保留出版時的頁尾資料。",
            },
        )
    ]

    @admin.display(description="預設", ordering="is_default")
    def show_default(self, imprint: Imprint) -> str:
        return "預設" if imprint.is_default else ""


@admin.register(Publication)
class PublicationAdmin(DeskAdmin):
    fieldsets = [
        ("名稱", {"fields": ["name", "tagline", "organisation", "department", "address"]}),
        ("電郵", {"fields": ["sender_email", "reply_to"]}),
        ("網頁文字", {"fields": ["about", "privacy"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(
        self,
        request: HttpRequest,  # noqa: ARG002
        obj: Publication | None = None,  # noqa: ARG002
    ) -> bool:
        return False

    def changelist_view(
        self,
        request: HttpRequest,  # noqa: ARG002
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> HttpResponse:
        """There is one row, so its form takes the place of the list."""
        publication, _ = Publication.objects.get_or_create(pk=1)
        return redirect("admin:briefings_publication_change", publication.pk)
