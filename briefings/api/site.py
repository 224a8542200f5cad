"""The API put together: its document, how it answers, and where it stands."""

import hashlib
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import path
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import TemplateView
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from ninja.renderers import JSONRenderer

from briefings.api.limits import ClientThrottle
from briefings.api.operations import router
from briefings.api.problems import (
    MEDIA_TYPE,
    Refused,
    make_problem,
    refuse_parameters,
    render_problem,
)
from briefings.views.pages import LastingPage

DESCRIPTION = "短評的公開內容，只供讀取。與網站相同：未公開的、撤回的，都不在其中。"


class ReadableJSON(JSONRenderer):
    json_dumps_params: Mapping[str, Any] = {"ensure_ascii": False}


class ArchiveAPI(NinjaAPI):
    def get_openapi_schema(self, **asked: Any) -> OpenAPISchema:
        """The library's document, with problems under their own media type."""
        document = super().get_openapi_schema(**asked)
        for operation in list_operations(document):
            for status, answer in operation["responses"].items():
                if status >= 400:
                    answer["content"] = {MEDIA_TYPE: answer["content"]["application/json"]}
        if not document["servers"]:
            del document["servers"]
        return document

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__


def list_operations(document: OpenAPISchema) -> list[dict[str, Any]]:
    """Each GET with its `path`."""
    return [{"path": where, **item["get"]} for where, item in document["paths"].items()]


api = ArchiveAPI(
    title="短評 API",
    version="1",
    description=DESCRIPTION,
    urls_namespace="briefings:api",
    docs_url=None,
    renderer=ReadableJSON(),
    throttle=[ClientThrottle()],
)
api.add_router("", router)


@api.exception_handler(Refused)
def answer_refusal(request: HttpRequest, refused: Refused) -> HttpResponse:
    return render_problem(refused.problem)


@api.exception_handler(ValidationError)
def answer_wrong_parameters(request: HttpRequest, wrong: ValidationError) -> HttpResponse:
    return render_problem(refuse_parameters(wrong.errors))


@api.exception_handler(HttpError)
def answer_http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    details = {429: "查詢太頻密，請稍後再試。"}
    detail = details.get(error.status_code, "未能處理這個查詢。")
    return render_problem(make_problem(error.status_code, detail))


@csrf_exempt  # or who writes there is told of a token
def no_such_address(request: HttpRequest, rest: str = "") -> HttpResponse:
    return render_problem(make_problem(404, "API 沒有這個網址。"))


def answer_well(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponseBase]:
    """HEAD like GET, conditional requests, and no refusal that isn't a problem.

    An unchanged answer is told by its ETag alone. A date can't tell: a theme that was renamed
    changes an entry's answer and no date of the entry.
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "HEAD":
            request.method = "GET"  # the server leaves the body out
        given = view(request, *args, **kwargs)
        if given.status_code == 405:
            problem = render_problem(make_problem(405, "只可以讀取（GET）。"))
            problem["Allow"] = "GET, HEAD, OPTIONS"
            return problem
        if given.status_code != 200:
            return given
        given["ETag"] = quote_etag(hashlib.sha256(given.content).hexdigest()[:32])
        given["Cache-Control"] = "no-cache"  # may be kept, and asked after each time
        if "If-None-Match" not in request.headers:
            return given
        return get_conditional_response(request, given["ETag"], response=given) or given

    answer.csrf_exempt = True  # type: ignore[attr-defined]  # nothing can be changed here
    return answer


def list_addresses() -> tuple[list[Any], str, str]:
    """As `path()` takes them: the API's own, and an answer for any other address under it."""
    patterns, app, namespace = api.urls
    for pattern in patterns:
        pattern.callback = answer_well(pattern.callback)  # type: ignore[union-attr, arg-type]
    return [*patterns, path("<path:rest>", no_such_address)], app, namespace


class GuideView(LastingPage, TemplateView):
    """The API explained to people, from its own document."""

    template_name = "briefings/api_guide.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        document = api.get_openapi_schema()
        return super().get_context_data(
            operations=list_operations(document), rate=settings.API_RATE, **kwargs
        )
