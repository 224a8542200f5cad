from typing import Any, cast

from django import forms
from django.db.models import Q, QuerySet

from briefings.models import Audience, Theme
from subscribers.models import CONSENT_WORDING, Frequency, Member


def find_public_themes() -> QuerySet[Theme]:
    """Those the public can read something about; a draft's theme is nobody's business yet."""
    public = Theme.objects.visible_to(Audience.PUBLIC)
    return Theme.objects.filter(pk__in=public.values("pk"))


def _get_themes_field(form: forms.BaseForm) -> forms.ModelMultipleChoiceField:
    return cast(forms.ModelMultipleChoiceField, form.fields["themes"])


class PreferencesForm(forms.ModelForm):
    """What a member may change by themselves."""

    class Meta:
        model = Member
        fields = ["name", "frequency", "themes"]
        labels = {"name": "稱呼", "frequency": "寄送頻率", "themes": "感興趣的政策主題"}
        help_texts = {
            "name": "可以不填。",
            "frequency": "每週及每月摘要正在籌備；選擇後，推出時即會收到。",
            "themes": "不選即收取全部。",
        }
        widgets = {"frequency": forms.RadioSelect, "themes": forms.CheckboxSelectMultiple}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["autocomplete"] = "name"
        # What they chose stays on offer, even when nothing published has that theme any longer.
        offered = Theme.objects.filter(Q(pk__in=find_public_themes()) | Q(members=self.instance))
        _get_themes_field(self).queryset = offered.distinct()

    def save(self, *args: Any, **kwargs: Any) -> Member:  # noqa: ARG002
        """Only what the form holds: the member may unsubscribe at this very moment."""
        member: Member = super().save(commit=False)
        member.save(update_fields=["name", "frequency"])
        self.save_m2m()
        return member


class SubscribeForm(forms.Form):
    """Says the same to everybody: it never asks whether the address is known."""

    email = forms.EmailField(
        label="電郵地址",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )
    name = forms.CharField(
        label="稱呼",
        max_length=60,
        required=False,
        help_text="可以不填。",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    frequency = forms.ChoiceField(
        label="寄送頻率",
        choices=[choice for choice in Frequency.choices if choice[0] != Frequency.PAUSED],
        initial=Frequency.EVERY_EDITION,
        help_text=PreferencesForm.Meta.help_texts["frequency"],
        widget=forms.RadioSelect,
    )
    themes = forms.ModelMultipleChoiceField(
        queryset=Theme.objects.none(),
        label="感興趣的政策主題",
        required=False,
        help_text="不選即收取全部。",
        widget=forms.CheckboxSelectMultiple,
    )
    consent = forms.BooleanField(
        label=CONSENT_WORDING, error_messages={"required": "請先勾選同意。"}
    )
    # People don't see this field; programs that fill in every field give themselves away.
    website = forms.CharField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _get_themes_field(self).queryset = find_public_themes()

    def is_from_bot(self) -> bool:
        return bool(self.cleaned_data["website"])
