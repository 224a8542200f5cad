"""What a line of the log belongs to: a request, and the tasks that came of it.

A request's id goes along with the tasks it queues, and with what they queue in turn, so that one
search in the log finds all that came of one click.
"""

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Any
from uuid import uuid4

from celery import Task, signals
from django.conf import settings
from django.core.signals import request_finished
from django.http import HttpRequest
from django.http.response import HttpResponseBase

HEADER = "X-Request-ID"
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")

_traced: ContextVar[dict[str, str | int]] = ContextVar("traced")
_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)
_tokens: dict[str, Token[dict[str, str | int]]] = {}  # of the tasks that run, by their ids


def read_trace() -> dict[str, str | int]:
    """The ids of now: `request_id`, `staff_id`, `task`, `task_id`, and of what a task was for."""
    traced = dict(_traced.get({}))
    request = _request.get()
    # Only where somebody asked already who it is: a line of the log asks the database nothing.
    staff = getattr(request, "_cached_user", None)
    if staff is not None and staff.pk:
        traced["staff_id"] = staff.pk
    return traced


@contextmanager
def trace(**ids: str | int) -> Iterator[None]:
    """Whatever is logged within carries these, beside what it carries already."""
    token = _traced.set(_traced.get({}) | ids)
    try:
        yield
    finally:
        _traced.reset(token)


# ------------------------------------------------------------------------------------- requests
def trace_request(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware, the outermost: every answer says by which id the log knows the request."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        request_id = choose_request_id(request)
        _request.set(request)
        _traced.set({"request_id": request_id})
        response = get_response(request)
        response[HEADER] = request_id
        return response

    return answer


# Not at the middleware's end: Django tells of a refusal after all middleware.
@request_finished.connect
def forget_request(**kwargs: Any) -> None:  # noqa: ARG001
    _request.set(None)
    _traced.set({})


def choose_request_id(request: HttpRequest) -> str:
    """The proxy's, where there is one to be trusted and what it sent can stand in a log."""
    given = request.headers.get(HEADER, "")
    if settings.BEHIND_TLS_PROXY and _WELL_FORMED.fullmatch(given):
        return given
    return uuid4().hex


# ---------------------------------------------------------------------------------------- tasks
@signals.before_task_publish.connect
def send_request_id_along(headers: dict[str, Any], **kwargs: Any) -> None:  # noqa: ARG001
    if request_id := _traced.get({}).get("request_id"):
        headers["request_id"] = request_id


@signals.task_prerun.connect
def trace_task(task_id: str, task: Task, args: Any, kwargs: Any, **rest: Any) -> None:  # noqa: ARG001
    ids: dict[str, str | int] = {"task": task.name, "task_id": task_id}
    if request_id := task.request.get("request_id"):
        ids["request_id"] = request_id
    _tokens[task_id] = _traced.set(_traced.get({}) | ids | read_ids(task, args, kwargs))


@signals.task_postrun.connect
def forget_task(task_id: str, **kwargs: Any) -> None:  # noqa: ARG001
    if token := _tokens.pop(task_id, None):
        _traced.reset(token)


def read_ids(task: Task, args: Any, kwargs: Any) -> dict[str, str | int]:
    """The keys of rows that it was given, by name: `mailing_id`, `member_id`…"""
    try:
        given = inspect.signature(task.run).bind_partial(*args, **kwargs).arguments
    except TypeError:
        return {}
    return {name: key for name, key in given.items() if name.endswith("_id") and type(key) is int}
