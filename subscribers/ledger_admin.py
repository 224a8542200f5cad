"""Mailings and their deliveries at the desk: what was sent, and what became of it."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from briefings.admin.freshness import person_at
from briefings.history import name_person
from subscribers.digest_desk import show_digest_preview, show_digests
from subscribers.domain_page import show_domain_health
from subscribers.models import (
    AttachedPDF,
    Delivery,
    DeliveryQuerySet,
    DeliveryState,
    Mailing,
)
from subscribers.permissions import may_see_whose, may_settle
from subscribers.results import collect_events, describe_results, draw_results, follow
from subscribers.settling import send_unsettled_again, take_as_sent
from subscribers.steering_desk import (
    confirm_cancelling,
    confirm_catching_up,
    describe_panel,
    render_page,
    show_progress,
    show_undecided,
    steer_mailing,
)


class LedgerAdmin(admin.ModelAdmin):
    """A record of what was done; nobody writes it by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, *args: Any, **kwargs: Any) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, *args: Any, **kwargs: Any) -> bool:  # noqa: ARG002
        return False


class MailingAdmin(LedgerAdmin):
    change_form_template = "admin/subscribers/mailing/change_form.html"
    list_display = [
        *("subject", "show_kind", "state", "show_counts", "link_results"),
        *("opened_at", "show_opener"),
    ]
    list_filter = ["kind", "state"]
    list_select_related = ["edition", "opened_by"]
    date_hierarchy = "opened_at"
    fields = [
        "subject",
        "kind",
        "edition",
        "state",
        "show_linked_counts",
        "show_pdf",
        "show_opener",
        "opened_at",
        "finished_at",
        "sender_name",
        "sender_email",
        "reply_to",
    ]

    def get_urls(self) -> list[URLPattern]:
        pages: list[tuple[str, Callable[..., HttpResponse], str]] = [
            ("digests/", self.show_digests, "digests"),
            ("digests/<str:kind>/", self.show_digest_preview, "digest_preview"),
            ("domain/", show_domain_health, "domain_health"),
            ("<int:mailing_id>/results/", self.show_results, "mailing_results"),
            ("<int:mailing_id>/results.svg", self.show_plot, "mailing_results_plot"),
            ("<int:mailing_id>/progress/", show_progress, "mailing_progress"),
            ("<int:mailing_id>/steer/", steer_mailing, "mailing_steer"),
            ("<int:mailing_id>/cancel/", confirm_cancelling, "mailing_cancel"),
            ("<int:mailing_id>/catch-up/", confirm_catching_up, "mailing_catch_up"),
            ("<int:mailing_id>/undecided/", show_undecided, "mailing_undecided"),
        ]
        wrap = self.admin_site.admin_view
        own = [path(route, wrap(page), name=name) for route, page, name in pages]
        return [*own, *super().get_urls()]

    def show_digests(self, request: HttpRequest) -> HttpResponse:
        self._ask_to_view(request)
        return show_digests(request)

    def show_digest_preview(self, request: HttpRequest, kind: str) -> HttpResponse:
        self._ask_to_view(request)
        return show_digest_preview(request, kind)

    def show_results(self, request: HttpRequest, mailing_id: int) -> HttpResponse:
        """Numbers only, so whoever sees mailings sees them."""
        self._ask_to_view(request)
        mailing = get_object_or_404(Mailing, pk=mailing_id)
        events = collect_events(mailing)
        context = {
            "title": f"發送成效：{mailing}",
            "sent": len(events.sent),
            "rows": describe_results(events),
            "standings": follow(events, mailing.opened_at, timezone.now()),
        }
        return render_page(request, mailing, "results", context)

    def show_plot(self, request: HttpRequest, mailing_id: int) -> HttpResponse:
        self._ask_to_view(request)
        mailing = get_object_or_404(Mailing, pk=mailing_id)
        standings = follow(collect_events(mailing), mailing.opened_at, timezone.now())
        return HttpResponse(draw_results(standings), content_type="image/svg+xml")

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if mailing := kwargs.get("obj"):
            context |= describe_panel(request, mailing)
        return super().render_change_form(request, context, *args, **kwargs)

    def _ask_to_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def get_fields(self, request: HttpRequest, obj: Mailing | None = None) -> Any:
        """The counts lead to the list of deliveries only for whom it opens."""
        fields = list(super().get_fields(request, obj))
        if not may_see_whose(request.user):
            fields[fields.index("show_linked_counts")] = "show_counts"
        return fields

    class Media:
        css = {"all": ["desk/digests.css"]}

    @admin.display(description="期或摘要", ordering="edition")
    def show_kind(self, mailing: Mailing) -> str:
        return mailing.edition.label if mailing.edition else mailing.get_kind_display()

    @admin.display(description="發送者", ordering="opened_by")
    def show_opener(self, mailing: Mailing) -> str:
        return name_person(mailing.opened_by) or "系統"

    @admin.display(description="成效")
    def link_results(self, mailing: Mailing) -> SafeString:
        address = reverse("admin:mailing_results", args=[mailing.pk])
        return format_html('<a href="{}">看成效</a>', address)

    @admin.display(description="投遞")
    def show_counts(self, mailing: Mailing) -> str:
        counts = mailing.count_deliveries()
        return "、".join(
            f"{DeliveryState(state).label} {count}" for state, count in counts.items() if count
        )

    @admin.display(description="附上的PDF")
    def show_pdf(self, mailing: Mailing) -> str:
        pdf = AttachedPDF.objects.filter(mailing=mailing).first()
        return str(pdf) if pdf else "沒有會員要附上PDF"

    @admin.display(description="投遞")
    def show_linked_counts(self, mailing: Mailing) -> SafeString:
        """How many in each state, each linked to the list of them."""
        address = reverse("admin:subscribers_delivery_changelist")
        links = format_html_join(
            "、",
            '<a href="{}?mailing__id__exact={}&amp;state__exact={}">{} {}</a>',
            (
                (address, mailing.pk, state, DeliveryState(state).label, count)
                for state, count in mailing.count_deliveries().items()
                if count
            ),
        )
        return links or format_html("沒有")


class DeliveryAdmin(LedgerAdmin):
    """Whoever may change deliveries decides what becomes of those that the machine gave up."""

    list_display = ["email", "state", "sent_at", "reply", "show_edition"]
    list_filter = ["state"]
    list_select_related = ["mailing__edition"]
    search_fields = ["email", "name"]
    search_help_text = "按電郵或稱呼尋找"
    fields = [
        "mailing",
        "member",
        "email",
        "name",
        "digest",
        "state",
        "attempts",
        "not_before",
        "claimed_at",
        "sent_at",
        "reply",
    ]
    actions = ["accept_as_sent", "send_deliveries_again"]

    def has_settle_permission(self, request: HttpRequest) -> bool:
        return may_settle(request.user)

    @admin.action(description="結果不明的，當作已寄出", permissions=["settle"])
    def accept_as_sent(self, request: HttpRequest, deliveries: DeliveryQuerySet) -> None:
        count = take_as_sent(deliveries, person_at(request), timezone.now())
        messages.success(request, f"所選的投遞中，{count} 份結果不明的已當作寄出。")

    @admin.action(description="失敗或結果不明的，再寄一次", permissions=["settle"])
    def send_deliveries_again(self, request: HttpRequest, deliveries: DeliveryQuerySet) -> None:
        count = send_unsettled_again(deliveries, person_at(request), timezone.now())
        messages.success(request, f"所選的投遞中，{count} 份失敗或結果不明的將再寄一次。")

    @admin.display(description="期或摘要", ordering="mailing__edition")
    def show_edition(self, delivery: Delivery) -> str:
        mailing = delivery.mailing
        return mailing.edition.label if mailing.edition else mailing.get_kind_display()
