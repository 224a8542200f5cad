"""How often one client may ask."""

from django.conf import settings
from django.http import HttpRequest
from ninja.throttling import BaseThrottle

from briefings.clients import count_asking, measure_wait

PERIOD = 60  # seconds


class ClientThrottle(BaseThrottle):
    """`settings.API_RATE` requests a minute for each client.

    The library's own throttles keep one request's state on an object that all threads share, so
    that clients asking at once are counted for each other. This counts in the cache only.
    """

    def allow_request(self, request: HttpRequest) -> bool:
        return bool(count_asking("api", request, PERIOD) <= settings.API_RATE)

    def wait(self) -> float:
        return measure_wait(PERIOD)
