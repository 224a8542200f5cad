import subprocess
import sys

from cma_site.celery import OBJECTS_BETWEEN_LOOKS

PROGRAM = """
import gc
import sys
import django
django.setup()
from cma_site.celery import app
from subscribers.models import Mailing
app.Worker(pool="solo", quiet=True, loglevel="error").on_start()
found = any(one is Mailing for one in gc.get_objects())
print(found, gc.get_freeze_count() > 0, gc.get_threshold()[0], file=sys.__stdout__)
"""


def test_the_collector_does_not_look_through_what_a_worker_has_loaded():
    told = subprocess.run(  # in this process it would hold for all tests
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )

    assert told.stdout == f"False True {OBJECTS_BETWEEN_LOOKS}\n"
