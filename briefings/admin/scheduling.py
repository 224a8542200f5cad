"""Having an edition publish itself: the page where a person says when, and the way back."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format

from briefings.admin.edition_pages import EditionPages, describe_audience
from briefings.admin.forms import PublishForm
from briefings.history import name_person
from briefings.hooks import publish_options
from briefings.models import Edition, State
from briefings.publishing import schedule_edition, unschedule_edition

# Beat asks every minute; past this, whoever waits should know that something is wrong.
OVERDUE_AFTER = timedelta(minutes=5)


def next_morning(now: datetime) -> datetime:
    """Nine o'clock of the next working day."""
    day = now + timedelta(days=1)
    while day.weekday() > 4:
        day += timedelta(days=1)
    return day.replace(hour=9, minute=0, second=0, microsecond=0)


def describe_schedule(edition: Edition, now: datetime) -> str:
    """When, for whom and by whom; empty if it is not scheduled."""
    if edition.state != State.SCHEDULED or edition.scheduled_for is None:
        return ""
    when = date_format(timezone.localtime(edition.scheduled_for), "DATETIME_FORMAT")
    labels = {option.name: option.label for option in publish_options}
    doings = "".join(f"，同時{labels.get(name, name)}" for name in edition.scheduled_options)
    text = f"將於{when}自動出版（{describe_audience(edition)}）{doings}"
    text += f"；由{name_person(edition.scheduled_by) or '已刪除的用戶'}排程。"
    if now - edition.scheduled_for > OVERDUE_AFTER:
        text += "時間已過而仍未出版，請通知系統管理員。"
    return text


class ScheduleForm(PublishForm):
    at = forms.DateTimeField(
        label="出版時間",
        help_text="香港時間。系統每分鐘檢查一次，到時自動出版。",
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        error_messages={"required": "請填寫何時出版。"},
    )
    field_order = ["at"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["at"].initial = next_morning(self.now)

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        at, public_from = data.get("at"), data.get("public_from")
        if at and at <= self.now:
            self.add_error("at", "時間已過，請填寫將來的時間；要即時出版，請按「出版」。")
        is_members_first = data.get("readers") == self.MEMBERS_FIRST
        if is_members_first and at and public_from and public_from <= at:
            self.add_error("public_from", "公開時間須在出版之後。")
        return data


class SchedulePages(EditionPages):
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:edition_id>/schedule/", wrap(self.schedule), name="edition_schedule"),
            path("<int:edition_id>/unschedule/", wrap(self.unschedule), name="edition_unschedule"),
            *super().get_urls(),
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        edition = context["original"]
        context["schedule_text"] = describe_schedule(edition, timezone.now()) if edition else ""
        return super().render_change_form(request, context, *args, **kwargs)

    def schedule(self, request: HttpRequest, edition_id: int) -> HttpResponse:
        edition = self._get_publishable(request, edition_id)
        if edition.state != State.DRAFT:
            messages.error(request, f"{edition}現為「{edition.get_state_display()}」，不能排程。")
            return self._redirect_to_form(edition)
        options = [option for option in publish_options if request.user.has_perm(option.permission)]
        form = ScheduleForm(request.POST or None, edition=edition, options=options)
        if request.method == "POST" and form.is_valid():
            done = self._try(
                request,
                lambda: schedule_edition(
                    edition,
                    at=form.cleaned_data["at"],
                    audience=form.audience,
                    public_from=form.public_from_time,
                    options=[option.name for option in form.ticked_options],
                    by=request.user,  # type: ignore[arg-type]  # who may publish is somebody
                ),
            )
            if done:
                when = describe_schedule(edition, form.now)
                messages.success(request, f"已排程：{edition}{when}")
                return self._redirect_to_form(edition)
        extra = {
            "title": f"排程出版{edition}",
            "form": form,
            "options": [form[option.name] for option in options],
        }
        return self._render(request, edition, "schedule", extra)

    def unschedule(self, request: HttpRequest, edition_id: int) -> HttpResponse:
        edition = self._get_publishable(request, edition_id)
        if request.method == "POST":
            if self._try(request, lambda: unschedule_edition(edition, by=request.user)):
                messages.success(request, f"已取消排程，{edition}是草稿，可再修改。")
            return self._redirect_to_form(edition)
        return self._render(request, edition, "unschedule", {"title": f"取消排程：{edition}"})
