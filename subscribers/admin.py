from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import ForeignKey, QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_POST

from briefings.admin.freshness import person_at
from briefings.admin.rows import LabelledRows
from briefings.admin.suggestions import RowPicker
from briefings.models import Theme
from subscribers.confirmations import ask_to_confirm
from subscribers.growth import count_members_by_month, draw_growth
from subscribers.import_pages import MemberImportAdmin
from subscribers.ledger_admin import DeliveryAdmin, MailingAdmin
from subscribers.member_filters import ConfirmedFilter, JoinedFilter
from subscribers.member_pages import MemberPages, SavedFilterAdmin
from subscribers.models import (
    ChosenTheme,
    ConsentAct,
    ConsentWay,
    Delivery,
    Mailing,
    Member,
    MemberImport,
    MemberState,
    SavedFilter,
    Suppression,
)
from subscribers.models.suppressions import is_suppressed
from subscribers.personal_data import erase_member, export_member

admin.site.register(Delivery, DeliveryAdmin)
admin.site.register(Mailing, MailingAdmin)
admin.site.register(MemberImport, MemberImportAdmin)
admin.site.register(SavedFilter, SavedFilterAdmin)


class ChosenThemeInline(admin.TabularInline):
    """Whoever may see or change members may do so with what these chose."""

    model = ChosenTheme
    formset = LabelledRows
    autocomplete_fields = ["theme"]
    extra = 0
    verbose_name_plural = "政策主題（留空即全部）"

    def formfield_for_foreignkey(
        self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField | None:
        if db_field.name == "theme":
            kwargs["widget"] = RowPicker(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        may_see = request.user.has_perm("subscribers.view_member")
        return may_see or self.has_change_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may_add = obj is None and request.user.has_perm("subscribers.add_member")
        return may_add or self.has_change_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return request.user.has_perm("subscribers.change_member")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return self.has_change_permission(request)


class SuppressedFilter(admin.SimpleListFilter):
    title = "停止寄送"
    parameter_name = "suppressed"

    def lookups(self, *args: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [("yes", "因退信或投訴停止寄送")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:  # noqa: ARG002
        return queryset.filter(is_suppressed()) if self.value() == "yes" else queryset


@admin.register(Member)
class MemberAdmin(MemberPages):
    list_display = ["email", "name", "state", "frequency", "show_joined"]
    list_filter = ["state", SuppressedFilter, "frequency", JoinedFilter, ConfirmedFilter, "themes"]
    search_fields = ["email", "name"]
    search_help_text = "按電郵或稱呼尋找"
    fields = [
        "email",
        "name",
        "state",
        "frequency",
        "show_searches",
        "only_searches",
        "paused_until",
        "script",
        "notice_language",
        "wants_pdf",
        "consent_wording",
        "consent_source",
        "consented_at",
        "confirmed_at",
        "unsubscribed_at",
        "created_at",
    ]
    inlines = [ChosenThemeInline]
    actions = ["unsubscribe_members", "send_confirmations", "export_as_csv", "export_as_xlsx"]

    def get_urls(self) -> list[URLPattern]:
        growth = self.admin_site.admin_view(self.show_growth)
        data = self.admin_site.admin_view(self.hand_out_data)
        resume = self.admin_site.admin_view(require_POST(self.resume_sending))
        return [
            path("growth.svg", growth, name="member_growth"),
            path("<int:member_id>/data.json", data, name="member_data"),
            path("<int:member_id>/resume/", resume, name="member_resume"),
            *super().get_urls(),
        ]

    def hand_out_data(self, request: HttpRequest, member_id: int) -> HttpResponse:
        """All that is held of one person, for whoever may change them: a person may ask for it."""
        member = get_object_or_404(Member, pk=member_id)
        if not self.has_change_permission(request, member):
            raise PermissionDenied
        return JsonResponse(
            export_member(member),
            json_dumps_params={"ensure_ascii": False, "indent": 2},
            headers={"Content-Disposition": f'attachment; filename="member-{member_id}.json"'},
        )

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        member = kwargs.get("obj")
        if member:
            context["suppressions"] = Suppression.objects.of(member.email).select_related(
                "report__delivery__mailing", "lifted_by"
            )
        return super().render_change_form(request, context, *args, **kwargs)

    def resume_sending(self, request: HttpRequest, member_id: int) -> HttpResponse:
        """A person knows better than what the mail systems said."""
        member = get_object_or_404(Member, pk=member_id)
        if not self.has_change_permission(request, member):
            raise PermissionDenied
        suppressions = Suppression.objects.of(member.email)
        if suppressions.lift(timezone.now(), by=person_at(request)):
            self.log_change(request, member, "恢復寄送。")
            messages.success(request, "已恢復寄送，由下一次發送起生效。")
        return redirect("admin:subscribers_member_change", member_id)

    def delete_model(self, request: HttpRequest, obj: Member) -> None:
        erase_member(obj, timezone.now(), way=ConsentWay.DESK, by=person_at(request))

    def show_growth(self, request: HttpRequest) -> HttpResponse:
        """The plot on the desk's first page: numbers only, so who sees mailings sees it."""
        if not request.user.has_perm("subscribers.view_mailing"):
            raise PermissionDenied
        drawn = draw_growth(count_members_by_month(timezone.now()))
        return HttpResponse(drawn, content_type="image/svg+xml")

    @admin.display(description="訂閱的搜尋")
    def show_searches(self, member: Member) -> str:
        """They subscribe by themselves."""
        return "、".join(search.query for search in member.searches.all())

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without deleting many at once: the rows are the record of who consented to what."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def log_addition(self, request: HttpRequest, obj: Member, message: Any) -> LogEntry:
        return self._name_nobody(super().log_addition(request, obj, message))

    def log_change(self, request: HttpRequest, obj: Member, message: Any) -> LogEntry:
        return self._name_nobody(super().log_change(request, obj, message))

    def log_deletions(self, request: HttpRequest, queryset: QuerySet) -> list[LogEntry]:
        return [self._name_nobody(entry) for entry in super().log_deletions(request, queryset)]

    def _name_nobody(self, entry: LogEntry) -> LogEntry:
        """The log outlives the member, and is read by more people than members are."""
        entry.object_repr = f"會員 {entry.object_id}"
        entry.save(update_fields=["object_repr"])
        return entry

    def get_fields(self, request: HttpRequest, obj: Member | None = None) -> list[Any]:  # noqa: ARG002
        """Who is only being added has no searches yet."""
        return [name for name in self.fields or () if obj or name != "show_searches"]

    def get_readonly_fields(
        self,
        request: HttpRequest,  # noqa: ARG002
        obj: Member | None = None,
    ) -> list[str]:
        """The consent is asked for when a member is added, and stands from then on."""
        stamps = [
            "show_searches",
            "state",
            "consent_source",
            "consented_at",
            "confirmed_at",
            "unsubscribed_at",
            "created_at",
        ]
        return [*stamps, "consent_wording"] if obj else stamps

    def save_model(
        self,
        request: HttpRequest,
        obj: Member,
        form: Any,
        change: bool,  # noqa: FBT001
    ) -> None:
        """Who is added here confirms like everybody else.

        A change writes only what the form changed: the member may unsubscribe at this moment.
        """
        if change:
            own = {field.name for field in obj._meta.concrete_fields} - {"frequency"}
            obj.save(update_fields=own.intersection(form.changed_data))
            obj.change_frequency(form.cleaned_data["frequency"], timezone.now())
            return
        now = timezone.now()
        obj.consented_at = now
        obj.save()
        obj.record(ConsentAct.ASKED, ConsentWay.DESK, now, by=person_at(request))
        ask_to_confirm(obj, now)

    def save_related(
        self,
        request: HttpRequest,
        form: Any,
        formsets: Any,
        change: bool,  # noqa: FBT001
    ) -> None:
        """The themes first, then who chose them, as merging does."""
        rows = [row.cleaned_data for formset in formsets for row in formset.forms]
        Theme.objects.hold(row["theme"] for row in rows if row.get("theme"))
        super().save_related(request, form, formsets, change)

    @admin.action(description="取消所選會員的訂閱", permissions=["change"])
    def unsubscribe_members(self, request: HttpRequest, members: QuerySet[Member]) -> None:
        by = person_at(request)
        count = sum(member.unsubscribe(way=ConsentWay.DESK, by=by) for member in members)
        messages.success(request, f"已取消 {count} 位會員的訂閱。")

    @admin.action(description="再寄確認信", permissions=["change"])
    def send_confirmations(self, request: HttpRequest, members: QuerySet[Member]) -> None:
        waiting = members.filter(state=MemberState.PENDING)
        now = timezone.now()
        count = sum(ask_to_confirm(member, now) for member in waiting)
        messages.success(request, f"將寄出 {count} 封確認信；十分鐘內要求過的，不會再寄。")
