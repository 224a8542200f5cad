"""The phrases that editors pin: which, in what order, and what readers see of them now."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from briefings.admin.base import DeskAdmin
from briefings.models import Audience, PinnedPhrase
from briefings.phrases import MOST_PINNED, count_entries, make_address


class PlaceForm(forms.ModelForm):
    """A row of the list, whose head alone names the field; a screen reader hears each."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["position"].widget.attrs["aria-label"] = f"「{self.instance}」的次序"


@admin.register(PinnedPhrase)
class PinnedPhraseAdmin(DeskAdmin):
    list_display = ["text", "position", "show_entries", "note", "show_history"]
    list_editable = ["position"]
    list_per_page = 50
    ordering = ["position", "pk"]
    search_fields = ["text", "note"]
    search_help_text = "按提法或說明尋找"
    empty_value_display = ""
    fieldsets = [
        (
            None,
            {
                "fields": ["text", "note", "position"],
                "description": (
                    "常看的提法列在「提法」頁和搜尋頁，並連到提及它的短評。"
                    f"讀者看到最前的{MOST_PINNED}個；未有公開短評提及的，暫不顯示。"
                ),
            },
        )
    ]

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> type[forms.ModelForm]:
        return super().get_changelist_form(request, **{"form": PlaceForm, **kwargs})

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Counted for the whole list in one query."""
        changelist = super().get_changelist_instance(request)
        for phrase, entries in count_entries(changelist.result_list, Audience.PUBLIC):
            phrase.entry_count = entries  # type: ignore[attr-defined]
        return changelist

    @admin.display(description="公開短評")
    def show_entries(self, phrase: Any) -> str:
        return f"{phrase.entry_count}篇"

    @admin.display(description="讀者所見")
    def show_history(self, phrase: PinnedPhrase) -> SafeString:
        return format_html(
            '<a href="{}" target="_blank" aria-label="「{}」的歷史">歷史</a>',
            make_address([phrase.text]),
            phrase.text,
        )
