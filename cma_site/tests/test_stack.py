"""The production stack, as far as it can be held without an engine to run it."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from socket import gethostname

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


@pytest.mark.parametrize("service", OURS.values(), ids=OURS)
def test_what_may_hold_a_password_comes_from_a_file(service):
    """Named in the environment, mounted, and made by what the manual says to do first."""
    given = service["environment"]
    files = {name.removesuffix("_FILE"): given[name] for name in given if name.endswith("_FILE")}

    assert not given.keys() & set(settings.SECRETS)
    assert files.keys() <= set(settings.SECRETS)
    assert files == {name: f"/run/secrets/{name.lower()}" for name in files}
    assert sorted(service["secrets"]) == sorted(name.lower() for name in files)
    needed = set(settings.REQUIRED_IN_PRODUCTION) | {"SECRET_KEY"}
    assert needed <= files.keys() | given.keys()


def test_the_manual_makes_every_file_that_is_needed():
    manual = (ROOT / "docs" / "operations.md").read_text()
    with_docker = manual.partition("**With Docker**")[2].partition("```sh")[2].partition("```")[0]
    made = set(re.findall(r"> secrets/(\w+)", with_docker))

    wanted = {secret["file"] for secret in COMPOSE["secrets"].values()}
    assert wanted == {f"./secrets/{name}" for name in made}
    asked = re.findall(r"\$\{(\w+):\?", (ROOT / "compose.yaml").read_text())
    assert set(asked) <= set(re.findall(r"(\w+)=", with_docker.partition("printf")[2]))


@pytest.mark.parametrize("service", OURS.values(), ids=OURS)
def test_a_site_may_set_whatever_else_there_is(service):
    assert service["env_file"] == [{"path": ".env", "required": False}]


@pytest.mark.parametrize("service", OURS.values(), ids=OURS)
def test_who_may_write_nowhere_else_has_a_folder_in_memory(service):
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp", "/var/lib/site:uid=10001"]
    assert "VAR_DIR=/var/lib/site" in DOCKERFILE
    assert "useradd --uid 10001" in DOCKERFILE
    assert "media:/var/lib/site/media" in service["volumes"]


def test_every_process_that_stays_is_asked_how_it_is():
    for name, service in OURS.items():
        assert (service.get("healthcheck") == {"disable": True}) is (name == "migrate")


@pytest.mark.parametrize("name", ["worker", "worker-long"])
def test_a_worker_is_asked_by_its_name(name):
    named = OURS[name]["command"][-1].replace("%h", "$$HOSTNAME")

    assert OURS[name]["healthcheck"]["test"][1].split()[-1] == named


def test_images_are_of_exact_versions():
    images = [service["image"] for service in COMPOSE["services"].values()]
    others = [image for image in images if image != "policy-commentary"]
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)

    assert len(others) == 3
    assert len(set(bases)) == 1
    for image in [*others, *bases]:
        # PostgreSQL has two numbers, others three.
        assert re.search(r":v?\d+\.\d+\.\d+|postgres:\d+\.\d+", image)


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
    assert re.findall(r"^USER (\w+)", DOCKERFILE, re.MULTILINE) == ["10001"]
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


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_running_migrate_again_stops_no_unit(unit):
    """What requires a unit is stopped with it, and started again with it."""
    text = unit.read_text()
    bound = re.findall(r"^(?:Requires|Requisite|BindsTo|PartOf)=(.*)$", text, re.MULTILINE)

    assert "policy-migrate.service" not in " ".join(bound)
    if unit.stem != "policy-migrate":
        assert re.search(r"^Wants=.*policy-migrate\.service", text, re.MULTILINE)
        assert re.search(r"^After=.*policy-migrate\.service", text, re.MULTILINE)


@pytest.mark.slow
def test_a_worker_that_is_gone_or_stands_still_is_told(tmp_path):
    port = find_free_port()
    programs = Path(sys.executable).parent
    environment = os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HOSTNAME": gethostname(),
        "VAR_DIR": str(tmp_path),
        "CELERY_BROKER_URL": f"redis://127.0.0.1:{port}/0",
    }
    service = OURS["worker"]
    _, check = service["healthcheck"]["test"]

    def ask() -> int:
        command = ["sh", "-c", check.replace("$$", "$")]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, check=False
        ).returncode

    redis = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with subprocess.Popen(redis, cwd=tmp_path, stdout=subprocess.DEVNULL) as broker:
        worker = subprocess.Popen(
            service["command"], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while ask():
            assert time.monotonic() < deadline
        worker.send_signal(signal.SIGSTOP)
        assert ask() != 0
        worker.kill()
        worker.wait()
        assert ask() != 0
        broker.kill()


@pytest.mark.slow
def test_beat_writes_down_that_it_goes_on(tmp_path):
    """At the file that its check looks for, and in its folder."""
    environment = os.environ | {"VAR_DIR": str(tmp_path)}
    _, check = OURS["beat"]["healthcheck"]["test"]
    check = check.replace("/var/lib/site", str(tmp_path))
    command = [sys.executable, "-m", *OURS["beat"]["command"]]

    def ask() -> int:
        return subprocess.run(["sh", "-c", check], check=False).returncode

    assert ask() != 0
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as beat:
        deadline = time.monotonic() + 60
        while ask():
            assert time.monotonic() < deadline
            time.sleep(0.2)
        beat.terminate()
    past = time.time() - 11 * 60
    for file in tmp_path.glob("beat-schedule*"):
        os.utime(file, (past, past))
    assert ask() != 0


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
