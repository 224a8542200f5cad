"""What the desk shows of members beside their forms: filters with names, exports, a history."""

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from briefings.models import Edition, State
from subscribers.exports import CSV, XLSX, send_table
from subscribers.member_filters import tidy_query
from subscribers.member_history import tell_history
from subscribers.models import Member, MemberQuerySet, SavedFilter
from subscribers.resources import MemberResource

LONGEST_QUERY = SavedFilter._meta.get_field("query").max_length or 0


class MemberPages(admin.ModelAdmin):
    change_list_template = "admin/subscribers/member/change_list.html"
    change_form_template = "admin/subscribers/member/change_form.html"

    class Media:
        css = {"all": ["desk/members.css"]}

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("export/", wrap(self.export), name="export_members"),
            path("save-filter/", wrap(self.save_filter), name="save_member_filter"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        query = tidy_query(request.GET.urlencode())
        saved_filters = list(SavedFilter.objects.all())
        about = {
            "query": query,
            "saved_filters": saved_filters,
            "is_saved": any(saved.query == query for saved in saved_filters),
            "may_save": request.user.has_perm("subscribers.add_savedfilter"),
            "may_export": self.has_export_permission(request),
            "may_import": request.user.has_perm("subscribers.add_memberimport"),
        }
        return super().changelist_view(request, about | (extra_context or {}))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        about: dict[str, Any] = {}
        member = self.get_object(request, object_id) if request.method == "GET" else None
        if member and self.has_view_or_change_permission(request, member):
            may_see = request.user.has_perm("subscribers.view_delivery")
            about["previewed"] = find_previewed(request)
            about["events"] = tell_history(member, may_see_deliveries=may_see)
        return super().change_view(request, object_id, form_url, about | (extra_context or {}))

    @admin.display(description="加入", ordering="created_at")
    def show_joined(self, member: Member) -> str:
        return f"{timezone.localtime(member.created_at):%Y-%m-%d}"

    # ------------------------------------------------------------------------ filters with names

    @method_decorator(require_POST)
    def save_filter(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("subscribers.add_savedfilter"):
            raise PermissionDenied
        name = " ".join(request.POST.get("name", "").split())[:60]
        query = tidy_query(request.POST.get("query", ""))
        if not name or not query:
            messages.error(request, "請先篩選，再寫名稱。")
        elif len(query) > LONGEST_QUERY:
            messages.error(request, "條件太長，未能儲存。")
        elif SavedFilter.objects.filter(name=name).exists():
            messages.error(request, f"已有「{name}」這個名稱，請用另一個。")
        else:
            SavedFilter.objects.create(name=name, query=query, made_by_id=request.user.pk)
            messages.success(request, f"已儲存「{name}」，所有會員管理員都可使用。")
        return redirect(f"{reverse('admin:subscribers_member_changelist')}?{query}")

    # ---------------------------------------------------------------------------------- exports

    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("subscribers.export_member")

    @method_decorator(require_POST)
    def export(self, request: HttpRequest) -> HttpResponseBase:
        """Those whom the list shows by the filters in its address."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        members = cast(MemberQuerySet, self.get_changelist_instance(request).get_queryset(request))
        return self._send(request, members, XLSX if request.POST.get("kind") == XLSX else CSV)

    @admin.action(description="匯出所選會員（CSV）", permissions=["export"])
    def export_as_csv(self, request: HttpRequest, members: MemberQuerySet) -> HttpResponseBase:
        return self._send(request, members, CSV)

    @admin.action(description="匯出所選會員（XLSX）", permissions=["export"])
    def export_as_xlsx(self, request: HttpRequest, members: MemberQuerySet) -> HttpResponseBase:
        return self._send(request, members, XLSX)

    def _send(self, request: HttpRequest, members: MemberQuerySet, kind: str) -> HttpResponseBase:
        """Who took how many addresses out of the house is on record."""
        LogEntry.objects.log_actions(
            user_id=cast(int, request.user.pk),
            queryset=[Member(pk=0)],
            action_flag=CHANGE,
            change_message=f"匯出 {members.count()} 位會員（{kind.upper()}）",
            single_object=True,
        )
        rows = MemberResource().list_rows(members)
        return send_table(rows, name="會員", kind=kind, today=timezone.localdate())


def find_previewed(request: HttpRequest) -> Edition | None:
    """The newest edition that is or will be mailed; None for who may not see editions."""
    if not request.user.has_perm("briefings.view_edition"):
        return None
    return Edition.objects.exclude(state=State.WITHDRAWN).newest_first().first()


class SavedFilterAdmin(admin.ModelAdmin):
    """They are made where they are used, on the list of members."""

    list_display = ["name", "show_link", "made_by", "made_at"]
    list_select_related = ["made_by"]
    fields = ["name", "show_link", "made_by", "made_at"]
    readonly_fields = ["show_link", "made_by", "made_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    @admin.display(description="會員")
    def show_link(self, saved: SavedFilter) -> SafeString:
        address = reverse("admin:subscribers_member_changelist")
        return format_html('<a href="{}?{}">看這些會員</a>', address, saved.query)
