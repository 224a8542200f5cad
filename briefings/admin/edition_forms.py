"""What editors fill in about an edition: its date and number, its entries and their places."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django import forms

from briefings.models import Edition, Entry
from briefings.placing import OFFERED_ENTRIES

TO_BACKLOG = "backlog"


class PlacedEntryForm(forms.ModelForm):
    """An entry's place in its edition, and where else it is to go."""

    destination = forms.ChoiceField(required=False)  # see make_destination_field()

    class Meta:
        model = Entry
        fields = ["position"]

    def save(self, commit: bool = True) -> Entry:  # noqa: FBT001, FBT002  (Django's signature)
        """The place only: the rest of the row may be older here than somebody's save."""
        entry: Entry = super().save(commit=False)
        if commit:
            entry.save(update_fields=["position"])
        return entry


def make_destination_field(edition: Edition | None) -> forms.ChoiceField:
    """Empty means it stays; the backlog, or any other edition still in the making."""
    others = Edition.objects.open().exclude(pk__in=[edition.pk] if edition else [])
    return forms.ChoiceField(
        label="移往",
        required=False,
        choices=[
            ("", "留在本期"),
            (TO_BACKLOG, "移回待編"),
            *((str(other.pk), f"移到{other}") for other in others.newest_first()),
        ],
        error_messages={"invalid_choice": "所選的一期已鎖定或刪除，請重新選擇。"},
    )


def group_by_destination(rows: Iterable[Any]) -> dict[Edition | None, list[Entry]]:
    """The entries that are to leave, by where they go; None is the backlog."""
    wanted: dict[str, list[Entry]] = defaultdict(list)
    for row in rows:
        if destination := getattr(row, "cleaned_data", {}).get("destination"):
            wanted[destination].append(row.instance)
    groups: dict[Edition | None, list[Entry]] = {}
    if TO_BACKLOG in wanted:
        groups[None] = wanted.pop(TO_BACKLOG)
    return groups | {
        edition: wanted[str(edition.pk)] for edition in Edition.objects.filter(pk__in=wanted)
    }


def offered_entries() -> Any:
    """The backlog, as far as it can go into an edition; what was changed last comes first."""
    backlog = Entry.objects.backlog().filter(state__in=OFFERED_ENTRIES)
    return backlog.prefetch_related("themes").order_by("-updated_at")  # type: ignore[misc]


class EditionForm(forms.ModelForm):
    backlog = forms.ModelMultipleChoiceField(
        offered_entries(),
        label="待編短評",
        required=False,
        help_text="剔選要放入本期的短評；儲存後排在最後，可再調動次序。",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "剔選的短評有一篇已放入另一期或刪除，請再看一次。"},
    )

    class Meta:
        model = Edition
        fields = ["number", "date", "imprint"]


class EditionRadio(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj}（{obj.get_state_display()}，{obj.entries.count()}篇）"


class PlaceForm(forms.Form):
    """To which edition some entries go; to none means the backlog."""

    edition = EditionRadio(
        Edition.objects.none(),
        label="放入哪一期",
        required=False,
        blank=True,  # or radio buttons would leave the empty one out
        empty_label="待編短評（不屬任何一期）",
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": "所選的一期已鎖定或刪除，請重新選擇。"},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["edition"]
        field.queryset = Edition.objects.open().newest_first()
