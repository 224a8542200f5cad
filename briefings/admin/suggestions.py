"""Choosing themes and authors by name: what there is comes first, a new one last and on purpose."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.admin.widgets import (
    AutocompleteMixin,
    AutocompleteSelect,
    AutocompleteSelectMultiple,
)
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Case, Model, QuerySet, When
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import slugify
from django.views.decorators.http import require_POST

from briefings.lookups import could_be_id
from briefings.models import Author, Byline, Entry, Theme
from briefings.models.themes import fold_name


class IdPicker(AutocompleteMixin):
    """Shows a refused form again, where Django's own fails on a value that is no id."""

    def optgroups(
        self, name: str, value: Sequence[str], attrs: dict[str, Any] | None = None
    ) -> list[Any]:
        ids = [one for one in value if could_be_id(str(one)) or not one]
        groups: list[Any] = super().optgroups(name, ids, attrs)
        return groups


class RowPicker(IdPicker, AutocompleteSelect):
    """One row of another table, by the admin's own autocomplete."""


class NamePicker(IdPicker):
    """The admin's own autocomplete, set up by desk/pickers.js."""

    url_name = "%s:entry_suggestions"

    def build_attrs(
        self, base_attrs: dict[str, Any], extra_attrs: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        attrs: dict[str, Any] = super().build_attrs(base_attrs, extra_attrs)
        # Not set up by the admin's script, which would know nothing of making a new one.
        attrs["class"] = attrs["class"].replace("admin-autocomplete", "name-picker")
        return attrs


class ThemePicker(NamePicker, AutocompleteSelectMultiple):
    def __init__(self) -> None:
        super().__init__(Entry._meta.get_field("themes"), admin.site)


class AuthorPicker(NamePicker, AutocompleteSelect):
    def __init__(self) -> None:
        super().__init__(Byline._meta.get_field("author"), admin.site)


def rank_names(known: Iterable[tuple[int, str]], term: str) -> tuple[list[int], bool]:
    """Whose name holds `term`, the nearest first, and whether one is called exactly so.

    Someone may stand in `known` by several names. Names count as readers see them.
    """
    wanted = fold_name(term)
    ranks: dict[int, int] = {}
    for key, name in known:
        folded = fold_name(name)
        if wanted in folded:
            rank = 0 if folded == wanted else 1 if folded.startswith(wanted) else 2
            ranks[key] = min(rank, ranks.get(key, rank))
    return sorted(ranks, key=lambda key: ranks[key]), 0 in ranks.values()


def list_names(model: type[Model]) -> list[tuple[int, str]]:
    """All the names that themes, or authors, go by."""
    if model is Theme:
        aliases = Theme.objects.order_by("name").values_list("pk", "aliases__name")
        names = Theme.objects.order_by("name").values_list("pk", "name")
        return [*names, *((pk, alias) for pk, alias in aliases if alias)]
    authors = list(Author.objects.order_by("name"))
    return [(a.pk, name) for a in authors for name in {a.name, str(a)}]


class Suggestions(AutocompleteJsonView):
    """The admin's autocomplete, which finds by any way of writing and by other names too.

    After the last of what there is, who may is offered to make what was typed.
    """

    term: str
    model_admin: Any
    object_list: QuerySet

    def process_request(self, request: HttpRequest) -> Any:
        asked = super().process_request(request)
        _, model_admin, *_ = asked
        if model_admin.model not in (Theme, Author):
            raise PermissionDenied
        return asked

    def get_queryset(self) -> QuerySet:
        self.is_known = True
        rows: QuerySet = self.model_admin.get_queryset(self.request)
        if not fold_name(self.term):
            return rows.order_by("name", "pk")
        keys, self.is_known = rank_names(list_names(self.model_admin.model), self.term)
        order = Case(*(When(pk=key, then=place) for place, key in enumerate(keys)), default=0)
        return rows.filter(pk__in=keys).order_by(order, "pk")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().get(request, *args, **kwargs)
        answer = json.loads(response.content)
        name = " ".join(self.term.split())
        is_last = not answer["pagination"]["more"]
        if name and is_last and not self.is_known and self.model_admin.has_add_permission(request):
            answer["results"].append(self.offer_to_make(name))
        return JsonResponse(answer)

    def offer_to_make(self, name: str) -> dict[str, str]:
        model = self.model_admin.model
        return {
            "id": "new",
            "text": f"新增{model._meta.verbose_name}「{name}」",
            "name": name,
            "address": reverse(f"admin:entry_new_{model._meta.model_name}"),
            "question": f"「{name}」是新的{model._meta.verbose_name}。確定新增？",
        }

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        """With the other name by which a theme was found."""
        result: dict[str, str] = super().serialize_result(obj, to_field_name)
        wanted = fold_name(self.term)
        if wanted and isinstance(obj, Theme) and wanted not in fold_name(obj.name):
            found_by = [a.name for a in obj.aliases.all() if wanted in fold_name(a.name)]
            result["alias"] = "、".join(found_by)
        return result


class NewNames:
    """Makes the theme or the author that somebody typed, once they said yes."""

    def __init__(self, model: type[Theme] | type[Author]) -> None:
        self.model = model

    @property
    def pattern(self) -> URLPattern:
        name = self.model._meta.model_name
        view = admin.site.admin_view(require_POST(self.make))
        return path(f"new-{name}/", view, name=f"entry_new_{name}")

    def make(self, request: HttpRequest) -> HttpResponse:
        """Who has the name already, if anybody: then nothing is made, and they are the answer."""
        if not request.user.has_perm(f"briefings.add_{self.model._meta.model_name}"):
            raise PermissionDenied
        name = " ".join(request.POST.get("name", "").split())
        try:
            made = find_by_name(self.model, name) or make_by_name(self.model, name)
        except ValidationError as error:
            return JsonResponse({"error": " ".join(error.messages)}, status=400)
        return JsonResponse({"id": str(made.pk), "text": str(made)})


def find_by_name(model: type[Theme] | type[Author], name: str) -> Theme | Author | None:
    if model is Theme:
        return Theme.objects.known_as(name)
    keys, is_known = rank_names(list_names(Author), name)
    return Author.objects.get(pk=keys[0]) if is_known else None


def make_by_name(model: type[Theme] | type[Author], name: str) -> Theme | Author:
    """An author may be typed with the post in brackets, as authors are shown."""
    made: Theme | Author
    if model is Theme:
        if not slugify(name, allow_unicode=True):
            raise ValidationError("名稱須有文字或數字。")
        made = Theme(name=name)
        made.full_clean(exclude=["slug"])
    else:
        name, _, post = name.removesuffix("）").partition("（")
        made = Author(name=name.strip(), post=post.strip())
        made.full_clean()
    made.save()
    return made


new_theme, new_author = NewNames(Theme), NewNames(Author)
