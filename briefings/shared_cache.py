"""The cache that processes share (`CACHE_URL`), and what they do while it is away."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.core.cache import cache
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache

T = TypeVar("T")

logger = logging.getLogger(__name__)

# Seconds. So long one that did not answer is left alone, or each request would wait for it again.
LEFT_ALONE = 10


class SharedCache:
    """What is kept there may be lost at any time, so nobody is refused a page for want of it."""

    def __init__(self) -> None:
        self._own = LocMemCache("while the shared one is away", {})
        self._ask_from: float = 0  # by `time.monotonic`; nothing while it answers

    def use(self, act: Callable[[BaseCache], T]) -> T:
        """`act` on it or, while it is away, on one of this process alone. An `act` only asks the
        cache; it may come to be called twice.
        """
        if time.monotonic() < self._ask_from:
            return act(self._own)
        if self._ask_from:  # it was away: one finds out if it still is, the others go on
            self._leave_alone()
        try:
            answer = act(cache)
        except Exception:  # each kind of cache has errors of its own
            self._leave_alone()
            logger.warning(
                "The shared cache does not answer; each process goes by its own", exc_info=True
            )
            return act(self._own)
        self._ask_from = 0
        return answer

    def forget(self) -> None:
        """As a new process."""
        self._own.clear()
        self._ask_from = 0

    def _leave_alone(self) -> None:
        self._ask_from = time.monotonic() + LEFT_ALONE


shared_cache = SharedCache()
