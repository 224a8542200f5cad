from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from briefings.admin.base import DeskAdmin
from briefings.admin.forms import ThemeForm
from briefings.models import Theme


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
