"""What editors fill in about themes: names that nothing else is called."""

from typing import Any

from django import forms
from django.utils.text import slugify

from briefings.models import Theme, ThemeAlias
from briefings.models.themes import fold_name
from briefings.themes import describe_name_taken


class ThemeForm(forms.ModelForm):
    alias_lines = forms.CharField(
        label="別稱",
        required=False,
        help_text="每行一個。編輯輸入別稱，或讀者以別稱搜尋，都會找到這個主題。",
        widget=forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField"}),
    )
    keep_as_alias = forms.BooleanField(
        label="改名後，舊名稱保留作別稱",
        required=False,
        initial=True,
        help_text="不論保留與否，舊網址都會自動轉到新網址。",
    )

    class Meta:
        model = Theme
        fields = ["name", "description"]
        widgets = {"description": forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            aliases = self.instance.aliases.values_list("name", flat=True)
            self.initial["alias_lines"] = "\n".join(aliases)

    def clean_name(self) -> str:
        """A name of punctuation alone would leave the theme without an address."""
        name = " ".join(self.cleaned_data["name"].split())
        if not slugify(name, allow_unicode=True):
            raise forms.ValidationError("名稱須有文字或數字。")
        if taken := describe_name_taken(name, by_other_than=self.instance):
            raise forms.ValidationError(taken)
        return name

    def clean_alias_lines(self) -> list[str]:
        """Each once, however it is written, and none that means another theme."""
        lines = self.cleaned_data["alias_lines"].splitlines()
        aliases = {
            fold_name(line): " ".join(line.split()) for line in reversed(lines) if line.strip()
        }
        aliases.pop(fold_name(self.cleaned_data.get("name", "")), None)  # found by it anyhow
        longest = ThemeAlias._meta.get_field("name").max_length or 0
        faults = [
            f"「{name[:20]}…」太長，最多{longest}字。"
            for name in aliases.values()
            if len(name) > longest
        ]
        faults += [
            f"「{name}」不能用作別稱：{taken}"
            for name in aliases.values()
            if (taken := describe_name_taken(name, by_other_than=self.instance))
        ]
        if faults:
            raise forms.ValidationError(faults)
        return list(reversed(aliases.values()))


class ThemeRadio(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name}（{obj.entry_count}篇）"


class MergeForm(forms.Form):
    """Which of the chosen themes the others become."""

    into = ThemeRadio(
        Theme.objects.none(),
        label="保留哪一個主題",
        empty_label=None,
        widget=forms.RadioSelect,
        error_messages={
            "required": "請選擇保留哪一個主題。",
            "invalid_choice": "所選的主題已不存在，請重新選擇。",
        },
    )

    def __init__(self, *args: Any, themes: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["into"]
        field.queryset = themes
        self.initial.setdefault("into", themes.order_by("-entry_count", "pk").first())
