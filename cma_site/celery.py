import gc
import os
import time
from typing import Any

from celery import Celery
from celery.signals import celeryd_after_setup
from kombu.exceptions import OperationalError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cma_site.settings")

# So many are made before the collector looks whether some of them are garbage that holds itself. A
# chunk of mail makes thousands, and none of them does.
OBJECTS_BETWEEN_LOOKS = 10_000

# Seconds. So long a broker that did not answer is left alone: what could not be queued is queued by
# a sweep, or by the next who asks for it, and a page that queues ten things would wait ten times.
LEFT_ALONE = 10


class SiteCelery(Celery):
    """Who queues something waits once for a broker that is away."""

    _ask_from: float = 0  # by `time.monotonic`

    def send_task(self, *args: Any, **kwargs: Any) -> Any:
        """Raises kombu's OperationalError: at once, if it was raised a moment ago."""
        if time.monotonic() < self._ask_from:
            raise OperationalError("The broker did not answer a moment ago.")
        try:
            return super().send_task(*args, **kwargs)
        except OperationalError:
            self._ask_from = time.monotonic() + LEFT_ALONE
            raise


app = SiteCelery("cma_site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@celeryd_after_setup.connect
def spare_collector(**_signal: object) -> None:
    """What a worker has loaded by now it keeps, so the garbage collector need not look through it
    again and again: that took a sixth of a sender's time. At the rest it looks less often.
    Before the pool forks, so that its processes share it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_LOOKS)
