"""For whoever watches the site: is this process alive, and can it do its work?

A load balancer should ask `alive`: the archive can be read while the mail relay is away.
`ready` is for a monitor that calls a person.
"""

import logging
import os
from collections.abc import Callable
from datetime import timedelta
from threading import Lock

from django.conf import settings
from django.core.cache import cache
from django.core.mail import get_connection
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu import Connection

from briefings.shared_cache import shared_cache
from cma_site.celery import app
from cma_site.watching.happenings import TICK, read_last

logger = logging.getLogger(__name__)

PATIENCE = 2  # seconds, for each part to answer
# Asking costs a connection to the relay and a message to every worker, and anybody may ask.
KEPT = 5  # seconds
TICKS_WITHIN = timedelta(minutes=5)  # while a worker prints a volume, and is one alone

_asking = Lock()


@never_cache
@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"alive": True})


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 when every part answers, else 503; either way with each part's answer."""
    parts = recall_parts()
    is_ready = all(parts.values())
    return JsonResponse({"ready": is_ready, **parts}, status=200 if is_ready else 503)


def recall_parts() -> dict[str, bool]:
    """Asked anew when their time is over; who comes meanwhile waits for them."""
    with _asking:
        parts: dict[str, bool] | None = shared_cache.use(lambda cache: cache.get("readiness"))
        if parts is None:
            parts = ask_parts()
            shared_cache.use(lambda cache: cache.set("readiness", parts, KEPT))
        return parts


def ask_parts() -> dict[str, bool]:
    parts = {
        "database": ask_database,
        "cache": ask_cache,
        "queue": ask_queue,
        "worker": ask_workers,
        "schedule": ask_schedule,
        "mail": ask_mail,
    }
    return {name: answers(name, ask) for name, ask in parts.items()}


def answers(name: str, ask: Callable[[], None]) -> bool:
    """What went wrong goes to the log, not to whoever asked."""
    try:
        ask()
    except Exception:
        logger.exception("%s does not answer", name)
        return False
    return True


def ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def ask_cache() -> None:
    """Another than that may keep what is found out here, while it is away."""
    cache.set("asked", 1, KEPT)
    if not cache.get("asked"):
        raise ConnectionError("the cache keeps nothing")


def ask_queue() -> None:
    if app.conf.broker_url == "filesystem://":
        folder = settings.QUEUE_DIR / "messages"
        if not os.access(folder, os.W_OK):
            raise PermissionError(folder)
        return
    with connect_to_broker() as broker:
        broker.ensure_connection(max_retries=1, timeout=PATIENCE)


def ask_workers() -> None:
    """One worker is enough; the first answer ends the wait."""
    with connect_to_broker() as broker:
        if not app.control.ping(timeout=PATIENCE, limit=1, connection=broker):
            raise ConnectionError("no worker answered")


def connect_to_broker() -> Connection:
    """With less patience than those who have something to queue."""
    waits = {"socket_connect_timeout", "socket_timeout"} & set(app.conf.broker_transport_options)
    return app.connection_for_write(
        connect_timeout=PATIENCE, transport_options=dict.fromkeys(waits, PATIENCE)
    )


def ask_schedule() -> None:
    """Beat and a worker together: what is due each half minute was done of late."""
    last = read_last(TICK)
    if last is None or last < timezone.now() - TICKS_WITHIN:
        raise ConnectionError(f"nothing was done by schedule since {last}")


def ask_mail() -> None:
    if settings.MAILBOX_DIR:
        settings.MAILBOX_DIR.mkdir(parents=True, exist_ok=True)
        if not os.access(settings.MAILBOX_DIR, os.W_OK):
            raise PermissionError(settings.MAILBOX_DIR)
        return
    relay = get_connection(timeout=PATIENCE)
    relay.open()
    relay.close()
