"""A worker killed while it builds a volume: real worker, real press, real SIGKILL."""

import json
import os
import signal
import time
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from cma_site.supervisor import WORKER

ENTRIES = 60
PATIENCE = 180  # seconds; on an idle machine it takes a sixth of them

OPEN = f"""
from briefings.printing import ask_for, make_order
from briefings.tests.makers import make_published, make_volume
paragraph = "<p>" + "關於土地，政府提出新計劃，業界反應不一。" * 12 + "</p>"
for number in range(3):
    make_published(*[{{"body": paragraph * 9}}] * ({ENTRIES} // 3), number=number)
ask_for(make_order(make_volume(phrases="新計劃")))
"""
TELL = """
import json
from briefings.models import Printout
rows = Printout.objects.filter(volume__isnull=False)
print(json.dumps(rows.values("state", "pages", "attempts", "name", "size").get()))
"""
# Later than the clock says: by then a builder that was not heard of has lost its claim.
SWEEP = """
from datetime import timedelta
from django.utils import timezone
from briefings.printing import sweep
sweep(timezone.now() + timedelta(minutes=5))
"""

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def tell(stage) -> dict:
    return json.loads(stage.python(TELL))


def wait_until(stage, condition) -> dict:
    deadline = time.monotonic() + PATIENCE
    while not condition(standing := tell(stage)):
        assert time.monotonic() < deadline, (standing, stage.logs())
    return standing


def test_another_worker_finishes_the_volume(stage):
    stage.python(OPEN)
    stage.processes.start("worker", WORKER)
    wait_until(stage, lambda standing: standing["pages"])

    os.killpg(stage.processes.children["worker"].process.pid, signal.SIGKILL)
    stage.processes.children["worker"].process.wait()
    left = tell(stage)
    stage.processes.start("worker", WORKER)
    stage.python(SWEEP)
    done = wait_until(stage, lambda standing: standing["state"] not in ("waiting", "building"))

    assert (left["state"], left["attempts"]) == ("building", 1)
    assert done["state"] == "ready", stage.logs()
    pdf = (Path(stage.env["VAR_DIR"]) / "media" / done["name"]).read_bytes()
    assert len(pdf) == done["size"]
    parts = [part for part in PdfReader(BytesIO(pdf)).outline if isinstance(part, list)]
    assert sum(map(len, parts)) == ENTRIES
