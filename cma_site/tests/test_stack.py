"""The production stack, as far as it can be held without an engine to run it."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from cma_site.ask_alive import is_alive
from conftest import find_free_port

ROOT = settings.BASE_DIR
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
OURS = {
    name: service for name, service in COMPOSE["services"].items() if service.get("build") == "."
}
PROGRAMS = {"celery", "gunicorn", "python"}
# Not settings: of gunicorn's own file, and of Python.
OTHERS = {"BIND", "PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "WEB_CONCURRENCY"}


def list_settings() -> set[str]:
    """Each with its file, where it may be in one."""
    table = (ROOT / "docs" / "operations.md").read_text()
    rows = re.findall(r"^\| (`[A-Z_`, ]+`) \|", table, re.MULTILINE)
    names = {name for row in rows for name in re.findall(r"[A-Z_]+", row)}
    return names | {f"{name}_FILE" for name in names}


def test_compose_gives_only_settings_that_there_are():
    for service in OURS.values():
        assert service["environment"].keys() <= list_settings()


def test_whatever_compose_names_it_declares():
    for service in COMPOSE["services"].values():
        named = {volume.partition(":")[0] for volume in service.get("volumes", [])}
        assert named <= COMPOSE["volumes"].keys()
        assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys()
        assert service.get("depends_on", {}).keys() <= COMPOSE["services"].keys()


def test_no_password_stands_in_it():
    text = (ROOT / "compose.yaml").read_text()

    assert not re.search(r"(?i)password:(?! \{file: )|://\w+:\w+@", text)
    for service in OURS.values():
        assert {"secret_key", "database_url"} <= set(service["secrets"])


def test_there_is_one_beat_and_somebody_for_each_queue():
    commands = [service["command"] for service in OURS.values()]

    assert sum("beat" in command for command in commands) == 1
    queues = {command[command.index("-Q") + 1] for command in commands if "-Q" in command}
    assert queues == {queue.name for queue in settings.CELERY_TASK_QUEUES}


def test_who_sends_keeps_its_journal():
    assert "journal:/var/lib/site/journal" in OURS["worker"]["volumes"]
    assert settings.JOURNAL_DIR.relative_to(settings.VAR_DIR) == Path("journal")


def test_the_image_has_the_packages_that_the_manual_names():
    manual = (ROOT / "docs" / "operations.md").read_text()
    named = re.search(r"System packages \(Debian's names\): `([^`]+)`", manual)
    installed = re.search(r"--no-install-recommends \\\n\s+(.+) \\\n", DOCKERFILE)

    assert set(installed[1].split()) == set(named[1].split())


def test_the_image_is_made_of_what_is_there():
    copied = re.findall(r"^COPY (?!--from)(\S+)", DOCKERFILE, re.MULTILINE)

    assert all((ROOT / source).exists() for source in copied)
    assert re.findall(r"^USER (\w+)", DOCKERFILE, re.MULTILINE) == ["site"]
    named = re.findall(r"^ENV ((?:.+\\\n)*.+)$", DOCKERFILE, re.MULTILINE)
    names = {name for line in named for name in re.findall(r"([A-Z_]+)=", line)}
    assert names <= list_settings() | OTHERS


def test_secrets_get_neither_into_the_image_nor_into_git():
    ignored_by_image = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = [line[1:] for line in ignored_by_image if line.startswith("!")]

    assert ignored_by_image[1] == "*"
    assert [name for name in let_in if not (ROOT / name).exists()] == []
    assert {"secrets", ".env", "var"}.isdisjoint(let_in)
    assert {"/secrets/", "/.env"} <= set((ROOT / ".gitignore").read_text().splitlines())


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_starts_what_compose_starts(unit):
    text = unit.read_text()
    program, *words = shlex.split(re.search(r"^ExecStart=(.+)$", text, re.MULTILINE)[1])
    command = [Path(program).name, *(word.replace("%%", "%") for word in words)]

    assert command in [service["command"] for service in OURS.values()]
    assert command[0] in PROGRAMS
    given = set(re.findall(r"^Environment=(\w+)=", text, re.MULTILINE))
    assert given <= list_settings()
    for hardened in ("NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="):
        assert hardened in text


@pytest.mark.slow
def test_gunicorn_answers_as_it_is_set_up_and_ends_when_told(tmp_path):
    port = find_free_port()
    environment = os.environ | {
        "VAR_DIR": str(tmp_path),
        "BIND": f"127.0.0.1:{port}",
        "WEB_CONCURRENCY": "2",
        "METRICS_TOKEN": "x" * 32,
    }
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "counter_1.db").write_bytes(b"of a process before")
    command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "cma_site.wsgi"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE) as server:
        deadline = time.monotonic() + 60
        while not is_alive(str(port), "localhost"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        alive = [sys.executable, "-m", "cma_site.ask_alive"]
        assert subprocess.run(alive, cwd=ROOT, env=environment, check=False).returncode == 0
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=40)
        assert server.returncode == 0
    assert not (tmp_path / "metrics" / "counter_1.db").exists()
    assert subprocess.run(alive, cwd=ROOT, env=environment, check=False).returncode == 1
