from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from briefings.models import SearchMiss


@admin.register(SearchMiss)
class SearchMissAdmin(admin.ModelAdmin):
    """A tally; what an editor has dealt with is deleted, and counts from 1 if it comes again."""

    list_display = ["text", "count", "last_day", "show_search"]
    list_display_links = None
    search_fields = ["text"]
    date_hierarchy = "last_day"
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, *args: Any, **kwargs: Any) -> bool:  # noqa: ARG002
        return False

    @admin.display(description="現在找找看")
    def show_search(self, miss: SearchMiss) -> SafeString:
        address = f"{reverse('briefings:search')}?{urlencode({'q': miss.text})}"
        return format_html('<a href="{}" target="_blank">搜尋</a>', address)
