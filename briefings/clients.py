"""Who asks, as far as it matters for counting."""

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from time import time

from django.conf import settings
from django.core.cache.backends.base import BaseCache
from django.http import HttpRequest

from briefings.shared_cache import shared_cache

Network = IPv4Network | IPv6Network


def read_client_address(request: HttpRequest) -> str | None:
    """Whom an attempt is counted against; of IPv6 the network, since a client has all of it.

    Behind proxies it is what the outermost of ours was connected to. What stands further left in
    the header the client may have written itself.
    """
    client = _read_address(_find_hop(request) or request.META.get("REMOTE_ADDR", ""))
    if isinstance(client, IPv6Address):
        return str(ip_network((client, 64), strict=False).network_address)
    return str(client) if client else None


def is_within(request: HttpRequest, networks: Iterable[Network]) -> bool:
    """Whether the client certainly is in one of them: not if a proxy of ours didn't say who asks,
    though the proxy itself may be.
    """
    hop = _find_hop(request) if settings.BEHIND_TLS_PROXY else request.META.get("REMOTE_ADDR", "")
    client = _read_address(hop)
    return client is not None and any(client in network for network in networks)


def _find_hop(request: HttpRequest) -> str:
    """What the outermost of our proxies was connected to; empty if they don't say."""
    if not settings.BEHIND_TLS_PROXY:
        return ""
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    return hops[-settings.TRUSTED_PROXIES] if len(hops) >= settings.TRUSTED_PROXIES else ""


def _read_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.version == 6 and address.ipv4_mapped) or address


def count_asking(name: str, request: HttpRequest, period: int) -> int:
    """How often this client has asked for `name` in the present `period` of seconds, with now."""
    return count_times(f"{name}:{read_client_address(request)}", period)


def count_times(name: str, period: int) -> int:
    """How often it has come in the present `period` (seconds), now included.

    Counted in the cache: where processes share none, or it is away, each by itself.
    """
    key = f"{name}:{int(time()) // period}"

    def count(cache: BaseCache) -> int:
        cache.add(key, 0, timeout=period)
        try:
            return int(cache.incr(key))
        except ValueError:  # dropped just now by a cache that is full
            return 1

    return shared_cache.use(count)


def measure_wait(period: int) -> float:
    """Seconds until the present `period` is over, and counting begins anew."""
    return period - time() % period
