import subprocess
import sys
import time
from pathlib import Path

import pytest

from cma_site.supervisor import Supervisor

pytestmark = pytest.mark.slow

# A child with a child of its own, which tells its process id.
NURSE = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


def is_gone(pid: int, patience: float = 5) -> bool:
    """A killed process takes a moment, and stays a zombie until somebody asks for it."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def wait_for_line(path):
    deadline = time.monotonic() + 10
    while not path.read_text().strip() and time.monotonic() < deadline:
        time.sleep(0.02)
    return path.read_text().split()


def test_stopping_ends_children_and_grandchildren(tmp_path):
    supervisor = Supervisor(tmp_path)
    supervisor.start("nurse", ("python", "-c", NURSE))
    child = supervisor.children["nurse"].process.pid
    grandchild = int(wait_for_line(tmp_path / "nurse.log")[0])

    supervisor.stop()

    assert is_gone(child)
    assert is_gone(grandchild)


def test_a_child_that_does_not_want_to_end_is_ended(tmp_path):
    supervisor = Supervisor(tmp_path)
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)"
    supervisor.start("deaf", ("python", "-c", f"{deaf}; time.sleep(60)"))
    wait_for_line(tmp_path / "deaf.log")

    process = supervisor.children["deaf"].process
    supervisor.stop(patience=0.2)

    assert process.returncode == -9


def test_children_end_with_a_supervisor_that_was_killed(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from cma_site.supervisor import Supervisor;"
        "s = Supervisor(Path(sys.argv[1]));"
        "s.start('child', ('python', '-c', 'import time; time.sleep(60)'));"
        "print(s.children['child'].process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE)
    child = int(parent.stdout.readline())

    parent.kill()
    parent.wait()

    assert is_gone(child)


def test_what_dies_is_started_again(tmp_path):
    with Supervisor(tmp_path) as supervisor:
        supervisor.start("short", ("python", "-c", "print('begun', flush=True)"))
        supervisor.children["short"].process.wait()
        supervisor.children["short"].started_at -= 2

        revived = supervisor.revive()

        supervisor.children["short"].process.wait()
        assert revived == ["short"]
        assert (tmp_path / "short.log").read_text().split() == ["begun", "begun"]
