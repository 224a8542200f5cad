"""The glossary that house style and search go by."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from briefings.admin.base import DeskAdmin
from briefings.admin.rows import LabelledRows
from briefings.models import GlossaryTerm, Wording
from briefings.search.tokens import split_runs


def read_meaning(text: str) -> tuple[str, ...]:
    """The same for what search takes for the same; ValidationError for what it can't find."""
    runs = tuple(split_runs(text))
    if not runs:
        raise forms.ValidationError("須有文字或數字。")
    return runs


def list_texts(term: GlossaryTerm) -> list[str]:
    return [term.name, *(wording.text for wording in term.wordings.all())]


def find_owner(text: str, *, other_than: int | None) -> GlossaryTerm | None:
    """Another term that has this name or wording already, in whatever characters."""
    wanted = read_meaning(text)
    terms = GlossaryTerm.objects.prefetch_related("wordings")
    for term in terms:
        if term.pk != other_than and any(
            tuple(split_runs(other)) == wanted for other in list_texts(term)
        ):
            return term
    return None


def refuse_taken(text: str, *, other_than: int | None) -> None:
    if owner := find_owner(text, other_than=other_than):
        raise forms.ValidationError(
            f"「{text}」與詞彙「{owner.name}」的寫法相同（不分繁簡、大小寫和標點），"
            "一個寫法只可屬一個詞彙。"
        )


class GlossaryTermForm(forms.ModelForm):
    class Meta:
        model = GlossaryTerm
        fields = ["name", "kind", "note"]
        widgets = {"name": forms.TextInput(attrs={"class": "vTextField"})}

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        refuse_taken(name, other_than=self.instance.pk)
        return name


class WordingForm(forms.ModelForm):
    """A row of a table, which names its fields in its head only; a screen reader hears each."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["aria-label"] = field.label

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"].strip()
        refuse_taken(text, other_than=self.instance.term_id)
        return text


class WordingFormSet(LabelledRows):
    """No two of a term's wordings are the same to a search, nor one the same as its name."""

    def clean(self) -> None:
        """In place of Django's, which finds only what is the same to the letter."""
        name = self.data.get("name", "")
        seen = {tuple(split_runs(name)): name}
        for form in self.forms:
            text = form.cleaned_data.get("text") if form.is_valid() else None
            if not text or form.cleaned_data.get("DELETE"):
                continue
            meaning = tuple(split_runs(text))
            if meaning in seen:
                form.add_error(
                    "text", f"與「{seen[meaning]}」相同（不分繁簡、大小寫和標點），毋須重複。"
                )
            seen[meaning] = text


class WordingInline(admin.TabularInline):
    model = Wording
    form = WordingForm
    formset = WordingFormSet
    extra = 2
    fields = ["text", "is_discouraged"]
    verbose_name = "寫法"
    verbose_name_plural = "其他寫法"


@admin.register(GlossaryTerm)
class GlossaryTermAdmin(DeskAdmin):
    form = GlossaryTermForm
    inlines = [WordingInline]
    list_display = ["name", "show_wordings", "show_discouraged", "kind"]
    list_filter = ["kind"]
    list_per_page = 100
    ordering = ["kind", "name"]
    search_fields = ["name", "wordings__text"]
    search_help_text = "在名稱和寫法中尋找"
    fieldsets = [
        (
            None,
            {
                "fields": ["name", "kind", "note"],
                "description": "文風檢查以正式名稱為準；搜尋時，同一詞彙的各種寫法互相尋找。",
            },
        )
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[GlossaryTerm]:
        return super().get_queryset(request).prefetch_related("wordings")

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002
        queryset: QuerySet[GlossaryTerm],
        search_term: str,
    ) -> tuple[QuerySet[GlossaryTerm], bool]:
        """In whatever characters; no database folds as we do, and terms are few."""
        wanted = "".join(split_runs(search_term))
        if not wanted:
            return queryset, False
        found = [
            term.pk
            for term in queryset
            if any(wanted in "".join(split_runs(text)) for text in list_texts(term))
        ]
        return queryset.filter(pk__in=found), False

    @admin.display(description="其他寫法", empty_value="")
    def show_wordings(self, term: GlossaryTerm) -> str:
        return "、".join(w.text for w in term.wordings.all() if not w.is_discouraged)

    @admin.display(description="不宜使用", empty_value="")
    def show_discouraged(self, term: GlossaryTerm) -> str:
        return "、".join(w.text for w in term.wordings.all() if w.is_discouraged)
