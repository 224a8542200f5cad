"""What editors fill in, and the settings of their rich text editor."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_prose_editor.widgets import AdminProseEditorWidget
from js_asset import ImportMap, Media

from briefings.admin.suggestions import ThemePicker
from briefings.hooks import PublishOption
from briefings.models import Audience, Edition, Entry, Theme

TOOLBAR = [
    "headings",
    "marks",
    "lists",
    "nodes -blockType",
    "link",
    "note",
    "picture",
    "table",
    "history",
]

# What `briefings.html` lets through and nothing else; a test holds the two together.
PROSE_EXTENSIONS: dict[str, object] = {
    **dict.fromkeys(("Bold", "Italic", "Underline", "Strike", "Subscript", "Superscript"), True),
    **dict.fromkeys(("BulletList", "ListItem", "Blockquote", "HorizontalRule", "HardBreak"), True),
    **dict.fromkeys(("Table", "TableRow", "TableHeader", "TableCell"), True),
    "Heading": {"levels": [2, 3, 4]},
    # The allow-list keeps where a list starts, not how it counts.
    "OrderedList": {"listTypes": [{"label": "1、2、3…", "type": "decimal"}]},
    "Link": {"enableTarget": False},
    "Picture": True,
    "Note": True,
    "CleanPaste": True,
    "Menu": {"groups": [{"group": group} for group in TOOLBAR]},
}


class ProseWidget(AdminProseEditorWidget):  # type: ignore[misc]  # untyped
    """The rich text editor; its Chinese is in `locale/`, and prose-zh.js where that can't reach."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, config={"extensions": PROSE_EXTENSIONS}, preset="configurable")

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = super().get_config()
        pictures = {
            "uploadUrl": reverse("admin:picture_upload"),
            "libraryUrl": reverse("admin:picture_library"),
        }
        return config | {"extensions": config["extensions"] | {"Picture": pictures}}

    @property
    def media(self) -> forms.Media:
        # Modules name each other by an import map: files have other names when they are served.
        paste = Media(importmap=ImportMap({"desk/paste": "desk/paste.js"}))
        ours = forms.Media(css={"all": ["desk/prose.css"]}, js=["prose-zh.js"])
        media: forms.Media = super().media + paste + ours
        return media


class EntryForm(forms.ModelForm):
    themes = forms.ModelMultipleChoiceField(
        Theme.objects.all(),
        label="政策主題",
        required=False,
        help_text="輸入幾個字，再從現有的主題中選擇；別稱、簡體亦可。",
        widget=ThemePicker,
    )

    class Meta:
        model = Entry
        fields = ["headline", "themes", "lead", "body", "edition"]
        widgets = {
            "lead": forms.Textarea({"rows": 5, "class": "vLargeTextField", "data-count": "60-200"})
        }
        help_texts = {"lead": "發生了甚麼事；純文字，可分段。一般 60 至 200 字。"}


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
                    "公開之前，只有會員可閱讀和搜尋，其他人看不到亦搜尋不到。",
                ),
            ),
            (
                Audience.MEMBERS.value,
                with_consequence("只限會員", "只有會員可閱讀和搜尋，其他人一直看不到亦搜尋不到。"),
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


class WithdrawForm(forms.Form):
    note = forms.CharField(
        label="撤回說明",
        help_text="讀者在原來的網址會看到撤回日期和這段說明，看不到標題和內容；"
        "請勿在這裏重複要撤回的內容。",
        widget=forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField"}),
        error_messages={"required": "請填寫撤回說明。"},
    )
