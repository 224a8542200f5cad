"""What the desk's pages share."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from briefings.admin.forms import ProseWidget
from briefings.admin.history import WithHistory
from briefings.fields import HTMLField
from briefings.lookups import could_be_id
from briefings.models import Edition, Entry, State, Volume


@admin.display(description="狀態", ordering="state")
def show_state(thing: Edition | Entry) -> SafeString:
    """A corrected entry is published, so says its state; its readers know better."""
    is_corrected = thing.state == State.PUBLISHED and getattr(thing, "is_corrected", False)
    label = "已更正" if is_corrected else State(thing.state).label
    return format_html('<span class="state state-{}">{}</span>', thing.state, label)


def read_ids(values: Iterable[str], most: int = 200) -> list[int]:
    """The numbers among what an address says, as far as they can be of rows."""
    return [int(value) for value in values if could_be_id(value)][:most]


@contextmanager
def hold_for_post(
    request: HttpRequest, model: type[Edition | Entry | Volume], *row_ids: str | None
) -> Iterator[None]:
    """What is going to be changed or deleted stays as it is asked about until that is done.

    Otherwise somebody could schedule it between the question whether it may be changed and the
    change. All that will be locked in the end is named at once: see docs/architecture.md for the
    order.
    """
    if request.method != "POST":
        yield
        return
    with transaction.atomic():
        rows = model._default_manager.filter(pk__in=read_ids(filter(None, row_ids)))
        list(rows.order_by("pk").select_for_update())
        yield


class DeskAdmin(WithHistory):
    """Nothing disappears from the desk in bulk: deleting is one thing at a time, asked twice."""

    formfield_overrides = {HTMLField: {"widget": ProseWidget}}

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What the address fills in, without keys that no row can have."""
        relations = {field.name for field in self.opts.get_fields() if field.is_relation}
        given: dict[str, Any] = super().get_changeform_initial_data(request)
        return {
            name: value
            for name, value in given.items()
            if name not in relations or not isinstance(value, str) or could_be_id(value)
        }

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions
