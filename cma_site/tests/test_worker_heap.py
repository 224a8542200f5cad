import subprocess
import sys

PROGRAM = """
import gc
import django
django.setup()
from celery.signals import celeryd_after_setup
from cma_site.celery import app
from subscribers.models import Mailing
celeryd_after_setup.send(sender="worker", instance=None, conf=app.conf)
print(any(one is Mailing for one in gc.get_objects()), gc.get_freeze_count() > 100_000)
"""


def test_the_collector_does_not_look_through_what_a_worker_has_loaded():
    told = subprocess.run(  # in this process it would hold for all tests
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )

    assert told.stdout == "False True\n"
