"""The page at the desk that checks the sending domain when its button is pressed."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from briefings.models import Publication
from subscribers.domain_health.checking import check_domain
from subscribers.domain_health.findings import Level
from subscribers.models import Mailing

# Who decides by what address mail is sent, and who sees how it went.
PERMISSIONS = ("briefings.change_publication", "subscribers.view_mailing")


@require_http_methods(["GET", "HEAD", "POST"])
def show_domain_health(request: HttpRequest) -> HttpResponse:
    """A GET asks nobody anything: only the button does."""
    if not any(map(request.user.has_perm, PERMISSIONS)):
        raise PermissionDenied
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "檢查寄件網域",
        "opts": Mailing._meta,
        "publication": Publication.load(),
    }
    if request.method == "POST":
        report = check_domain(timezone.now())
        counts = [(level, report.count(level)) for level in Level]
        context |= {"report": report, "counts": counts}
    return render(request, "subscribers/desk/domain_health.html", context)
