from contextlib import ExitStack

import pytest

from subscribers.domain_health.resolver import Resolver
from subscribers.tasks import answer_joining_request, send_chunk, send_confirmation
from subscribers.tests.makers import running_relay
from subscribers.tests.name_server import serving


@pytest.fixture
def relay():
    with running_relay() as relay:
        yield relay


@pytest.fixture
def woken(monkeypatch):
    """The wake-ups that were queued: the broker's place is taken at its narrow name."""
    queued: list[tuple[int, int, int]] = []

    def queue(args, kwargs=None, **options):
        queued.append(args)

    monkeypatch.setattr(send_chunk, "apply_async", queue)
    return queued


@pytest.fixture
def confirmations(monkeypatch):
    """Whom a mail was queued for; the broker's place is taken as above."""
    asked: list[int] = []

    def queue(args, kwargs=None, **options):
        asked.extend(args)

    monkeypatch.setattr(send_confirmation, "apply_async", queue)
    return asked


@pytest.fixture
def answered(monkeypatch):
    """The requests to join that were queued, each answered at once, as by a worker."""
    queued: list[int] = []

    def answer(args, kwargs=None, **options):
        queued.extend(args)
        answer_joining_request(*args)

    monkeypatch.setattr(answer_joining_request, "apply_async", answer)
    return queued


@pytest.fixture
def look_up_in():
    """Given a zone, a way to look up in it, over the wire."""
    with ExitStack() as servers:
        yield lambda zone: Resolver([servers.enter_context(serving(zone)).address]).look_up
