"""Keeps the processes of the laptop shape alive together, and ends them together."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

WORKER = (
    *("celery", "-A", "cma_site", "worker", "-P", "threads", "-c", "2", "-l", "warning"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)
# A process of its own, never `worker -B`: killing such a worker leaves the old beat running
# beside the new one.
BEAT = ("celery", "-A", "cma_site", "beat", "-l", "warning")


def serve_command(port: int) -> tuple[str, ...]:
    return (
        *("gunicorn", "cma_site.wsgi", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread"),
        *("--threads", "8", "--log-level", "warning"),
        # The longest allowed: a Chinese character takes nine bytes of a search address.
        *("--limit-request-line", "8190"),
    )


@dataclass
class Child:
    command: tuple[str, ...]
    log: IO[bytes]
    process: subprocess.Popen[bytes]
    started_at: float = field(default_factory=time.monotonic)


class Supervisor:
    """Starts commands of the virtual environment, starts again what dies, ends all on exit.

    Each child leads a process group of its own, so that Ctrl-C reaches only us and the children
    end in good order, grandchildren included. Their output goes to `<log_dir>/<name>.log`.
    """

    def __init__(self, log_dir: Path, env: Mapping[str, str] | None = None) -> None:
        self.log_dir = log_dir
        self.env = env
        self.children: dict[str, Child] = {}
        log_dir.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def start(self, name: str, command: tuple[str, ...]) -> None:
        log = (self.log_dir / f"{name}.log").open("ab")
        self.children[name] = Child(command, log, self._spawn(command, log))

    def _spawn(self, command: tuple[str, ...], log: IO[bytes]) -> subprocess.Popen[bytes]:
        program = str(Path(sys.executable).with_name(command[0]))
        return subprocess.Popen(  # noqa: S603  (our own commands)
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=self.env,
            start_new_session=True,
            # No thread of ours holds a lock that the child could be born waiting for.
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
        )

    def revive(self) -> list[str]:
        """Start again whatever has died, at most once a second each; the names of those."""
        dead = [
            name
            for name, child in self.children.items()
            if child.process.poll() is not None and time.monotonic() - child.started_at > 1
        ]
        for name in dead:
            child = self.children[name]
            _kill_group(child.process.pid)  # what it may have left behind
            child.process = self._spawn(child.command, child.log)
            child.started_at = time.monotonic()
        return dead

    def stop(self, patience: float = 10) -> None:
        """Ask every child to end; after `patience` seconds end it, and all its descendants."""
        for child in self.children.values():
            if child.process.poll() is None:
                child.process.terminate()
        deadline = time.monotonic() + patience
        for child in self.children.values():
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0, deadline - time.monotonic()))
            _kill_group(child.process.pid)  # with what it may have left behind
            child.process.wait()
            child.log.close()
        self.children.clear()


def _end_with_parent() -> None:
    """In the child: be told to end should we die without a chance to say so ourselves."""
    PR_SET_PDEATHSIG = 1  # noqa: N806  (its name in prctl(2))
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
