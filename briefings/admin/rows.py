"""Rows of a form within a form."""

from typing import Any

from django.forms import ModelForm
from django.forms.models import BaseInlineFormSet


class LabelledRows(BaseInlineFormSet):
    """Each box to delete a row says so: Django has the word over the column only."""

    def add_fields(self, form: ModelForm, index: Any) -> None:
        super().add_fields(form, index)
        if "DELETE" in form.fields:
            form.fields["DELETE"].widget.attrs["aria-label"] = "刪除這一行"
