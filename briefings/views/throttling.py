"""Addresses that cost more than a page, and how often one client may ask for them."""

from collections.abc import Callable
from functools import wraps
from math import ceil
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from briefings import hooks
from briefings.clients import count_asking, measure_wait
from briefings.models import Audience

PERIOD = 60  # seconds


def throttled(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """`settings.SEARCH_RATE` requests a minute of each client, for all such views together.

    Who is logged in is not held up: behind one address there may be a whole office of them. That
    is asked only of who is over the limit, since it takes a query.
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if is_too_often(request) and not is_known(request):
            return show_wait(request)
        return view(request, *args, **kwargs)

    return answer


def is_too_often(request: HttpRequest) -> bool:
    rate: int = settings.SEARCH_RATE
    return rate > 0 and count_asking("search", request, PERIOD) > rate


def is_known(request: HttpRequest) -> bool:
    user = getattr(request, "user", AnonymousUser())
    return user.is_staff or hooks.audience_of(request) is not Audience.PUBLIC


def show_wait(request: HttpRequest) -> HttpResponse:
    seconds = ceil(measure_wait(PERIOD))
    answer = render(request, "briefings/asked_too_often.html", {"seconds": seconds}, status=429)
    answer["Retry-After"] = str(seconds)
    answer["Cache-Control"] = "no-store"
    return answer
