"""What the entry's form holds, whoever filled it: the row, a browser, or an autosave.

Written for whatever fields and rows the form has: a field that is added to it is kept, compared
and given back like the others.
"""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.forms import BaseInlineFormSet, BoundField, ModelChoiceField, ModelForm
from django.forms.utils import ErrorDict, ErrorList
from django.http import QueryDict
from django.utils.safestring import SafeString

from briefings.autosaves import Fields
from briefings.differences import render_difference
from briefings.fields import HTMLField
from briefings.html import HTMLTooLong, clean_html, to_text
from briefings.lookups import could_be_id

_ORDER = "position"  # what every kind of row that has an order calls it


@dataclass(frozen=True)
class Value:
    """What one field holds, or all the rows of one kind."""

    name: str
    label: str
    text: str  # as a person reads it
    exact: str  # the same only where nothing differs, formatting included
    html: SafeString | str = ""  # of rich text, as it is shown

    @property
    def digest(self) -> str:
        return sha256(self.exact.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Difference:
    name: str
    label: str
    theirs: str
    mine: str

    @property
    def is_in_format_only(self) -> bool:
        return self.theirs == self.mine

    @property
    def rendered(self) -> SafeString:
        return render_difference(self.theirs, self.mine)


@dataclass(frozen=True)
class Forms:
    """The entry's form with the rows that belong to it."""

    form: ModelForm
    formsets: Sequence[BaseInlineFormSet]

    def read_values(self) -> list[Value]:
        fields = [self.form[name] for name in self.form.fields]
        return [
            *(_read_field(self.form, field) for field in fields if not field.is_hidden),
            *(_read_rows(formset) for formset in self.formsets),
        ]

    def write_fields(self) -> Fields:
        """As a browser would post it untouched."""
        fields = {field.html_name: _write_field(field) for field in self.form}
        for formset in self.formsets:
            fields |= _join_rows(formset, [_write_row(form) for form in formset.initial_forms])
        return fields

    def fit_rows(self, fields: Fields) -> Fields:
        """`fields` over the rows there now are, which may be others than when it was typed.

        A row that somebody deleted meanwhile becomes a new one; one that somebody added stays.
        """
        fitted = dict(fields)
        for formset in self.formsets:
            prefix = f"{formset.prefix}-"
            if f"{prefix}TOTAL_FORMS" not in fields:  # typed before there were such rows
                fitted |= _join_rows(formset, [_write_row(form) for form in formset.initial_forms])
                continue
            typed = _split_rows(formset, fields)
            fitted = {n: values for n, values in fitted.items() if not n.startswith(prefix)}
            fitted |= _fit_rows(formset, typed)
        return fitted


def find_differences(theirs: Sequence[Value], mine: Sequence[Value]) -> list[Difference]:
    others = {value.name: value for value in theirs}
    return [
        Difference(value.name, value.label, others[value.name].text, value.text)
        for value in mine
        if value.name in others and value.exact != others[value.name].exact
    ]


def to_data(fields: Fields) -> QueryDict:
    data = QueryDict(mutable=True)
    for name, values in fields.items():
        data.setlist(name, values)
    return data


def show_typed(form_class: type[ModelForm], fields: Fields) -> type[ModelForm]:
    """A form that shows what was typed and judges nothing: nobody has asked to save it yet."""

    class TypedForm(form_class):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs | {"data": to_data(fields)})

        def full_clean(self) -> None:
            self._errors = ErrorDict()
            self.cleaned_data: dict[str, Any] = {}

    return TypedForm


def show_typed_rows(
    formset_class: type[BaseInlineFormSet], fields: Fields
) -> type[BaseInlineFormSet]:
    class TypedRow(formset_class.form):  # type: ignore[misc, name-defined]
        def full_clean(self) -> None:
            self._errors = ErrorDict()
            self.cleaned_data: dict[str, Any] = {}

    class TypedRows(formset_class):  # type: ignore[misc, valid-type]
        form = TypedRow

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs | {"data": to_data(fields)})

        def full_clean(self) -> None:
            self._errors: list[ErrorDict] = []
            self._non_form_errors = ErrorList()

    return TypedRows


# -------------------------------------------------------------------------------------- fields
def _read_field(form: ModelForm, field: BoundField) -> Value:
    value, label = field.value(), str(field.label)
    if isinstance(field.field, ModelChoiceField):
        keys = sorted(_write_field(field))
        return Value(field.name, label, "、".join(_name_choices(field.field, keys)), str(keys))
    if isinstance(_find_column(form, field.name), HTMLField):
        with suppress(HTMLTooLong):  # then it is told as it was typed
            exact = clean_html(value or "")
            return Value(field.name, label, to_text(exact), exact, SafeString(exact))
    text = "、".join(_write_field(field)).replace("\r\n", "\n").strip()
    return Value(field.name, label, text, text)


def _find_column(form: ModelForm, name: str) -> Any:
    columns = {column.name: column for column in form._meta.model._meta.get_fields()}
    return columns.get(name)


def _name_choices(field: Any, keys: Sequence[str]) -> list[str]:
    """What is no key is a name already, typed by hand."""
    numbers = [key for key in keys if could_be_id(key)]
    found = field.queryset.model._default_manager.in_bulk([int(key) for key in numbers])
    names = {str(pk): field.label_from_instance(thing) for pk, thing in found.items()}
    return sorted(names.get(key, key) for key in keys)


def _write_field(field: BoundField) -> list[str]:
    value = field.value()
    if isinstance(value, list | tuple):
        return [str(one) for one in value]
    shown = field.field.widget.format_value(value)
    values = shown if isinstance(shown, list | tuple) else [shown]
    return [str(one) for one in values if one not in (None, "", False)]


# ---------------------------------------------------------------------------------------- rows
_Rows = Any  # a BaseInlineFormSet, in whose stub model and prefix may be None


def _read_rows(formset: _Rows) -> Value:
    forms = formset.forms if formset.is_bound else formset.initial_forms
    rows = []
    for index, form in enumerate(forms):
        if is_deleted(form):
            continue
        values = [
            _read_field(form, form[name])
            for name in form.fields
            if not form[name].is_hidden and name not in (_ORDER, "DELETE")
        ]
        if any(value.exact not in ("", "[]") for value in values):
            rows.append((_read_order(form), index, values))
    rows.sort(key=lambda row: row[:2])
    return Value(
        formset.prefix,
        str(formset.model._meta.verbose_name_plural),
        "\n".join("；".join(v.text for v in values if v.text) for _, _, values in rows),
        json.dumps([[value.exact for value in values] for _, _, values in rows]),
    )


def is_deleted(row: ModelForm) -> bool:
    return "DELETE" in row.fields and bool(row["DELETE"].value())


def _read_order(form: ModelForm) -> int:
    """Rows without a place come last."""
    place = str(form[_ORDER].value() or "") if _ORDER in form.fields else ""
    return int(place) if place.isdecimal() and len(place) < 10 else 10**9


Row = dict[str, list[str]]  # field names without the prefix


def _write_row(form: ModelForm) -> Row:
    return {name: _write_field(form[name]) for name in form.fields}


def _join_rows(formset: _Rows, initial: Sequence[Row], new: Sequence[Row] = ()) -> Fields:
    fields = {
        f"{formset.prefix}-TOTAL_FORMS": [str(len(initial) + len(new))],
        f"{formset.prefix}-INITIAL_FORMS": [str(len(initial))],
    }
    for index, row in enumerate([*initial, *new]):
        fields |= {f"{formset.prefix}-{index}-{name}": values for name, values in row.items()}
    return fields


def _split_rows(formset: _Rows, fields: Fields) -> list[Row]:
    rows: dict[int, Row] = {}
    pattern = re.compile(rf"{re.escape(formset.prefix)}-(\d{{1,4}})-(.+)")
    for name, values in fields.items():
        if found := pattern.fullmatch(name):
            rows.setdefault(int(found[1]), {})[found[2]] = values
    return [rows[index] for index in sorted(rows)]


def _fit_rows(formset: _Rows, typed: Sequence[Row]) -> Fields:
    key = formset.model._meta.pk.name
    by_key = {"".join(row.get(key, [])): row for row in typed}
    rows = {"".join(row[key]): row for row in map(_write_row, formset.initial_forms)}
    new = [
        row | {key: [], formset.fk.name: []}
        for row in typed
        if "".join(row.get(key, [])) not in rows and not row.get("DELETE")
    ]
    return _join_rows(formset, [by_key.get(pk, row) for pk, row in rows.items()], new)
