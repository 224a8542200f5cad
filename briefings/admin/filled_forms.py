"""The entry's form as its page has it, filled with the row or with what was typed over it."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.forms import ModelForm
from django.http import HttpRequest

from briefings.admin.form_values import Forms, show_typed, show_typed_rows, to_data
from briefings.autosaves import Fields
from briefings.models import Entry


class FillsForms(admin.ModelAdmin):
    def get_form(
        self,
        request: HttpRequest,
        obj: Entry | None = None,
        change: bool = False,  # noqa: FBT001, FBT002  (Django's signature)
        **kwargs: Any,
    ) -> type[ModelForm]:
        form_class = super().get_form(request, obj, change, **kwargs)
        typed: Fields | None = getattr(request, "typed_fields", None)
        return form_class if typed is None else show_typed(form_class, typed)

    def get_formsets_with_inlines(self, request: HttpRequest, obj: Entry | None = None) -> Any:
        typed: Fields | None = getattr(request, "typed_fields", None)
        for formset_class, inline in super().get_formsets_with_inlines(request, obj):
            if typed is not None:
                formset_class = show_typed_rows(formset_class, typed)  # noqa: PLW2901
            yield formset_class, inline

    def make_forms(
        self, request: HttpRequest, entry: Entry | None, fields: Fields | None = None
    ) -> Forms:
        """The form as the page has it: of the row, or filled with what was typed over the row."""
        page_fields = flatten_fieldsets(self.get_fieldsets(request, entry))
        form_class = self.get_form(request, entry, change=entry is not None, fields=page_fields)
        formset_classes = [
            (formset, inline.get_queryset(request))
            for formset, inline in self.get_formsets_with_inlines(request, entry)
        ]

        def fill(data: Any) -> Forms:
            # An instance of its own: checking a form writes to it.
            instance = Entry() if entry is None else Entry.objects.get(pk=entry.pk)
            form = form_class(data, instance=instance)
            return Forms(
                form,
                [
                    formset(data, instance=instance, queryset=queryset)
                    for formset, queryset in formset_classes
                ],
            )

        row = fill(None)
        return row if fields is None else fill(to_data(row.fit_rows(fields)))

    def find_entry(
        self, request: HttpRequest, object_id: str | None, *, for_update: bool = False
    ) -> Entry | None:
        entry = None if object_id is None else self.get_object(request, unquote(str(object_id)))
        if entry is None or not for_update:
            return entry
        return Entry.objects.select_for_update().filter(pk=entry.pk).first()

    def may_write(self, request: HttpRequest, entry: Entry | None) -> bool:
        if entry is None:
            return self.has_add_permission(request)
        return self.has_change_permission(request, entry)

    def digest(self, request: HttpRequest, entry: Entry | None) -> dict[str, str]:
        return {v.name: v.digest for v in self.make_forms(request, entry).read_values()}
