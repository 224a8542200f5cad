"""The desk, where only some networks may ask for it (`ADMIN_NETWORKS`)."""

import logging
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from briefings.clients import is_within

DESK = "/admin"

logger = logging.getLogger(__name__)


class DeskNetworksMiddleware:
    """Gives who asks from elsewhere a site that has no desk, so that its addresses are answered as
    any that there never was. It stands behind what changes a request's path, and before what
    answers it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not settings.ADMIN_NETWORKS:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        is_for_desk = request.path_info.startswith(DESK)
        if is_for_desk and not is_within(request, settings.ADMIN_NETWORKS):
            # For who has locked themselves out, and sees no reason.
            logger.info("The desk was asked for from outside ADMIN_NETWORKS")
            # Not for other pages, which lead those who are logged in to the desk.
            request.urlconf = "cma_site.urls_without_desk"  # type: ignore[attr-defined]
        return self.get_response(request)
