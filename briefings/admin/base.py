"""What the desk's pages share."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from briefings.admin.forms import ProseWidget
from briefings.fields import HTMLField
from briefings.models import Edition, Entry, State


@admin.display(description="狀態", ordering="state")
def show_state(thing: Edition | Entry) -> SafeString:
    return format_html(
        '<span class="state state-{}">{}</span>', thing.state, State(thing.state).label
    )


class DeskAdmin(admin.ModelAdmin):
    """Nothing disappears from the desk in bulk: deleting is one thing at a time, asked twice."""

    formfield_overrides = {HTMLField: {"widget": ProseWidget}}

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions
