from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from briefings.admin.base import DeskAdmin
from briefings.models import Author


@admin.register(Author)
class AuthorAdmin(DeskAdmin):
    list_display = ["name", "post", "show_entry_count"]
    search_fields = ["name", "post"]
    search_help_text = "按姓名或職銜尋找"
    empty_value_display = ""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Author]:
        authors: QuerySet[Author] = super().get_queryset(request)
        return authors.annotate(entry_count=Count("bylines"))

    def has_delete_permission(self, request: HttpRequest, obj: Author | None = None) -> bool:
        """Whose name stands under an entry stays."""
        if obj and obj.bylines.exists():
            return False
        return super().has_delete_permission(request, obj)

    @admin.display(description="短評", ordering="entry_count")
    def show_entry_count(self, author: Any) -> str:
        return f"{author.entry_count}篇"
