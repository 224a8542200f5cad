"""Whole installations of ours, run as real processes that can be killed."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.servers import Broker, run_here

ROOT = Path(__file__).parent.parent
# As compose.yaml, the units and `script/demo` start a worker; and Celery's other way.
THREADS = ("-P", "threads", "-c", "2")
PROCESSES = ("-P", "prefork", "-c", "2")


def worker_command(pool: tuple[str, ...], name: str) -> list[str]:
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "warning")
    celery = [sys.executable, "-m", "celery", "-A", "cma_site", "worker", "-n", f"{name}@%h"]
    return [*celery, *pool, *quiet]


def make_environment(folder: Path, **settings: str) -> dict[str, str]:
    """Nothing of ours from outside."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    fonts = os.environ.get("FONTS_DIR", str(ROOT / "var" / "fonts"))
    return kept | {
        "DJANGO_SETTINGS_MODULE": "cma_site.settings",
        "PYTHONPATH": str(ROOT),
        "VAR_DIR": str(folder),
        "FONTS_DIR": fonts,
        "SEARCH_RATE": "0",  # all readers have one address
        "LOG_LEVEL": "WARNING",
        "CHECK_LINKS": "false",
        **settings,
    }


@dataclass
class Sender:
    """One worker, and what it started; with `before`, in another place (ip netns exec …)."""

    name: str
    pool: tuple[str, ...]
    environment: dict[str, str]
    log: Path
    before: tuple[str, ...] = ()
    _process: subprocess.Popen[bytes] | None = None
    _is_wanted: bool = False

    def start(self) -> None:
        self._is_wanted = True
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  (us)
                [*self.before, *worker_command(self.pool, self.name)],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def keep_alive(self) -> None:
        """As systemd or a container engine does: kombu may end with its broker."""
        if self._is_wanted and self._process and self._process.poll() is not None:
            self.start()

    def list_processes(self) -> list[int]:
        return list_session(self.pid)

    def kill(self) -> None:
        """With all it started."""
        self._is_wanted = False
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        if self._process:
            self._process.wait()


def list_session(leader: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader and fields[0] != "Z":
                found.append(int(stat.parent.name))
    return found


def is_connected(pid: int, port: int) -> bool:
    """Whether the process holds a connection to that port, of this host's or its own network."""
    sockets = set()
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if int(fields[2].partition(":")[2], 16) == port and fields[3] == "01":
                sockets.add(f"socket:[{fields[9]}]")
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if str(file.readlink()) in sockets:
                    return True
    return False


@dataclass
class Installation:
    """Senders, and a desk from which mailings are opened, swept and counted."""

    folder: Path
    environment: dict[str, str]
    senders: list[Sender] = field(default_factory=list)
    _desk: subprocess.Popen[str] | None = None

    def ask(self, order: str, **arguments: Any) -> Any:
        if not (self._desk and self._desk.stdin and self._desk.stdout):
            raise RuntimeError("the desk is closed")
        self._desk.stdin.write(json.dumps({"do": order} | arguments) + "\n")
        self._desk.stdin.flush()
        answer = self._desk.stdout.readline()
        if not answer:
            raise RuntimeError((self.folder / "desk.log").read_text()[-3000:])
        return json.loads(answer)

    def add_sender(self, pool: tuple[str, ...], **changes: str) -> Sender:
        name = f"sender{len(self.senders)}"
        log = self.folder / f"{name}.log"
        sender = Sender(name, pool, self.environment | changes, log)
        self.senders.append(sender)
        return sender

    def kill_one(self, chance: random.Random, port: int) -> bool:
        """SIGKILL to a process that is connected to the relay, or with its whole worker, which is
        then started again at once. False if none is connected.
        """
        connected = [
            (sender, pid)
            for sender in self.senders
            for pid in sender.list_processes()
            if is_connected(pid, port)
        ]
        if not connected:
            return False
        sender, pid = chance.choice(connected)
        if pid != sender.pid and chance.random() < 0.5:  # a child, which its worker replaces
            os.kill(pid, signal.SIGKILL)
        else:
            sender.kill()
            sender.start()
        return True


@contextmanager
def running_installation(
    folder: Path, broker: Broker, database: str, port: int, **settings: str
) -> Iterator[Installation]:
    """Migrated, its senders not started yet. `database` is empty for SQLite."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = make_environment(
        folder,
        CELERY_BROKER_URL=broker.url,
        EMAIL_URL=f"smtp://127.0.0.1:{port}",
        **({"DATABASE_URL": database} if database else {}),
        **settings,
    )
    run_here("manage.py", "migrate", "-v0", environment=environment, folder=ROOT)
    built = Installation(folder, environment)
    with ExitStack() as stack:
        log = stack.enter_context((folder / "desk.log").open("ab"))
        built._desk = subprocess.Popen(
            [sys.executable, "-m", "bench.desk"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        try:
            yield built
        finally:
            for sender in built.senders:
                sender.kill()
            built._desk.kill()
            built._desk.wait()
            shutil.rmtree(folder / "queue", ignore_errors=True)
