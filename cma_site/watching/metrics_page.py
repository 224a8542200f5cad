"""`/metrics`, in the format of Prometheus, for whoever has the token."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from cma_site.watching.request_metrics import choose_registry
from cma_site.watching.site_metrics import SiteCollector


@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """To everybody else it is not there."""
    if not may_ask(request):
        raise Http404
    site = CollectorRegistry()
    site.register(SiteCollector())
    written = generate_latest(choose_registry()) + generate_latest(site)
    return HttpResponse(written, content_type=CONTENT_TYPE_LATEST)


def may_ask(request: HttpRequest) -> bool:
    token = settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "")
    return bool(token) and constant_time_compare(given, f"Bearer {token}")
