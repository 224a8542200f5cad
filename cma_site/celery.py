import gc
import os

from celery import Celery
from celery.signals import celeryd_after_setup

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cma_site.settings")

# So many are made before the collector looks whether some of them are garbage that holds itself. A
# chunk of mail makes thousands, and none of them does.
OBJECTS_BETWEEN_LOOKS = 10_000

app = Celery("cma_site")
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
