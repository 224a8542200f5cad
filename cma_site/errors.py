"""The site's own words when something can't be shown."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader
from django.utils.cache import patch_vary_headers

from briefings.models import Publication


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "403.html", status=403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403_csrf.html", status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Byte for byte the same at an address that never was and at one that only members may read."""
    answer = render(request, "404.html", status=404)
    # It may be there for a member, and for everybody tomorrow.
    patch_vary_headers(answer, ["Cookie"])
    answer["Cache-Control"] = "no-cache"
    return answer


def server_error(request: HttpRequest) -> HttpResponse:
    """Without the request: context processors would ask a database that may be what broke."""
    page = loader.render_to_string("500.html", {"publication": Publication()})
    return HttpResponse(page, status=500)
