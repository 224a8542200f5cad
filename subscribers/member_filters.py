"""Filters of the list of members, and those that editors gave a name."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils import timezone

from subscribers.imports import begin_day

# Where in the list one is, and how it was opened, is no part of what is looked for.
PASSING = ("p", "all", "e", "_popup", "_to_field", "_facets")


class JoinedFilter(admin.SimpleListFilter):
    """By the day they came; counted from today, so that a filter that is kept stays true."""

    title = "加入時間"
    parameter_name = "joined"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [
            ("7", "過去 7 天"),
            ("30", "過去 30 天"),
            ("365", "過去一年"),
            ("month", "本月"),
            ("year", "今年"),
            ("older", "一年以前"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:  # noqa: ARG002
        today = timezone.localdate()
        since = {
            "month": begin_day(today.replace(day=1)),
            "year": begin_day(today.replace(month=1, day=1)),
        } | {days: _days_ago(int(days)) for days in ("7", "30", "365")}
        chosen = self.value() or ""
        if chosen in since:
            return queryset.filter(created_at__gte=since[chosen])
        if chosen == "older":
            return queryset.filter(created_at__lt=_days_ago(365))
        return queryset


def _days_ago(days: int) -> datetime:
    return begin_day(timezone.localdate() - timedelta(days=days))


class ConfirmedFilter(admin.SimpleListFilter):
    title = "確認"
    parameter_name = "confirmed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [("never", "從未確認"), ("yes", "確認過")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:  # noqa: ARG002
        if self.value() in ("never", "yes"):
            return queryset.filter(confirmed_at__isnull=self.value() == "never")
        return queryset


def tidy_query(query: str) -> str:
    """What of a list's address says which members are looked for, always in the same order."""
    asked = QueryDict(query)
    kept = [
        (name, value)
        for name in sorted(asked)
        if name not in PASSING
        for value in asked.getlist(name)
        if value
    ]
    return urlencode(kept)
