"""What editors fill in, and the settings of their rich text editor."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import slugify
from django_prose_editor.widgets import AdminProseEditorWidget

from briefings.hooks import PublishOption
from briefings.models import Audience, Edition, Entry, Theme

TOOLBAR = ["headings", "marks", "lists", "nodes -blockType", "link", "table", "history"]

# What `briefings.html` lets through and nothing else; a test holds the two together.
PROSE_EXTENSIONS: dict[str, object] = {
    **dict.fromkeys(("Bold", "Italic", "Underline", "Strike", "Subscript", "Superscript"), True),
    **dict.fromkeys(("BulletList", "ListItem", "Blockquote", "HorizontalRule", "HardBreak"), True),
    **dict.fromkeys(("Table", "TableRow", "TableHeader", "TableCell"), True),
    "Heading": {"levels": [2, 3, 4]},
    # The allow-list keeps where a list starts, not how it counts.
    "OrderedList": {"listTypes": [{"label": "1、2、3…", "type": "decimal"}]},
    "Link": {"enableTarget": False},
    "Menu": {"groups": [{"group": group} for group in TOOLBAR]},
}


class ProseWidget(AdminProseEditorWidget):  # type: ignore[misc]  # untyped
    """The rich text editor; its Chinese is in `locale/`, and prose-zh.js where that can't reach."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, config={"extensions": PROSE_EXTENSIONS}, preset="configurable")

    @property
    def media(self) -> forms.Media:
        media: forms.Media = super().media + forms.Media(js=["prose-zh.js"])
        return media


class ThemeForm(forms.ModelForm):
    class Meta:
        model = Theme
        fields = ["name", "description"]
        widgets = {"description": forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField"})}

    def clean_name(self) -> str:
        """A name of punctuation alone would leave the theme without an address."""
        name: str = self.cleaned_data["name"]
        if not slugify(name, allow_unicode=True):
            raise forms.ValidationError("名稱須有文字或數字。")
        return name


class ThemePicker(AutocompleteSelectMultiple):
    """The admin's autocomplete over existing themes; a new one is made on the theme page only."""

    def optgroups(
        self, name: str, value: Sequence[str], attrs: dict[str, Any] | None = None
    ) -> list[Any]:
        """Shows a refused form again, where Django's own fails on a value that is no id."""
        ids = [one for one in value if str(one).isdigit()]
        groups: list[Any] = super().optgroups(name, ids, attrs)
        return groups


class EntryForm(forms.ModelForm):
    themes = forms.ModelMultipleChoiceField(
        Theme.objects.all(),
        label="政策主題",
        required=False,
        help_text="輸入幾個字，再從現有的主題中選擇。需要新主題時，請先到「政策主題」加入。",
        widget=ThemePicker(Entry._meta.get_field("themes"), admin.site),
    )

    class Meta:
        model = Entry
        fields = ["headline", "themes", "lead", "body", "edition"]
        widgets = {"lead": forms.Textarea(attrs={"rows": 5, "class": "vLargeTextField"})}


class PlacedEntryForm(forms.ModelForm):
    """An entry's place in its edition, and the way back to the backlog."""

    take_out = forms.BooleanField(label="移出本期", required=False)

    class Meta:
        model = Entry
        fields = ["position"]

    def save(self, commit: bool = True) -> Entry:  # noqa: FBT001, FBT002  (Django's signature)
        if self.cleaned_data.get("take_out"):
            self.instance.edition = None
            self.instance.position = 0
        entry: Entry = super().save(commit)
        return entry


class BacklogField(forms.ModelMultipleChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        themes = "、".join(theme.name for theme in obj.themes.all())
        return f"{obj.headline}（{themes}）" if themes else obj.headline


class EditionForm(forms.ModelForm):
    backlog = BacklogField(
        Entry.objects.backlog().prefetch_related("themes").order_by("-updated_at"),  # type: ignore[misc]
        label="待編短評",
        required=False,
        help_text="剔選要放入本期的短評；儲存後排在最後，可再調動次序。",
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Edition
        fields = ["number", "date", "imprint"]


def with_consequence(choice: str, consequence: str) -> SafeString:
    return format_html('<span>{}<span class="help">{}</span></span>', choice, consequence)


class PublishForm(forms.Form):
    """Who may read an edition from now on, and what is to be done on publishing it."""

    MEMBERS_FIRST = "members_first"

    readers = forms.ChoiceField(
        label="誰可閱讀",
        choices=[
            (
                Audience.PUBLIC.value,
                with_consequence("公開：任何人均可閱讀", "網頁和 PDF 隨即可讀，短評亦可搜尋得到。"),
            ),
            (
                MEMBERS_FIRST,
                with_consequence(
                    "會員先讀：到指定時間才公開",
                    "公開之前，網站上看不到亦搜尋不到，只有獲寄這一期的會員可閱讀。",
                ),
            ),
            (
                Audience.MEMBERS.value,
                with_consequence(
                    "只限會員", "網站上一直看不到亦搜尋不到，只有獲寄這一期的會員可閱讀。"
                ),
            ),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": "請選擇誰可閱讀。"},
    )
    public_from = forms.DateTimeField(
        label="公開時間",
        required=False,
        help_text="只在選擇「會員先讀」時使用；香港時間。",
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def __init__(
        self,
        *args: Any,
        edition: Edition,
        options: list[PublishOption],
        now: datetime | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.now = timezone.localtime(now)
        next_fortnight = self.now + timedelta(days=14)
        self.fields["public_from"].initial = next_fortnight.replace(hour=9, minute=0)
        self.options = options
        for option in options:
            self.fields[option.name] = forms.BooleanField(
                label=option.label, help_text=option.describe(edition), required=False
            )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("readers") == self.MEMBERS_FIRST and "public_from" not in self.errors:
            if not data.get("public_from"):
                self.add_error("public_from", "會員先讀，請填寫何時公開。")
            elif data["public_from"] <= self.now:
                self.add_error("public_from", "公開時間已過；請填寫將來的時間，或選擇「公開」。")
        return data

    @property
    def audience(self) -> Audience:
        is_public = self.cleaned_data["readers"] == Audience.PUBLIC
        return Audience.PUBLIC if is_public else Audience.MEMBERS

    @property
    def public_from_time(self) -> datetime | None:
        """When a members-first edition opens to everybody; None for the other choices."""
        is_members_first = self.cleaned_data["readers"] == self.MEMBERS_FIRST
        return self.cleaned_data["public_from"] if is_members_first else None

    @property
    def ticked_options(self) -> list[PublishOption]:
        return [option for option in self.options if self.cleaned_data[option.name]]
