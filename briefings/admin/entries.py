"""Writing an entry. What stands beside the text has a module of its own for each subject."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ORDER_VAR
from django.db.models import QuerySet
from django.db.models.fields.related import ForeignKey
from django.forms import ModelChoiceField, ModelForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from briefings.admin.base import DeskAdmin, show_state
from briefings.admin.corrections import EntryCorrections
from briefings.admin.forms import EntryForm
from briefings.admin.history import EntryHistory
from briefings.admin.house_style import HouseStyle
from briefings.admin.placing import Placing
from briefings.admin.previews import WithPreview
from briefings.admin.readiness import ChecksLinks
from briefings.admin.reviews import Reviews
from briefings.admin.sharing import SharesDrafts
from briefings.admin.suggestions import RowPicker
from briefings.admin.workflow import MineFilter, Workflow
from briefings.admin.writing import Writing
from briefings.catalogue import open_archive
from briefings.corrections import has_been_read
from briefings.finding import find, understand_query
from briefings.models import Audience, Edition, Entry
from briefings.placing import append_entry


class EditionFilter(admin.RelatedOnlyFieldListFilter):
    """Names what has no edition as the rest of the desk does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.empty_value_display = SafeString("待編")


@admin.register(Entry)
class EntryAdmin(
    WithPreview,
    EntryHistory,
    EntryCorrections,
    Reviews,
    HouseStyle,
    Workflow,
    Writing,
    Placing,
    ChecksLinks,
    SharesDrafts,
    DeskAdmin,
):
    form = EntryForm
    fields = ["headline", "themes", "lead", "body", "edition"]
    autocomplete_fields = ["edition"]
    list_display = ["headline", "show_themes", "show_edition", show_state, "show_updated_at"]
    list_filter = [
        "state",
        MineFilter,
        ("edition", EditionFilter),
        "themes",
    ]
    actions: Any = [*Workflow.actions, *Placing.actions]
    list_select_related = ["edition"]
    list_per_page = 50
    date_hierarchy = "edition__date"
    ordering = ["-updated_at"]
    search_fields = ["headline"]  # of what the archive's search can't look for
    search_help_text = "在標題、導言和短評中尋找"

    class Media:
        css = {"all": ["desk/panels.css", "desk/history.css", "desk/reviews.css"]}
        js = ["unsaved.js", "desk/panels.js", "desk/reviews.js"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        return super().get_queryset(request).prefetch_related("themes")  # type: ignore[misc]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Entry], search_term: str
    ) -> tuple[QuerySet[Entry], bool]:
        """As readers search, over drafts too: the best first, unless a column is sorted by."""
        everything = open_archive(None)
        query = understand_query(search_term, everything)
        if not query:
            return super().get_search_results(request, queryset, search_term)
        found = find(query, everything).select(queryset)
        is_sorted = ORDER_VAR in request.GET
        return (found.order_by(*queryset.query.order_by) if is_sorted else found), False

    def get_fields(self, request: HttpRequest, obj: Entry | None = None) -> Any:
        """Who may only read gets the text; Django would show tags, and commas that are not ours."""
        if obj is None or self.has_change_permission(request, obj):
            return self.fields
        shown = {"body": "show_body", "themes": "show_themes"}
        return [shown.get(str(name), name) for name in self.fields]

    def get_readonly_fields(self, request: HttpRequest, obj: Entry | None = None) -> list[str]:
        """Putting entries in editions is making editions, which a writer doesn't."""
        is_fixed = obj is not None and has_been_read(obj)
        may_place = request.user.has_perm("briefings.change_edition")
        return ["edition"] if is_fixed or not may_place else []

    def formfield_for_foreignkey(
        self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField | None:
        if db_field.name == "edition":
            kwargs["queryset"] = Edition.objects.open()
            kwargs["widget"] = RowPicker(db_field, self.admin_site)
            kwargs["help_text"] = "留空即列入待編短評。已排程或已出版的期數不能加入短評。"
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

    def view_on_site(self, obj: Entry) -> str | None:
        """Where the public reads it; nowhere while only members do."""
        is_public = Entry.objects.visible_to(Audience.PUBLIC).filter(pk=obj.pk).exists()
        return obj.get_absolute_url() if is_public else None

    @admin.display(description="短評", empty_value="")
    def show_body(self, entry: Entry) -> SafeString:
        return format_html('<div class="read-only-text">{}</div>', SafeString(entry.body))

    @admin.display(description="政策主題", empty_value="")
    def show_themes(self, entry: Entry) -> str:
        return "、".join(theme.name for theme in entry.themes.all())

    @admin.display(description="期", ordering="edition__date")
    def show_edition(self, entry: Entry) -> str:
        return entry.edition.label if entry.edition else "待編"

    @admin.display(description="更新", ordering="updated_at")
    def show_updated_at(self, entry: Entry) -> str:
        return f"{timezone.localtime(entry.updated_at):%Y-%m-%d %H:%M}"
