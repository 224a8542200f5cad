"""Errors as RFC 9457 has them: in Chinese, with an English title."""

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.utils.formats import date_format

from briefings.api.schemas import Problem, Withdrawal, WrongParameter
from briefings.models import Edition, Entry, Publication
from briefings.views.pages import find_withdrawn

MEDIA_TYPE = "application/problem+json"

# What is wrong with a parameter, by the library's names for it.
REASONS = {
    "missing": "必須填寫。",
    "int_parsing": "應為整數。",
    "int_parsing_size": "數目太大。",
    "greater_than_equal": "最小為 {ge}。",
    "less_than_equal": "最大為 {le}。",
    "string_too_short": "最少 {min_length} 個字元。",
    "string_too_long": "最多 {max_length} 個字元。",
    "string_pattern_mismatch": "含有不能使用的字元。",
    "literal_error": "沒有這個選項。",
    "unknown": "沒有這個參數。",
    "repeated": "只可填寫一次。",
}


class Refused(Exception):
    """An answer that is no success; `problem` says all of it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def make_problem(status: int, detail: str, **more: Any) -> Problem:
    return Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, **more)


def not_found(detail: str) -> Refused:
    return Refused(make_problem(404, detail))


def describe_withdrawal(taken: Edition | Entry) -> Refused:
    """What the page at its address says: when and why, and nothing of what stood there."""
    act = find_withdrawn(taken)
    moment = timezone.localtime(act.withdrawn_at)
    name = Publication.load().name
    return Refused(
        Withdrawal(
            type="about:blank",
            title=HTTPStatus.GONE.phrase,
            status=410,
            detail=f"{name}於{date_format(moment, 'DATE_FORMAT')}撤回了這裏的內容。",
            withdrawn_at=moment,
            note=act.withdrawal_note,
        )
    )


def name_errors(errors: Iterable[Mapping[str, Any]]) -> list[WrongParameter]:
    """The library's errors, in Chinese; they carry `loc`, `type` and `ctx`."""
    return [
        WrongParameter(
            name=str(error["loc"][-1]),
            reason=REASONS.get(error["type"], "不合規格。").format(**error.get("ctx", {})),
        )
        for error in errors
    ]


def refuse_parameters(errors: Iterable[Mapping[str, Any]]) -> Problem:
    return make_problem(422, "有參數不合規格。", errors=name_errors(errors))


def render_problem(problem: Problem) -> HttpResponse:
    content = json.dumps(problem.model_dump(mode="json"), ensure_ascii=False)
    answer = HttpResponse(content, status=problem.status, content_type=MEDIA_TYPE)
    answer["Cache-Control"] = "no-cache"
    return answer
