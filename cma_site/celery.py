import gc
import os

from celery import Celery
from celery.signals import celeryd_after_setup

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cma_site.settings")

# So many objects more than before, and the collector looks whether some of them are garbage that
# holds itself. Nearly nothing here does, and a chunk of mail makes thousands.
YOUNG = 50_000

app = Celery("cma_site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@celeryd_after_setup.connect
def freeze_heap(**_signal: object) -> None:
    """What a worker has loaded by now it keeps, so the garbage collector need not look through it
    again and again: that took a sixth of a sender's time. It looks at the rest less often too.
    Before the pool forks, so that its processes share it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG)
