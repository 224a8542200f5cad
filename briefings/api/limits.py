"""How often one client may ask."""

import time

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from ninja.throttling import BaseThrottle

from briefings.clients import read_client_address

PERIOD = 60  # seconds


class ClientThrottle(BaseThrottle):
    """`settings.API_RATE` requests a minute for each client.

    The library's own throttles keep one request's state on an object that all threads share, so
    that clients asking at once are counted for each other. This counts in the cache only.
    """

    def allow_request(self, request: HttpRequest) -> bool:
        key = f"api:{read_client_address(request)}:{int(time.time()) // PERIOD}"
        cache.add(key, 0, timeout=2 * PERIOD)
        return bool(cache.incr(key) <= settings.API_RATE)

    def wait(self) -> float:
        return PERIOD - time.time() % PERIOD
