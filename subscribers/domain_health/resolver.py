"""The one place that asks DNS. What goes wrong is an answer too, and all takes bounded time."""

import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import dns.exception
import dns.name
import dns.rdata
import dns.resolver
from dns.nameserver import Do53Nameserver
from dns.rdtypes.ANY.TXT import TXT

from subscribers.domain_health.answers import Answer, Trouble

PATIENCE = 4.0  # seconds, for one answer
PATIENCE_IN_ALL = 15.0


class Resolver:
    """Asks each question once, of these servers (as `read_server` has them) or the system's."""

    def __init__(self, servers: Iterable[str] = (), *, patience_in_all: float = PATIENCE_IN_ALL):
        self._resolver = _make_resolver([read_server(server) for server in servers])
        self._deadline = time.monotonic() + patience_in_all
        self._known: dict[tuple[str, str], Answer] = {}

    def look_up(self, name: str, kind: str) -> Answer:
        question = name.lower().rstrip("."), kind
        if question not in self._known:
            self._known[question] = self._ask(name, kind)
        return self._known[question]

    def _ask(self, name: str, kind: str) -> Answer:
        left = min(PATIENCE, self._deadline - time.monotonic())
        if left <= 0:
            return Answer(trouble=Trouble.TIMEOUT)
        try:
            written = dns.name.from_text(name)
            found = self._resolver.resolve(written, kind, search=False, lifetime=left)
        except dns.exception.DNSException as error:
            return Answer(trouble=_judge_failure(error))
        return Answer(tuple(_write(record) for record in found))


def _make_resolver(servers: list[Do53Nameserver]) -> dns.resolver.Resolver:
    try:
        resolver = dns.resolver.Resolver(configure=not servers)
    except dns.resolver.NoResolverConfiguration:
        resolver = dns.resolver.Resolver(configure=False)
    if servers:
        resolver.nameservers = servers
    resolver.timeout = PATIENCE / 2  # so that a lost question is asked again
    return resolver


def read_server(server: str) -> Do53Nameserver:
    """From "9.9.9.9", or with its port as in "9.9.9.9:5353" and "[2620:fe::fe]:53"."""
    parts = urlsplit(f"//{server}")
    return Do53Nameserver(parts.hostname or server, parts.port or 53)


def _judge_failure(error: dns.exception.DNSException) -> Trouble:
    if isinstance(error, dns.resolver.NoAnswer):
        return Trouble.NO_RECORD
    if isinstance(error, dns.resolver.NoNameservers | dns.resolver.LifetimeTimeout):
        return _judge_tries(error.kwargs.get("errors", []))
    return Trouble.NO_NAME  # NXDOMAIN, or it is no name, as "a..org" isn't


def _judge_tries(tries: list[tuple[Any, ...]]) -> Trouble:
    """Servers that answered with nothing of use failed; whom we can't reach is another matter."""
    if any(response is not None for *_, response in tries):
        return Trouble.FAILURE
    if all(isinstance(reason, OSError) for *_, reason, _ in tries):  # none tried, none there
        return Trouble.NO_NETWORK
    return Trouble.TIMEOUT


def _write(record: dns.rdata.Rdata) -> str:
    if isinstance(record, TXT):
        return b"".join(record.strings).decode(errors="replace")
    return record.to_text()
