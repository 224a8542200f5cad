"""The site's own words when something can't be shown."""

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader
from django.utils.cache import patch_vary_headers

from briefings.api.problems import make_problem, render_problem
from briefings.languages import page_languages
from briefings.models import Publication

TOO_LARGE = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)
API = "/api/v1/"  # whose programs read no pages


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, TOO_LARGE):
        return too_large(request)
    return answer_program(request, 400, "未能處理這個請求。") or render(
        request, "400.html", status=400
    )


def too_large(request: HttpRequest) -> HttpResponse:
    return answer_program(request, 413, "送來的內容太大。") or render(
        request, "413.html", status=413
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer_program(request, 403, "未獲准查看。") or render(request, "403.html", status=403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return answer_program(request, 403, "只可以讀取（GET）。") or render(
        request, "403_csrf.html", status=403
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Byte for byte the same at an address that never was and at one that only members may read."""
    if problem := answer_program(request, 404, "API 沒有這個網址。"):
        return problem
    answer = render(request, "404.html", status=404)
    # It may be there for a member, and for everybody tomorrow.
    patch_vary_headers(answer, ["Cookie"])
    answer["Cache-Control"] = "no-cache"
    return answer


def server_error(request: HttpRequest) -> HttpResponse:
    """Without the request: context processors would ask a database that may be what broke."""
    if problem := answer_program(request, 500, "網站暫時出了問題，請稍後再試。"):
        return problem
    context = {"publication": Publication(), **page_languages(request)}
    page = loader.render_to_string("500.html", context)
    return HttpResponse(page, status=500)


def answer_program(request: HttpRequest, status: int, detail: str) -> HttpResponse | None:
    """For the API, where nothing of its own was reached; it asks no database."""
    if not request.path.startswith(API):
        return None
    return render_problem(make_problem(status, detail))
