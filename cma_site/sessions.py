"""How long a login lasts, and ending it everywhere.

Django renews a session only when something in it changes. Writing each time would cost a query
for every request, so it is written when ten minutes have passed since the last time.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

BEGAN = "login_began_at"
SEEN = "login_seen_at"
RENEW_AFTER = timedelta(minutes=10)


# As Django makes them; any other is somebody's invention, and PostgreSQL refuses a NUL.
_KEY = re.compile(r"[0-9a-z]{32}")


@receiver(user_logged_in)
def note_beginning(request: HttpRequest, **kwargs: Any) -> None:  # noqa: ARG001
    request.session[BEGAN] = request.session[SEEN] = timezone.now().isoformat()


def forget_forged_keys(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware, before Django looks for the session."""

    def answer(request: HttpRequest) -> HttpResponse:
        key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        if key is not None and not _KEY.fullmatch(key):
            del request.COOKIES[settings.SESSION_COOKIE_NAME]
        return get_response(request)

    return answer


def end_old_sessions(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware. Readers have no session, and none is looked for without its cookie."""

    def answer(request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and BEGAN in request.session:
            now = timezone.now()
            if now - _read(request, BEGAN) >= settings.SESSION_MAX_AGE:
                logout(request)
            elif now - _read(request, SEEN) >= RENEW_AFTER:
                request.session[SEEN] = now.isoformat()
        return get_response(request)

    return answer


def end_sessions(user: User) -> int:
    """Log them out wherever they are; how many sessions that ended.

    Each session must be opened to see whose it is. Only staff have any, so there are few.
    """
    theirs = [
        session.pk
        for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator()
        if session.get_decoded().get(SESSION_KEY) == str(user.pk)
    ]
    Session.objects.filter(pk__in=theirs).delete()
    return len(theirs)


def _read(request: HttpRequest, key: str) -> datetime:
    return datetime.fromisoformat(request.session[key])
