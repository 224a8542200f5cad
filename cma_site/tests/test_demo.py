"""`manage.py demo` as script/demo runs it."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from django.conf import settings

from conftest import find_free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    # They share one installation, which takes half a minute to set up.
    pytest.mark.xdist_group("demo"),
]


class Demo:
    def __init__(self, folder, env):
        self.port = find_free_port()
        self.var = folder / "var"
        self.env = os.environ | env | {"VAR_DIR": str(self.var), "PORT": str(self.port)}

    def start(self, *args, **more):
        return subprocess.Popen(
            [sys.executable, "manage.py", "demo", *args],
            cwd=settings.BASE_DIR,
            env=self.env | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def list_made(self):
        """What a second run must leave alone: the PDFs and the captured mail."""
        folders = (self.var / "media", self.var / "mailbox")
        return {f: f.stat().st_mtime_ns for d in folders for f in d.rglob("*") if f.is_file()}

    def list_processes(self):
        """Everything running in this installation, by its environment."""
        mark = f"VAR_DIR={self.var}".encode()
        return [
            int(folder.name)
            for folder in Path("/proc").iterdir()
            if folder.name.isdigit() and mark in read_environment(folder)
        ]


def read_environment(folder):
    try:
        return (folder / "environ").read_bytes().split(b"\0")
    except OSError:  # it has ended meanwhile
        return []


@pytest.fixture
def demo(tmp_path, stage_env):
    return Demo(tmp_path, stage_env)


def wait_for_page(url, patience=60):
    deadline = time.monotonic() + patience
    while True:
        try:
            return urllib.request.urlopen(url).status
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_it_makes_everything_once_serves_it_and_ends_with_all_its_processes(demo):
    first, errors = (run := demo.start("--once")).communicate(timeout=300)
    assert run.returncode == 0, errors
    assert "已出版：16 期，48 篇短評" in first
    assert int(re.search(r"PDF：16 份，共 (\d+) 頁", first)[1]) > 16
    assert "已寄出 17 封" in first
    made = demo.list_made()

    second, errors = (run := demo.start("--once")).communicate(timeout=300)
    assert run.returncode == 0, errors
    assert second == first
    assert demo.list_made() == made

    serving = demo.start()
    assert wait_for_page(f"http://127.0.0.1:{demo.port}/mailbox/") == 200
    assert len(demo.list_processes()) > 3
    serving.send_signal(signal.SIGINT)
    serving.communicate(timeout=30)
    assert serving.returncode == 0
    assert demo.list_processes() == []


@pytest.mark.parametrize("variables", [{"PORT": "abc"}, {"EMAIL_URL": "smtp://127.0.0.1:1"}])
def test_it_refuses_before_it_does_anything(demo, variables):
    run = demo.start("--once", **variables)
    _, errors = run.communicate(timeout=60)

    assert run.returncode == 1
    assert next(iter(variables)) in errors
    assert not (demo.var / "db.sqlite3").exists()
