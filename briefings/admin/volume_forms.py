"""What editors fill in about a bound volume."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.text import slugify

from briefings.models import Volume, find_free_slug


class VolumeForm(forms.ModelForm):
    class Meta:
        model = Volume
        fields = [
            *("title", "first_year", "last_year", "theme"),
            *("preface", "phrases", "slug", "is_public"),
        ]
        widgets = {
            "title": forms.TextInput(attrs={"class": "vTextField"}),
            "preface": forms.Textarea(attrs={"rows": 6, "class": "vLargeTextField"}),
            "phrases": forms.Textarea(attrs={"rows": 8, "class": "vLargeTextField"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("first_year", "last_year"):
            self.initial.setdefault(name, timezone.localdate().year)
        if slug := self.fields.get("slug"):  # who may only look gets none
            slug.required = False
            slug.error_messages["invalid"] = "網址只可用文字、數字、「-」和「_」。"
            slug.help_text = "留空，便按年份和主題擬定，例如 2026 或 稅務-2024-2026。"

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "slug" in self.fields and not data.get("slug") and "slug" not in self.errors:
            data["slug"] = propose_slug(data, keep=self.instance.pk)
        return data

    def clean_phrases(self) -> str:
        """One a line, each once, as the index will have them."""
        lines = (" ".join(line.split()) for line in self.cleaned_data["phrases"].splitlines())
        return "\n".join(dict.fromkeys(line for line in lines if line))


def propose_slug(data: dict[str, Any], *, keep: int | None = None) -> str:
    """From the theme and the years; empty while the years are not known."""
    first, last, theme = (data.get(name) for name in ("first_year", "last_year", "theme"))
    if not (first and last):
        return ""
    years = str(first) if first == last else f"{first}-{last}"
    wanted = slugify(f"{theme.name[:80]}-{years}" if theme else years, allow_unicode=True)
    return find_free_slug(Volume, wanted, keep=keep)
