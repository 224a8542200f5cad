"""Several hosts on one machine: each worker in a network of its own, with a disk of its own.

Each namespace has one cable to the host, which has the database, the broker and the relay. A cable
that is taken down cuts a worker off without a word: nothing is closed, nothing is refused. Needs
root, and says so where it isn't.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.installations import Sender
from bench.servers import NotHere

NETWORK = "10.213"  # of addresses that nobody routes; each host has .N.1 and .N.2 of it


@dataclass(frozen=True)
class Host:
    number: int

    @property
    def name(self) -> str:
        return f"cma-{os.getpid() % 10000}-{self.number}"

    @property
    def cable(self) -> str:
        """Our end of it; names of interfaces have 15 letters at most."""
        return f"{self.name}u"

    @property
    def ours(self) -> str:
        return f"{NETWORK}.{self.number}.1"

    @property
    def theirs(self) -> str:
        return f"{NETWORK}.{self.number}.2"

    @property
    def before(self) -> tuple[str, ...]:
        """What comes before a command that runs there."""
        return ("ip", "netns", "exec", self.name)

    def cut_off(self) -> None:
        ip("link", "set", self.cable, "down")

    def connect(self) -> None:
        ip("link", "set", self.cable, "up")


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)  # noqa: S603, S607


@contextmanager
def running_hosts(count: int) -> Iterator[list[Host]]:
    if os.getuid() or not shutil.which("ip"):
        raise NotHere("root, or iproute2, for network namespaces")
    with ExitStack() as stack:
        yield [stack.enter_context(plugged_in(Host(number))) for number in range(1, count + 1)]


@contextmanager
def plugged_in(host: Host) -> Iterator[Host]:
    try:
        ip("netns", "add", host.name)
    except subprocess.CalledProcessError as refusal:
        raise NotHere(f"network namespaces: {refusal.stderr.decode().strip()}") from refusal
    try:
        other_end = f"{host.name}d"
        ip("link", "add", host.cable, "type", "veth", "peer", "name", other_end)
        ip("link", "set", other_end, "netns", host.name)
        ip("addr", "add", f"{host.ours}/24", "dev", host.cable)
        host.connect()
        ip("-n", host.name, "addr", "add", f"{host.theirs}/24", "dev", other_end)
        ip("-n", host.name, "link", "set", other_end, "up")
        ip("-n", host.name, "link", "set", "lo", "up")
        yield host
    finally:
        with suppress(subprocess.CalledProcessError):
            ip("link", "del", host.cable)
        ip("netns", "del", host.name)


def lose_disk(sender: Sender) -> None:
    """And with it the journal."""
    folder = Path(sender.environment["VAR_DIR"])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
