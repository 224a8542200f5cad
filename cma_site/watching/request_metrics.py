"""Counting requests by the name of their route, in all processes of a machine together.

Processes share their counts by files in a folder (`PROMETHEUS_MULTIPROC_DIR`, which the settings
set): prometheus_client's way for servers with several of them.
"""

import os
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

from briefings.views.reading import METHODS

REQUESTS = Counter(
    "site_requests", "Requests answered, by route and status.", ["route", "method", "status"]
)
SECONDS = Histogram(
    "site_request_seconds",
    "Seconds until an answer was there, by route.",
    ["route"],
    buckets=(0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
KNOWN_METHODS = (*METHODS, "POST")


class CountRequests:
    """Middleware, the outermost but one; unused where nobody may ask for metrics."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not settings.METRICS_TOKEN:
            raise MiddlewareNotUsed
        # Made here, since only who answers requests counts: workers may have nowhere to write.
        if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            Path(folder).mkdir(parents=True, exist_ok=True)
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        start = perf_counter()
        answer = self.get_response(request)
        route = name_route(request.resolver_match)
        SECONDS.labels(route).observe(perf_counter() - start)
        # Anything can stand in a method's place.
        method = request.method if request.method in KNOWN_METHODS else "other"
        REQUESTS.labels(route, method, answer.status_code).inc()
        return answer


def name_route(match: ResolverMatch | None) -> str:
    """As many as the site has, whatever is asked for. "kept or none" is a page from memory, a file
    of the site's own, or an address that there is not.
    """
    return match.view_name if match else "kept or none"


def choose_registry() -> CollectorRegistry:
    """Of all processes of this machine; where they share no folder, of this one."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
