from datetime import date, timedelta
from time import time
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from briefings.models import Audience, Publication, Theme
from subscribers.addresses import validate_address
from subscribers.models import Frequency, Member, word_consent

# Seconds that a person takes to fill in a form, at least and at most.
FILLED_IN_AFTER = 2
FILLED_IN_BEFORE = 24 * 60 * 60

LONGEST_PAUSE = timedelta(days=366)

_stamps = Signer(salt="subscribers.form")


def find_public_themes() -> QuerySet[Theme]:
    """Those the public can read something about; a draft's theme is nobody's business yet."""
    public = Theme.objects.visible_to(Audience.PUBLIC)
    return Theme.objects.filter(pk__in=public.values("pk"))


def _get_themes_field(form: forms.BaseForm) -> forms.ModelMultipleChoiceField:
    return cast(forms.ModelMultipleChoiceField, form.fields["themes"])


class LoginForm(forms.Form):
    """Says the same whatever the address: only a worker looks it up."""

    email = forms.EmailField(
        label="電郵地址",
        max_length=254,
        validators=[validate_address],
        error_messages={"required": "請填寫電郵地址。", "invalid": "請填寫正確的電郵地址。"},
        help_text="你收取各期短評的地址。",
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )


class AddressForm(forms.Form):
    """Says the same whosever the address is."""

    email = forms.EmailField(
        label="新的電郵地址",
        max_length=254,
        validators=[validate_address],
        error_messages={"required": "請填寫電郵地址。", "invalid": "請填寫正確的電郵地址。"},
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )


class PreferencesForm(forms.ModelForm):
    """What a member may change by themselves."""

    class Meta:
        model = Member
        fields = [
            *("name", "frequency", "wants_pdf", "paused_until", "script", "notice_language"),
            "themes",
        ]
        labels = {
            "frequency": "寄送頻率",
            "wants_pdf": "每期的郵件附上PDF",
            "paused_until": "暫停至某日",
            "themes": "感興趣的政策主題",
        }
        help_texts = {
            "name": "可以不填。",
            "wants_pdf": "附上整期的PDF，以繁體排印。每週、每月摘要收集幾期的內容，只附連結。",
            "paused_until": "到這一天恢復寄送；不填即不暫停。",
            "notice_language": "確認、登入等通知，以及郵件上下的說明；短評只有中文。",
            "themes": "不選即收取全部。",
        }
        widgets = {
            "frequency": forms.RadioSelect,
            "script": forms.RadioSelect,
            "notice_language": forms.RadioSelect,
            "paused_until": forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
            "themes": forms.CheckboxSelectMultiple,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["autocomplete"] = "name"
        # What they chose stays on offer, even when nothing published has that theme any longer.
        themes = Theme.objects.filter(Q(pk__in=find_public_themes()) | Q(members=self.instance))
        _get_themes_field(self).queryset = themes.distinct()

    def clean_paused_until(self) -> date | None:
        """A day that is past, though once chosen, is no more a pause."""
        until: date | None = self.cleaned_data["paused_until"]
        today = timezone.localdate()
        if until is None or (until <= today and until == self.instance.paused_until):
            return None
        if not today < until <= today + LONGEST_PAUSE:
            raise ValidationError("請選擇明天起一年之內的日期。")
        return until

    def save(self, *args: Any, **kwargs: Any) -> Member:  # noqa: ARG002
        """Only what the form holds: the member may unsubscribe at this very moment."""
        member: Member = super().save(commit=False)
        with transaction.atomic():
            member.change_frequency(self.cleaned_data["frequency"], timezone.now())
            chosen = ["name", "wants_pdf", "paused_until", "script", "notice_language"]
            member.save(update_fields=chosen)
            self.cleaned_data["themes"] = Theme.objects.hold(self.cleaned_data["themes"])
            self.save_m2m()
        return member


def make_stamp(moment: float) -> str:
    """What tells that a form was shown then (seconds since 1970)."""
    return _stamps.sign(str(int(moment)))


def was_shown(stamp: str) -> bool:
    """To a person: not in this second, and not before yesterday."""
    try:
        age = time() - int(_stamps.unsign(stamp))
    except (BadSignature, ValueError):
        return False
    return FILLED_IN_AFTER <= age <= FILLED_IN_BEFORE


class SubscribeForm(forms.Form):
    """Says the same to everybody: it never asks whether the address is known."""

    email = forms.EmailField(
        label="電郵地址",
        max_length=254,
        validators=[validate_address],
        error_messages={"required": "請填寫電郵地址。", "invalid": "請填寫正確的電郵地址。"},
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
        choices=[choice for choice in Frequency.choices if choice[0] != Frequency.PAUSED],
        label="寄送頻率",
        initial=Frequency.EVERY_EDITION,
        required=False,
        widget=forms.RadioSelect,
    )
    themes = forms.ModelMultipleChoiceField(
        queryset=Theme.objects.none(),
        label="感興趣的政策主題",
        required=False,
        help_text="不選即收取全部。",
        widget=forms.CheckboxSelectMultiple,
    )
    consent = forms.BooleanField(error_messages={"required": "請先剔選同意。"})
    # People don't see this field; programs that fill in every field give themselves away.
    website = forms.CharField(required=False)
    # When the form was shown, signed: programs send what they never looked at.
    shown = forms.CharField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["consent"].label = word_consent(Publication.load())
        _get_themes_field(self).queryset = find_public_themes()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not was_shown(cleaned.get("shown", "")):
            raise ValidationError("這個表格已經過時，請再按一次「訂閱」。")
        return cleaned

    def clean_frequency(self) -> str:
        return self.cleaned_data["frequency"] or Frequency.EVERY_EDITION

    def is_from_bot(self) -> bool:
        return bool(self.cleaned_data["website"])

    @property
    def shown_now(self) -> str:
        return make_stamp(time())
