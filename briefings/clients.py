"""Who asks, as far as it matters for counting."""

from ipaddress import IPv6Address, ip_address, ip_network
from time import time

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest


def read_client_address(request: HttpRequest) -> str | None:
    """Whom an attempt is counted against; of IPv6 the network, since a client has all of it.

    Behind proxies it is what the outermost of ours was connected to. What stands further left in
    the header the client may have written itself.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_TLS_PROXY:
        hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        if len(hops) >= settings.TRUSTED_PROXIES:
            address = hops[-settings.TRUSTED_PROXIES]
    try:
        client = ip_address(address)
    except ValueError:
        return None
    if isinstance(client, IPv6Address):
        if client.ipv4_mapped:
            return str(client.ipv4_mapped)
        return str(ip_network((client, 64), strict=False).network_address)
    return str(client)


def count_asking(name: str, request: HttpRequest, period: int) -> int:
    """How often this client has asked for `name` in the present `period` of seconds, with now."""
    return count_times(f"{name}:{read_client_address(request)}", period)


def count_times(name: str, period: int) -> int:
    """How often it has come in the present `period` (seconds), now included.

    Counted in the cache: where processes share none, each by itself.
    """
    key = f"{name}:{int(time()) // period}"
    cache.add(key, 0, timeout=period)
    try:
        return int(cache.incr(key))
    except ValueError:  # dropped just now by a cache that is full
        return 1
