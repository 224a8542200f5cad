"""The site's own words when something can't be shown."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader

from briefings.models import Publication


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "403.html", status=403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403_csrf.html", status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Without the request: context processors would ask a database that may be what broke."""
    page = loader.render_to_string("500.html", {"publication": Publication()})
    return HttpResponse(page, status=500)
