"""合訂本 at the desk: what is in a volume, and having its PDF made while one watches."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from briefings.admin.base import DeskAdmin, hold_for_post
from briefings.admin.freshness import StopsStaleSaves
from briefings.admin.volume_forms import VolumeForm
from briefings.models import Printout, PrintoutState, Volume
from briefings.pdf import PDFRefused
from briefings.permissions import PUBLISH
from briefings.printing import (
    ask_anew,
    call_again,
    find_pdf,
    is_forgotten,
    make_order,
    wake_worker,
)
from briefings.views.files import send_stored_pdf


@admin.register(Volume)
class VolumeAdmin(StopsStaleSaves, DeskAdmin):
    form = VolumeForm
    change_form_template = "admin/briefings/volume/change_form.html"
    list_display = ["title", "show_years", "show_theme", "show_public", "show_latest_pdf"]
    list_filter = ["is_public"]
    list_select_related = ["theme"]
    search_fields = ["title", "theme__name"]
    search_help_text = "按書名或主題尋找"
    autocomplete_fields = ["theme"]

    class Media:
        css = {"all": ["desk/volumes.css"]}
        # pickers.js tells a screen reader what the theme's field is called.
        js = ["admin/js/jquery.init.js", "desk/pickers.js", "unsaved.js"]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        # Whether it is public is asked, and stays so, until it is saved.
        with hold_for_post(request, Volume, object_id):
            return super().changeform_view(request, object_id, form_url, extra_context)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        with hold_for_post(request, Volume, object_id):
            return super().delete_view(request, object_id, extra_context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Volume]:
        latest = Printout.objects.filter(volume=OuterRef("pk")).order_by("-asked_at", "-pk")
        volumes: QuerySet[Volume] = super().get_queryset(request)
        return volumes.annotate(
            latest_state=Subquery(latest.values("state")[:1]), was_public=F("is_public")
        )

    def get_fieldsets(self, request: HttpRequest, obj: Volume | None = None) -> Any:  # noqa: ARG002
        about = ["title", ("first_year", "last_year"), "theme", "preface", "phrases"]
        return [
            (None, {"fields": about, "description": "只收公眾可讀的短評，按期數先後編排。"}),
            ("網站", {"fields": ["slug", "is_public"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Volume | None = None) -> list[str]:
        """An address that readers know stays, as long as they may follow it."""
        kept = ["slug"] if obj and is_known_to_readers(obj) else []
        return kept if request.user.has_perm(PUBLISH) else [*kept, "is_public"]

    def has_change_permission(self, request: HttpRequest, obj: Volume | None = None) -> bool:
        """What is written in a public volume is read at once, so it is for who may publish."""
        may_change = super().has_change_permission(request, obj)
        return may_change and self._may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Volume | None = None) -> bool:
        may_delete = super().has_delete_permission(request, obj)
        return may_delete and self._may_touch(request, obj)

    def _may_touch(self, request: HttpRequest, volume: Volume | None) -> bool:
        is_free = volume is None or not is_known_to_readers(volume)
        return is_free or request.user.has_perm(PUBLISH)

    def view_on_site(self, volume: Volume) -> str | None:  # type: ignore[override]
        return volume.get_absolute_url() if volume.is_public else None

    def save_model(
        self,
        request: HttpRequest,
        obj: Volume,
        form: Any,
        change: bool,  # noqa: FBT001
    ) -> None:
        """Readers are not to wait for one that has just been made public."""
        super().save_model(request, obj, form, change)
        if obj.is_public:
            wake_worker(obj)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:volume_id>/print/", wrap(self.print), name="volume_print"),
            path("<int:volume_id>/download.pdf", wrap(self.download), name="volume_download"),
            path("<int:volume_id>/progress/", wrap(self.progress), name="volume_progress"),
            *super().get_urls(),
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if context["original"]:
            # As it is stored: a refused form has already written into the other.
            volume = self._get_viewable(request, context["original"].pk)
            context |= describe_holding(volume) | describe_pdf(volume)
            context["is_locked"] = not self._may_touch(request, volume)
        return super().render_change_form(request, context, *args, **kwargs)

    @method_decorator(require_POST)
    def print(self, request: HttpRequest, volume_id: int) -> HttpResponse:
        """A worker makes it; what was refused is tried once more."""
        volume = self._get_viewable(request, volume_id)
        try:
            if volume.list_entries().exists():
                ask_anew(make_order(volume))
        except PDFRefused as refusal:
            messages.error(request, str(refusal))
        return redirect("admin:briefings_volume_change", volume.pk)

    @method_decorator(never_cache)
    @method_decorator(require_safe)
    def progress(self, request: HttpRequest, volume_id: int) -> HttpResponse:
        """What the volume's page asks for while its PDF is made; also wakes a worker anew.

        The ledger tells how far it is. Only where nothing is under way any more, because it is
        done or the text changed meanwhile, is the volume described to find what it now has.
        """
        volume = self._get_viewable(request, volume_id)
        # That a page stands open is no sign that somebody is there: the login runs out.
        request.session.modified = False
        printout = volume.printouts.under_way().order_by("-pk").first()
        if printout:
            call_again(printout, timezone.now())
            return JsonResponse(
                {
                    "done": printout.pages,
                    "total": max(printout.expected_pages, printout.pages, 1),
                    "summary": describe_progress(printout),
                }
            )
        about = {"original": volume} | describe_pdf(volume)
        panel = render_to_string("admin/briefings/volume/pdf.html", about, request)
        return JsonResponse({"panel": panel})

    @method_decorator(require_safe)
    def download(self, request: HttpRequest, volume_id: int) -> HttpResponseBase:
        """As it should now be, public or not; never one that holds what was withdrawn since."""
        volume = self._get_viewable(request, volume_id)
        try:
            if name := find_pdf(make_order(volume)):
                return send_stored_pdf(request, name, volume.title)
            messages.warning(request, "按現時的內容，PDF 尚未製作。")
        except PDFRefused as refusal:
            messages.error(request, str(refusal))
        return redirect("admin:briefings_volume_change", volume.pk)

    def _get_viewable(self, request: HttpRequest, volume_id: int) -> Volume:
        volume = get_object_or_404(self.get_queryset(request), pk=volume_id)
        if not self.has_view_permission(request, volume):
            raise PermissionDenied
        return volume

    @admin.display(description="年份", ordering="last_year")
    def show_years(self, volume: Volume) -> str:
        return volume.years

    @admin.display(description="政策主題", ordering="theme__name")
    def show_theme(self, volume: Volume) -> str:
        return volume.theme.name if volume.theme else "全部"

    @admin.display(description="公開", ordering="is_public")
    def show_public(self, volume: Volume) -> str:
        return "公開" if volume.is_public else "未公開"

    @admin.display(description="最近一份 PDF")
    def show_latest_pdf(self, volume: Any) -> SafeString | str:
        """Of the ledger alone: whether it is still what it should be takes describing a volume."""
        if not volume.latest_state:
            return "未製作"
        label = PrintoutState(volume.latest_state).label
        return format_html('<span class="state print-{}">{}</span>', volume.latest_state, label)


def is_known_to_readers(volume: Volume) -> bool:
    """As it is stored; a form that is being looked at has already written into the volume."""
    return bool(getattr(volume, "was_public", volume.is_public))


def describe_holding(volume: Volume) -> dict[str, int]:
    return {
        "edition_count": len(volume.list_editions()),
        "entry_count": volume.list_entries().count(),
    }


def describe_pdf(volume: Volume) -> dict[str, Any]:
    """The PDF as it should now be, as far as it has got; or why there can be none."""
    try:
        order = make_order(volume)
    except PDFRefused as refusal:
        return {"obstacle": str(refusal), "printout": None}
    printout = Printout.objects.filter(name=order.name).first()
    if printout and printout.is_ready and not find_pdf(order):
        printout = None
    summary = describe_progress(printout) if printout else ""
    return {"printout": printout, "summary": summary}


def describe_progress(printout: Printout) -> str:
    if is_forgotten(printout, timezone.now()):
        return "等了很久仍未開始，請通知系統管理員。"
    if printout.state == PrintoutState.WAITING:
        return "正在輪候，很快便會開始。"
    if not printout.pages:
        return "已開始製作。"
    if printout.pages < printout.expected_pages:
        return f"已排{printout.pages}頁，預計約{printout.expected_pages}頁。"
    return f"已排{printout.pages}頁，即將完成。"
