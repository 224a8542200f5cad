"""Databases and brokers that can be killed: each its own, with its own folder and ports, beside
whatever else runs on the machine, and gone with the block it was started in.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

LONGEST_START = 60  # seconds


class NotHere(Exception):
    """What this machine lacks, in words for whoever reads the figures."""


def find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_until(
    condition: Callable[[], object], what: str, patience: float = LONGEST_START, pause: float = 0.05
) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(pause)


def accepts_connections(port: int, address: str = "127.0.0.1") -> bool:
    with suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False


@dataclass
class Server(ABC):
    folder: Path
    address: str = "127.0.0.1"  # or several, as the server itself wants them told
    port: int = field(default_factory=find_port)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.prepare()
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

    def prepare(self) -> None:  # noqa: B027  (most need nothing)
        """Once, before the first start."""

    @abstractmethod
    def start(self) -> None:
        """Returns once it answers."""

    @abstractmethod
    def kill(self) -> None:
        """At once, as a power failure would."""

    @property
    @abstractmethod
    def url(self) -> str: ...


# --------------------------------------------------------------------------------------- databases
class Postgres(Server):
    """With fsync, as it is when nobody says otherwise: what it has committed is on the disk."""

    def prepare(self) -> None:
        self._bin = find_postgres()
        if os.getuid() == 0:
            # Its folders up to ours let it pass; it refuses to run as root.
            shutil.chown(self.folder, "postgres")
        self._run("initdb", "-D", "cluster", "-U", "cma", "-A", "trust", "-E", "UTF8", "--locale=C")

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c max_connections=60"
        options += f" -c listen_addresses={self.address} -c log_min_messages=fatal"
        self._run("pg_ctl", "start", "-w", "-D", "cluster", "-l", "log", "-o", options)

    def restart(self) -> None:
        """After an end without notice: what was not committed is lost, and every connection."""
        self._run("pg_ctl", "restart", "-w", "-D", "cluster", "-m", "immediate", "-l", "log")

    def kill(self) -> None:
        with suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", "stop", "-D", "cluster", "-m", "immediate")

    def let_in(self, network: str) -> None:
        """Whoever comes from there."""
        with (self.folder / "cluster" / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {network} trust\n")
        self._run("pg_ctl", "reload", "-D", "cluster")

    @property
    def url(self) -> str:
        return f"postgres://cma@127.0.0.1:{self.port}/postgres"

    def _run(self, program: str, *arguments: str) -> None:
        command = [*as_user("postgres"), str(self._bin / program), *arguments]
        subprocess.run(  # noqa: S603  (us)
            command,
            cwd=self.folder,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # the server would hold a pipe open
            stderr=subprocess.DEVNULL,
        )


def find_postgres() -> Path:
    """Where its server programs are; Debian keeps them off the PATH."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders:
        raise NotHere("PostgreSQL")
    return folders[-1]


def as_user(name: str) -> list[str]:
    """What comes before a command that root shall not run."""
    if os.getuid():
        return []
    return ["setpriv", "--reuid", name, "--regid", name, "--init-groups"]


# ----------------------------------------------------------------------------------------- brokers
class Broker(Server):
    @abstractmethod
    def lose_everything(self) -> None:
        """Killed, and back without what it held."""


class Files(Broker):
    """The laptop's queue: a folder that workers share, without a server."""

    @property
    def url(self) -> str:
        return "filesystem://"

    def start(self) -> None: ...

    def kill(self) -> None: ...

    def lose_everything(self) -> None:
        for message in (self.folder / "queue" / "messages").glob("*"):
            message.unlink(missing_ok=True)  # a worker may have been quicker


@dataclass
class Process(Broker):
    """One that is a process of ours."""

    _process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]: ...

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  (us)
                self.command(),
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self.answers, f"{self.command()[0]}: {self.folder / 'log'}")

    def answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise NotHere((self.folder / "log").read_text()[-500:])
        return accepts_connections(self.port)

    def kill(self) -> None:
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            wait_until(lambda: not accepts_connections(self.port), "a port is not given back")


class Redis(Process):
    """Without persistence: what it held is gone with it."""

    def command(self) -> list[str]:
        if not shutil.which("redis-server"):
            raise NotHere("redis-server")
        listening = [
            "--port",
            str(self.port),
            "--bind",
            *self.address.split(),
            "--protected-mode",
            "no",
        ]
        return ["redis-server", *listening, "--save", "", "--appendonly", "no"]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def lose_everything(self) -> None:
        self.kill()
        self.start()


class RabbitMQ(Process):
    """One node, with its own port mapper (epmd), which would otherwise outlive it."""

    USER = "rabbitmq"  # made by Debian's package

    def prepare(self) -> None:
        self._mapper_port, self._nodes_port = find_port(), find_port()
        if os.getuid() == 0:
            shutil.chown(self.folder, self.USER)

    def command(self) -> list[str]:
        # Not the one on the PATH, which would want to be root and have its own folders.
        found = sorted(Path("/usr/lib/rabbitmq/lib").glob("*/sbin/rabbitmq-server"))
        if not found or not shutil.which("epmd"):
            raise NotHere("rabbitmq-server")
        mapper = f"epmd -port {self._mapper_port} -address 127.0.0.1 & exec {found[-1]}"
        return [*as_user(self.USER), "sh", "-c", mapper]

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._mapper_port),
            "RABBITMQ_NODENAME": f"cma{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": self.address,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._nodes_port),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "logs"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(self.folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
        }

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def lose_everything(self) -> None:
        self.kill()
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        self.start()


# --------------------------------------------------------------------------------------- processes
def run_here(*arguments: str, environment: dict[str, str], folder: Path) -> str:
    """What a command of Python prints; its errors are an error."""
    done = subprocess.run(  # noqa: S603  (us)
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{arguments}: {done.stdout[-1000:]}{done.stderr[-3000:]}")
    return done.stdout
