"""What tests of more than one app share: the seed, a browser, and a stage with real processes."""

import logging
import os
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from celery import current_app
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from playwright.sync_api import Page, expect, sync_playwright

from briefings.shared_cache import shared_cache
from cma_site.supervisor import Supervisor
from subscribers.copies import digests_cut

ROOT = Path(__file__).parent

log = logging.getLogger("browser")

# How long an example takes is for the bench to tell, on a machine that does nothing else.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
expect.set_options(timeout=30_000)  # milliseconds, for a machine with other work to do


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Stage:
    """An installation of its own, database, queue and files included, run as real processes.

    It stands on the same kind of database as the test run, and on PostgreSQL it takes Redis for
    its queue, so that between them the two runs play both shapes.
    """

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder = folder
        self.env = os.environ | {"VAR_DIR": str(folder / "var")} | env
        self.processes = Supervisor(folder / "log", self.env)

    def manage(self, *args: str) -> str:
        """The output of a management command; a failing one fails the test with its errors."""
        result = subprocess.run(
            [sys.executable, "manage.py", *args],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def python(self, code: str) -> str:
        """What `code`, run inside this installation's Django, prints."""
        return self.manage("shell", "--no-imports", "-c", code).strip()

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in self.processes.log_dir.glob("*.log"))


def wait_until_served(stage: Stage, patience: float = 30) -> None:
    """Until the site at `stage.url` answers."""
    deadline = time.monotonic() + patience
    while True:
        try:
            urllib.request.urlopen(f"{stage.url}/healthz")
        except OSError:
            assert time.monotonic() < deadline, stage.logs()
            time.sleep(0.1)
        else:
            return


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """SQLite in memory refuses a second thread that writes; a file lets it wait its turn."""
    if connection.vendor == "sqlite":
        file = tmp_path_factory.mktemp("database") / "test.sqlite3"
        connection.settings_dict["TEST"]["NAME"] = str(file)


@pytest.fixture
def stage_env(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Where a stage keeps its rows and its queue."""
    if connection.vendor == "sqlite":
        yield {}
        return
    name = f"stage_{uuid.uuid4().hex[:12]}"
    where = connection.settings_dict
    run_sql(f'CREATE DATABASE "{name}"')
    port = find_free_port()
    redis = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    yield {
        "DATABASE_URL": f"postgres://{where['USER']}@{where['HOST']}:{where['PORT']}/{name}",
        "CELERY_BROKER_URL": f"redis://127.0.0.1:{port}/0",
    }
    redis.kill()
    redis.wait()
    run_sql(f'DROP DATABASE "{name}" WITH (FORCE)')


def run_sql(statement: str) -> None:
    """On the server's own database: CREATE DATABASE can't run within a test's transaction."""
    import psycopg

    where = connection.settings_dict
    with psycopg.connect(
        host=where["HOST"],
        port=where["PORT"],
        user=where["USER"],
        dbname="postgres",
        autocommit=True,
    ) as server:
        server.execute(statement)


@pytest.fixture
def stage(tmp_path: Path, stage_env: dict[str, str]) -> Iterator[Stage]:
    built = Stage(tmp_path, stage_env)
    built.manage("migrate", "--verbosity", "0")
    with built.processes:
        yield built


@pytest.fixture(autouse=True)
def quick_passwords(settings) -> None:
    """Hashing a password is slow on purpose; what depends on it is no business of a test."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def no_search_rate(settings) -> None:
    """All tests are one client; what depends on the rate sets its own."""
    settings.SEARCH_RATE = 0


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    """A test's rows may have the keys of another's, which in a process of its own they never do."""
    digests_cut.cache_clear()
    shared_cache.forget()


@pytest.fixture(scope="session")
def seed() -> Path:
    """The real edition beside the checkout; CI must have it, a lone clone may lack it."""
    path = Path(settings.BASE_DIR).parent / "shared" / "seed" / "edition-2023.txt"
    if not path.exists():
        message = "the seed edition is not beside this checkout"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


@pytest.fixture(autouse=True)
def no_name_servers(settings) -> None:
    """Tests ask nobody outside; no way leads to this one, which is known at once."""
    settings.DNS_SERVERS = ["255.255.255.255"]


BROWSER = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    # Containers often give /dev/shm 64 MB, and PostgreSQL wants some of it.
    "--disable-dev-shm-usage",
]


@pytest.fixture
def page(monkeypatch) -> Iterator[Page]:
    """A tab of a browser; what it could not fetch or run stands in a failing test's log."""
    # Playwright runs its own event loop, in which Django would refuse to touch the database.
    monkeypatch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=BROWSER)
        tab = browser.new_page(locale="zh-HK", timezone_id="Asia/Hong_Kong")
        tab.on("requestfailed", lambda one: log.warning("%s: %s", one.url, one.failure))
        tab.on("pageerror", lambda error: log.warning("a script failed: %s", error))
        tab.on("console", lambda message: log.warning("%s: %s", message.type, message.text))
        tab.on("crash", lambda _: log.warning("the tab crashed"))
        yield tab
        browser.close()


@pytest.fixture
def desk(page, live_server, settings, tmp_path) -> Iterator[Page]:
    """The desk after a superuser logged in; no worker runs, so tasks run at once."""
    settings.MEDIA_ROOT = tmp_path
    current_app.conf.task_always_eager = True
    User.objects.create_superuser("chan", password="lion-rock")
    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("用戶名稱").fill("chan")
    page.get_by_label("密碼").fill("lion-rock")
    page.get_by_role("button", name="登入").click()
    yield page
    current_app.conf.task_always_eager = False
    # Within Playwright's loop the test has a connection of its own, which nobody else would close.
    connection.close()
