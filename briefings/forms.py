from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from briefings.finding import Chosen
from briefings.models import Audience, Entry, Theme
from briefings.phrase_plots import Measure
from briefings.search.occurrences import Unit


class SearchForm(forms.Form):
    """What stands in a search address. A filter that makes no sense is named, and left out."""

    # Far beyond what is looked for; each link on the page repeats it.
    q = forms.CharField(
        max_length=1000,
        label=_("搜尋"),
        required=False,
        error_messages={"null_characters_not_allowed": _("搜尋字詞含有不能顯示的字元。")},
    )
    theme = forms.SlugField(
        required=False, allow_unicode=True, error_messages={"invalid": _("沒有這個政策主題。")}
    )
    year = forms.IntegerField(
        required=False,
        min_value=1900,
        max_value=2999,
        error_messages=dict.fromkeys(
            ["invalid", "min_value", "max_value"], _("年份應為四位數字。")
        ),
    )

    author = forms.CharField(
        required=False,
        max_length=60,
        error_messages=dict.fromkeys(
            ["max_length", "null_characters_not_allowed"], _("沒有這位作者。")
        ),
    )
    sort = forms.ChoiceField(
        required=False,
        choices=[("", _("最相關")), ("newest", _("最新")), ("oldest", _("最早"))],
        error_messages={"invalid_choice": _("沒有這種排序。")},
    )

    def __init__(self, *args: Any, audience: Audience = Audience.PUBLIC, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.audience = audience

    @property
    def chosen(self) -> Chosen:
        """What made sense of it."""
        names = ("theme", "year", "author")
        return Chosen(**{name: self.cleaned_data.get(name) or None for name in names})

    def clean_theme(self) -> Theme | None:
        slug = self.cleaned_data["theme"]
        if not slug:
            return None
        theme = Theme.objects.visible_to(self.audience).at_address(slug)
        if theme is None:
            raise forms.ValidationError(_("沒有這個政策主題。"))
        return theme

    def clean_author(self) -> str:
        name = self.cleaned_data["author"]
        entries = Entry.objects.visible_to(self.audience)
        if name and not entries.filter(bylines__author__name=name).exists():
            raise forms.ValidationError(_("沒有這位作者。"))
        return str(name)


class YearForm(forms.Form):
    year = forms.IntegerField(required=False, min_value=1900, max_value=2999)


class PhraseForm(forms.Form):
    """How a phrase's history is shown. What makes no sense is as if it were not there."""

    by = forms.ChoiceField(required=False, choices=[(unit.value, unit.label) for unit in Unit])
    show = forms.ChoiceField(
        required=False, choices=[(measure.value, measure.label) for measure in Measure]
    )
    of = forms.IntegerField(required=False, min_value=1, max_value=99)

    @property
    def unit(self) -> Unit | None:
        by = self._read("by")
        return Unit(by) if by else None

    @property
    def measure(self) -> Measure:
        return Measure(self._read("show") or Measure.ENTRIES)

    @property
    def place(self) -> int:
        """Of the phrase whose occurrences are listed, counted from 1."""
        return self._read("of") or 1

    def _read(self, name: str) -> Any:
        self.is_valid()
        return self.cleaned_data.get(name)
