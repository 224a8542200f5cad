"""Errors told to a Sentry server, where there is one: masked as the log is, and about nobody."""

from typing import Any

from django.conf import settings

from cma_site.watching.masking import mask_all
from cma_site.watching.tracing import read_trace

# Of the request; neither cookies nor headers, nor what was searched for or typed.
TOLD_OF_REQUESTS = ("method", "url")


def start_reporting() -> None:
    """Without SENTRY_DSN the library isn't even loaded."""
    if not settings.SENTRY_DSN:
        return
    import sentry_sdk

    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        send_default_pii=False,
        # Where an error happens variables hold members; which of them, no rule could tell.
        include_local_variables=False,
        max_request_body_size="never",
        before_send=clear_event,
        before_breadcrumb=clear_breadcrumb,
        auto_session_tracking=False,
        traces_sample_rate=None,
        shutdown_timeout=2,  # seconds that an ending process waits for a server that is away
    )


def clear_event(event: Any, hint: Any) -> Any:  # noqa: ARG001
    request = event.get("request") or {}
    trace = read_trace()
    tags = dict(event.get("tags") or {}) | {name: str(value) for name, value in trace.items()}
    cleared: dict[str, Any] = mask_all(
        {
            **{name: part for name, part in event.items() if name not in ("user", "extra")},
            "request": {name: request[name] for name in TOLD_OF_REQUESTS if name in request},
            "tags": tags,
        }
    )
    if "staff_id" in trace:
        cleared["user"] = {"id": str(trace["staff_id"])}
    return cleared


def clear_breadcrumb(crumb: Any, hint: Any) -> Any:  # noqa: ARG001
    """Of what went before only that it did, in the log's words."""
    return mask_all({name: part for name, part in crumb.items() if name != "data"})
