"""Who guesses passwords waits: what django-axes asks us, and the page it shows."""

from datetime import timedelta
from math import ceil
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from briefings.clients import read_client_address


def show_lockout(
    request: HttpRequest,
    original_response: HttpResponse | None,  # noqa: ARG001  (axes hands it in)
    credentials: dict[str, Any] | None,
) -> HttpResponse:
    """The same page whether or not there is such an account."""
    wait = _measure_wait(request, (credentials or {}).get("username"))
    response = render(
        request,
        "admin/locked_out.html",
        {"minutes": max(1, ceil(wait.total_seconds() / 60))},
        status=429,
    )
    response["Retry-After"] = str(max(1, ceil(wait.total_seconds())))
    return response


def unlock(user: User) -> int:
    """Let an account try again from everywhere; how many addresses were waiting or counted."""
    deleted: int
    deleted, _ = AccessAttempt.objects.filter(username=user.get_username()).delete()
    return deleted


def _measure_wait(request: HttpRequest, username: str | None) -> timedelta:
    attempts = AccessAttempt.objects.filter(
        username=username, ip_address=read_client_address(request)
    )
    last = attempts.order_by("-attempt_time").first()
    cool_off: timedelta = settings.AXES_COOLOFF_TIME
    return last.attempt_time + cool_off - timezone.now() if last else cool_off
