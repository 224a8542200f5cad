"""Themes at the desk: describing and renaming them, their other names, merging several."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode

from briefings.admin.base import DeskAdmin, read_ids
from briefings.admin.theme_forms import MergeForm, ThemeForm
from briefings.models import Entry, Theme, ThemedEntry, Volume
from briefings.themes import count_choosers, merge_themes, plan_merge, rename_theme, set_aliases

SHOWN_ENTRIES = 30


class InUseFilter(admin.SimpleListFilter):
    title = "短評"
    parameter_name = "used"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [("yes", "有短評"), ("no", "未有短評")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:  # noqa: ARG002
        used = Exists(ThemedEntry.objects.filter(tag=OuterRef("pk")))
        return {"yes": queryset.filter(used), "no": queryset.filter(~used)}.get(
            self.value() or "", queryset
        )


@admin.register(Theme)
class ThemeAdmin(DeskAdmin):
    form = ThemeForm
    change_form_template = "admin/briefings/theme/change_form.html"
    list_display = ["name", "description", "show_aliases", "show_entry_count"]
    list_filter = [InUseFilter]
    ordering = ["name"]
    search_fields = ["name", "aliases__name"]
    search_help_text = "按名稱或別稱尋找"
    empty_value_display = ""
    actions = ["merge"]

    class Media:
        css = {"all": ["desk/themes.css"]}
        js = ["unsaved.js"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Theme]:
        themes: QuerySet[Theme] = super().get_queryset(request)
        themes = themes.annotate(entry_count=Count("themed_entries", distinct=True))
        return themes.prefetch_related("aliases")

    def get_fieldsets(self, request: HttpRequest, obj: Theme | None = None) -> Any:  # noqa: ARG002
        if obj is None:
            return [(None, {"fields": ["name", "description", "alias_lines"]})]
        return [(None, {"fields": ["name", "keep_as_alias", "description", "alias_lines", "slug"]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Theme | None = None) -> list[str]:  # noqa: ARG002
        return ["slug"] if obj else []

    def save_model(
        self,
        request: HttpRequest,
        obj: Theme,
        form: ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        if change and "name" in form.changed_data:
            rename_theme(obj, obj.name, keep_as_alias=form.cleaned_data["keep_as_alias"])
        else:
            super().save_model(request, obj, form, change)
        if "alias_lines" in form.changed_data:
            set_aliases(obj, form.cleaned_data["alias_lines"])

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        theme = context["original"]
        if theme:
            entries = Entry.objects.filter(themed_entries__tag=theme).select_related("edition")
            context |= {
                "entries": entries.order_by("-edition__date", "-updated_at")[:SHOWN_ENTRIES],
                "entry_count": entries.count(),
                "choosers": self._count_choosers(request, [theme]),
                "volumes": list_volumes([theme]),
                "former_addresses": theme.former_addresses.order_by("slug"),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Theme | None = None) -> bool:
        """A theme in use stays: its entries would lose it without a word."""
        if obj and obj.themed_entries.exists():
            return False
        return super().has_delete_permission(request, obj)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Its volumes would have nothing to go by: which they are is said first."""
        theme = self.get_object(request, unquote(object_id))
        if theme and self.has_delete_permission(request, theme) and theme.volumes.exists():
            titles = "、".join(f"「{volume}」" for volume in theme.volumes.all())
            messages.error(
                request, f"合訂本{titles}只收這個主題，所以不能刪除；可把它併入另一主題。"
            )
            return redirect("admin:briefings_theme_change", theme.pk)
        return super().delete_view(request, object_id, extra_context)

    def has_merge_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perms(["briefings.change_theme", "briefings.delete_theme"])

    @admin.action(description="合併所選的主題…", permissions=["merge"])
    def merge(self, request: HttpRequest, queryset: QuerySet[Theme]) -> HttpResponse | None:
        ids = sorted(queryset.values_list("pk", flat=True))
        if len(ids) < 2:
            messages.warning(request, "請選擇兩個或以上的主題，才可合併。")
            return None
        address = reverse("admin:briefings_theme_merge")
        return redirect(f"{address}?{urlencode({'theme': ids}, doseq=True)}")

    def get_urls(self) -> list[URLPattern]:
        merge = self.admin_site.admin_view(self.merge_page)
        return [path("merge/", merge, name="briefings_theme_merge"), *super().get_urls()]

    def merge_page(self, request: HttpRequest) -> HttpResponse:
        """What merging will change; a POST does it."""
        if not self.has_merge_permission(request):
            raise PermissionDenied
        ids = read_ids(request.GET.getlist("theme"))
        themes = self.get_queryset(request).filter(pk__in=ids)
        form = MergeForm(request.POST or None, themes=themes)
        if len(themes) < 2:
            return self._tell_gone(request)
        if request.method == "POST" and form.is_valid():
            return self._merge(request, form.cleaned_data["into"], ids)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "合併主題",
            "form": form,
            "plans": [plan_merge(theme, themes) for theme in themes],
            "choosers": self._count_choosers(request, list(themes)),
            "volumes": list_volumes(themes),
        }
        return TemplateResponse(request, "admin/briefings/theme/merge.html", context)

    def _merge(self, request: HttpRequest, into: Theme, ids: list[int]) -> HttpResponse:
        others = Theme.objects.filter(pk__in=ids).exclude(pk=into.pk)
        names = "、".join(f"「{theme}」" for theme in others)
        try:
            with transaction.atomic():
                self.log_deletions(request, others)  # while there is something to record
                merge_themes(into, ids)
                self.log_change(request, into, f"併入{names}")
        except Theme.DoesNotExist:
            return self._tell_gone(request)
        messages.success(request, f"已將{names}併入「{into}」，舊網址會自動轉到新網址。")
        return redirect("admin:briefings_theme_change", into.pk)

    def _tell_gone(self, request: HttpRequest) -> HttpResponse:
        messages.info(request, "這些主題已經合併，或者已不存在。")
        return redirect("admin:briefings_theme_changelist")

    def _count_choosers(self, request: HttpRequest, themes: list[Theme]) -> list[tuple[str, int]]:
        return [
            (choosers.label, count)
            for choosers, count in count_choosers(themes)
            if request.user.has_perm(choosers.permission)
        ]

    @admin.display(description="短評", ordering="entry_count")
    def show_entry_count(self, theme: Any) -> str:
        return f"{theme.entry_count}篇"

    @admin.display(description="別稱", empty_value="")
    def show_aliases(self, theme: Theme) -> str:
        return "、".join(alias.name for alias in theme.aliases.all())


def list_volumes(themes: Iterable[Theme]) -> list[Volume]:
    return list(Volume.objects.filter(theme__in=themes))
