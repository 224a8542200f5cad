from collections.abc import Iterable
from datetime import date, timedelta
from time import time
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from briefings.languages import ENGLISH, TRADITIONAL, PageLanguage
from briefings.models import Audience, Publication, Theme
from briefings.search.query import MAX_QUERY_LENGTH
from subscribers.addresses import validate_address
from subscribers.models import Frequency, Member, NoticeLanguage, Script, Variant, word_consent
from subscribers.models.members import CONSENT, CONSENT_IN_ENGLISH, name_parties
from subscribers.searches import SearchRefused, tidy_search
from subscribers.variants import propose_variant

# Seconds that a person takes to fill in a form, at least and at most.
FILLED_IN_AFTER = 2
FILLED_IN_BEFORE = 24 * 60 * 60

LONGEST_PAUSE = timedelta(days=366)

FAULTY_ADDRESS = {"required": _("請填寫電郵地址。"), "invalid": _("請填寫正確的電郵地址。")}
SEARCH_ERRORS = {
    "max_length": _("搜尋字詞太長，最多%(limit_value)s個字元。"),
    "null_characters_not_allowed": _("搜尋字詞含有不能顯示的字元。"),
}

_stamps = Signer(salt="subscribers.form")


def find_public_themes() -> QuerySet[Theme]:
    """Those the public can read something about; a draft's theme is nobody's business yet."""
    public = Theme.objects.visible_to(Audience.PUBLIC)
    return Theme.objects.filter(pk__in=public.values("pk"))


def _get_themes_field(form: forms.BaseForm) -> forms.ModelMultipleChoiceField:
    return cast(forms.ModelMultipleChoiceField, form.fields["themes"])


def _translate_choices(form: forms.BaseForm, names: Iterable[str]) -> None:
    """Into the language of the page: models have their labels in Chinese."""
    for name in names:
        field = cast(forms.ChoiceField, form.fields[name])
        choices = cast(Iterable[tuple[str, str]], field.choices)
        field.choices = [(value, gettext(label)) for value, label in choices]


class LoginForm(forms.Form):
    """Says the same whatever the address: only a worker looks it up."""

    email = forms.EmailField(
        label=_("電郵地址"),
        max_length=254,
        validators=[validate_address],
        error_messages=FAULTY_ADDRESS,
        help_text=_("你收取各期短評的地址。"),
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )


class AddressForm(forms.Form):
    """Says the same whosever the address is."""

    email = forms.EmailField(
        label=_("新的電郵地址"),
        max_length=254,
        validators=[validate_address],
        error_messages=FAULTY_ADDRESS,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )


class PreferencesForm(forms.ModelForm):
    """What a member may change by themselves."""

    class Meta:
        model = Member
        fields = [
            *("name", "frequency", "wants_pdf", "paused_until", "script", "notice_language"),
            *("themes", "only_searches"),
        ]
        labels = {
            "name": _("稱呼"),
            "frequency": _("寄送頻率"),
            "wants_pdf": _("每期的郵件附上PDF"),
            "paused_until": _("暫停至某日"),
            "script": _("字體"),
            "notice_language": _("通知語言"),
            "themes": _("感興趣的政策主題"),
            "only_searches": _("只收訂閱的搜尋"),
        }
        help_texts = {
            "name": _("可以不填。"),
            "wants_pdf": _("附上整期的PDF，以繁體排印。每週、每月摘要收集幾期的內容，只附連結。"),
            "paused_until": _("到這一天恢復寄送；不填即不暫停。"),
            "notice_language": _("確認、登入等通知，以及郵件上下的說明；短評只有中文。"),
            "themes": _("不選即收取全部。"),
            "only_searches": _("不論主題，只收下面訂閱的搜尋找到的短評。"),
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
        _translate_choices(self, ("frequency", "script", "notice_language"))
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
            raise ValidationError(_("請選擇明天起一年之內的日期。"))
        return until

    def save(self, *args: Any, **kwargs: Any) -> Member:  # noqa: ARG002
        """Only what the form holds: the member may unsubscribe at this very moment."""
        member: Member = super().save(commit=False)
        with transaction.atomic():
            member.change_frequency(self.cleaned_data["frequency"], timezone.now())
            chosen = ["name", "wants_pdf", "paused_until", "script", "notice_language"]
            member.save(update_fields=[*chosen, "only_searches"])
            self.cleaned_data["themes"] = Theme.objects.hold(self.cleaned_data["themes"])
            self.save_m2m()
        return member


class FollowForm(forms.Form):
    """A search to be subscribed to, as it is typed on the page of searches."""

    search = forms.CharField(
        label=_("搜尋字詞"),
        max_length=MAX_QUERY_LENGTH,
        error_messages=SEARCH_ERRORS | {"required": _("請填寫搜尋字詞。")},
        help_text=_(
            "與網站的搜尋一樣：以空格分開多個字詞；甲 或 乙，找其中一個；-丙，排除；"
            "亦可用主題：、年份：、作者：篩選。"
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "enterkeyhint": "done"}),
    )

    def clean_search(self) -> str:
        return clean_search(self.cleaned_data["search"], Audience.MEMBERS)


def clean_search(typed: str, audience: Audience) -> str:
    try:
        return tidy_search(typed, audience)
    except SearchRefused as refused:
        raise ValidationError(str(refused)) from refused


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
    """Says the same to everybody: it never asks whether the address is known.

    It proposes notices in the language of the page that it is on, and mail in its script.
    """

    email = forms.EmailField(
        label=_("電郵地址"),
        max_length=254,
        validators=[validate_address],
        error_messages=FAULTY_ADDRESS,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )
    name = forms.CharField(
        label=_("稱呼"),
        max_length=60,
        required=False,
        help_text=_("可以不填。"),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    frequency = forms.ChoiceField(
        choices=[choice for choice in Frequency.choices if choice[0] != Frequency.PAUSED],
        label=_("寄送頻率"),
        initial=Frequency.EVERY_EDITION,
        required=False,
        widget=forms.RadioSelect,
    )
    script = forms.ChoiceField(
        choices=Script.choices, label=_("字體"), required=False, widget=forms.RadioSelect
    )
    notice_language = forms.ChoiceField(
        choices=NoticeLanguage.choices,
        label=_("通知語言"),
        required=False,
        help_text=_("確認、登入等通知，以及郵件上下的說明；短評只有中文。"),
        widget=forms.RadioSelect,
    )
    themes = forms.ModelMultipleChoiceField(
        queryset=Theme.objects.none(),
        label=_("感興趣的政策主題"),
        required=False,
        help_text=_("不選即收取全部。"),
        widget=forms.CheckboxSelectMultiple,
    )
    # Only for who comes from the page of a search: see the template.
    search = forms.CharField(
        label=_("訂閱的搜尋"),
        max_length=MAX_QUERY_LENGTH,
        required=False,
        error_messages=SEARCH_ERRORS,
        help_text=_("日後有短評符合，會在郵件中列出。"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    only_searches = forms.BooleanField(label=_("只收這個搜尋找到的短評"), required=False)
    consent = forms.BooleanField(error_messages={"required": _("請先剔選同意。")})
    # People don't see this field; programs that fill in every field give themselves away.
    website = forms.CharField(required=False)
    # When the form was shown, signed: programs send what they never looked at.
    shown = forms.CharField(required=False)

    def __init__(self, *args: Any, page: PageLanguage = TRADITIONAL, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        publication = Publication.load()
        self.consent_wording = word_consent(publication, page)
        self.fields["consent"].label = _mark_up_consent(publication, page)
        self.proposed = propose_variant(page)
        self.fields["script"].initial = self.proposed.script
        self.fields["notice_language"].initial = self.proposed.language
        _translate_choices(self, ("frequency", "script", "notice_language"))
        _get_themes_field(self).queryset = find_public_themes()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not was_shown(cleaned.get("shown", "")):
            raise ValidationError(_("這個表格已經過時，請再按一次「訂閱」。"))
        return cleaned

    def clean_search(self) -> str:
        typed = self.cleaned_data["search"]
        return clean_search(typed, Audience.PUBLIC) if typed else ""

    def clean_only_searches(self) -> bool:
        """Without a search it would mean nothing at all."""
        return self.cleaned_data["only_searches"] and bool(self.cleaned_data.get("search"))

    def clean_frequency(self) -> str:
        return self.cleaned_data["frequency"] or Frequency.EVERY_EDITION

    @property
    def variant(self) -> Variant:
        """As it was chosen, or proposed where nothing was."""
        return Variant(
            Script(self.cleaned_data["script"] or self.proposed.script),
            NoticeLanguage(self.cleaned_data["notice_language"] or self.proposed.language),
        )

    def is_from_bot(self) -> bool:
        return bool(self.cleaned_data["website"])

    @property
    def shown_now(self) -> str:
        return make_stamp(time())


def _mark_up_consent(publication: Publication, page: PageLanguage) -> str:
    """The words of `word_consent`; on an English page what is Chinese is marked so."""
    if page is not ENGLISH:
        return word_consent(publication)  # the page as a whole is put in the other script
    parties = {name: _in_chinese(party) for name, party in name_parties(publication).items()}
    return format_html(
        '{}<span class="consent-beside" lang="{}">{}</span>',
        format_html(CONSENT_IN_ENGLISH, **parties),
        TRADITIONAL.tag,
        CONSENT.format(**name_parties(publication)),
    )


def _in_chinese(text: str) -> SafeString:
    return format_html('<span lang="{}">{}</span>', TRADITIONAL.tag, text)
