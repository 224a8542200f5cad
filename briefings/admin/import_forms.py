"""What an editor fills in to have old editions read, and to put the reading right."""

from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminDateWidget

from briefings.admin.forms import ProseWidget
from briefings.fields import validate_html
from briefings.importer.documents import Kind
from briefings.importer.legacy import LegacyEdition
from briefings.importer.readers import ENDINGS, LARGEST_FILE, LARGEST_TEXT
from briefings.imports import MOST_FILES
from briefings.models import Entry

HEADLINE = Entry._meta.get_field("headline")
LARGEST_NUMBER = 2**31 - 1  # what the column holds


class ManyFilesInput(forms.FileInput):
    allow_multiple_selected = True


class UploadForm(forms.Form):
    """Its files come from the request, all of them; the field is for its label and its help."""

    uploads = forms.FileField(
        label="檔案",
        help_text=(
            f"可一次選擇最多 {MOST_FILES} 個 .txt、.docx 或 .pdf 檔；"
            f"純文字檔以 {LARGEST_TEXT // 1024} KB 為限，其他以 {LARGEST_FILE // 1024**2} MB 為限。"
        ),
        widget=ManyFilesInput({"accept": ",".join(ENDINGS), "multiple": True}),
    )


class LabelForm(forms.Form):
    """Number and date of the edition."""

    number = forms.IntegerField(
        label="期號", required=False, min_value=1, max_value=LARGEST_NUMBER, help_text="可留空。"
    )
    date = forms.DateField(
        label="日期", required=False, widget=AdminDateWidget, help_text="可留空，出版前再填。"
    )


class PieceForm(forms.Form):
    headline = forms.CharField(
        label="標題",
        max_length=HEADLINE.max_length,
        widget=forms.TextInput({"class": "vTextField"}),
    )
    lead = forms.CharField(
        label="導言",
        required=False,
        widget=forms.Textarea({"rows": 4, "class": "vLargeTextField"}),
    )
    body = forms.CharField(
        label="正文", required=False, widget=ProseWidget, validators=[validate_html]
    )


PieceFormSet = forms.formset_factory(PieceForm, extra=0)


class SourceForm(forms.Form):
    """The source, to be read again once it is corrected."""

    source = forms.CharField(label="原文", strip=False)

    def __init__(self, *args: Any, kind: Kind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["source"].widget = (
            ProseWidget()
            if kind == Kind.WORD
            else forms.Textarea({"rows": 20, "class": "vLargeTextField", "spellcheck": "false"})
        )


def get_initial(legacy: LegacyEdition) -> list[dict[str, str]]:
    return [
        {"headline": entry.headline, "lead": entry.lead, "body": entry.body}
        for entry in legacy.entries
    ]
