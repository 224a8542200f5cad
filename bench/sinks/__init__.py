"""Where mail ends in the bench: two SMTP servers of ours, and postfix's two programs."""

import mmap
import os
import shutil
import struct
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.servers import NotHere, accepts_connections, find_port, wait_until

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


class Counts(NamedTuple):
    messages: int
    bytes: int
    connections: int
    broken: int


@dataclass(frozen=True)
class FastSink:
    port: int
    session: int
    _map: mmap.mmap

    def count(self) -> Counts:
        return Counts(*struct.unpack("=4Q", self._map[:32]))


def compile_fast(folder: Path) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        raise NotHere("gcc libc6-dev")
    program = folder / "fast"
    command = [compiler, "-O2", "-Wall", "-o", str(program), str(HERE / "fast.c")]
    subprocess.run(command, check=True)  # noqa: S603  (our own source)
    return program


@contextmanager
def running_fast(folder: Path, records: Path | None = None) -> Iterator[FastSink]:
    folder.mkdir(parents=True, exist_ok=True)
    port, counts = find_port(), folder / f"counts-{find_port()}"
    command = [str(compile_fast(folder)), "127.0.0.1", str(port), str(counts)]
    with running([*command, *([str(records)] if records else [])], port) as session:
        file = os.open(counts, os.O_RDONLY)
        with mmap.mmap(file, 32, prot=mmap.PROT_READ) as mapped:
            os.close(file)
            yield FastSink(port, session, mapped)


# ----------------------------------------------------------------------------------------- postfix
def find_postfix(program: str) -> tuple[str, dict[str, str]]:
    """smtp-source or smtp-sink, and the environment in which it finds its libraries.

    Either the system's, or those that script/bench has unpacked.
    """
    if found := shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin"):
        return found, dict(os.environ)
    unpacked = ROOT / "var" / "bench" / "postfix" / "usr"
    if not (unpacked / "sbin" / program).exists():
        raise NotHere("postfix")
    libraries = str(unpacked / "lib" / "postfix")
    return str(unpacked / "sbin" / program), os.environ | {"LD_LIBRARY_PATH": libraries}


@contextmanager
def running_smtp_sink() -> Iterator[int]:
    """Its port."""
    program, environment = find_postfix("smtp-sink")
    port = find_port()
    identity = ["-u", "nobody"] if os.getuid() == 0 else []
    command = [program, *identity, f"127.0.0.1:{port}", "512"]
    with running(command, port, environment):
        yield port


@contextmanager
def running(
    command: list[str], port: int, environment: dict[str, str] | None = None
) -> Iterator[int]:
    server = subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603
    try:
        wait_until(lambda: accepts_connections(port), command[0])
        yield server.pid
    finally:
        server.kill()
        server.wait()


# ---------------------------------------------------------------------------------- the faulty one
class Noted(NamedTuple):
    what: str
    recipient: str
    message_id: str
    hash: str
    offered: str  # "8bit" or "plain"


@dataclass
class FaultySink:
    port: int
    log: Path
    _process: subprocess.Popen[bytes]
    _read_to: int = 0
    _accepted: int = 0

    def set_pace(self, messages_a_second: float) -> None:
        self._tell(f"pace {messages_a_second}")

    def set_faults(self, *names: str) -> None:
        self._tell(f"faults {' '.join(names)}")

    def keep(self, path: Path) -> None:
        """The next message that is accepted, as a file: lines ended by LF, no dot doubled."""
        self._tell(f"keep {path}")

    def count_accepted(self) -> int:
        """Cheap: only what is new is read."""
        with self.log.open("rb") as file:
            file.seek(self._read_to)
            new = file.read().rpartition(b"\n")[0] + b"\n"
            if len(new) > 1:
                self._read_to += len(new)
                self._accepted += new.count(b"\naccepted\t") + new.startswith(b"accepted\t")
        return self._accepted

    def read(self) -> list[Noted]:
        lines = self.log.read_text().splitlines()
        return [Noted(*line.split("\t")) for line in lines]

    def forget(self) -> None:
        """Before another mailing."""
        os.truncate(self.log, 0)
        self._read_to = self._accepted = 0

    def _tell(self, order: str) -> None:
        assert self._process.stdin  # noqa: S101  (we asked for one)
        self._process.stdin.write(f"{order}\n".encode())
        self._process.stdin.flush()


@contextmanager
def running_faulty(
    folder: Path, seed: str, addresses: Iterable[str] = ("127.0.0.1",)
) -> Iterator[FaultySink]:
    folder.mkdir(parents=True, exist_ok=True)
    port, log = find_port(), folder / "accepted.log"
    log.touch()
    arguments = [",".join(addresses), str(port), str(log), seed]
    process = subprocess.Popen(  # noqa: S603  (us)
        [sys.executable, "-m", "bench.sinks.faulty", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        wait_until(lambda: accepts_connections(port), "the faulty sink")
        sink = FaultySink(port, log, process)
        sink.forget()  # our own knocking, which was no mail
        yield sink
    finally:
        process.kill()
        process.wait()


# -------------------------------------------------------------------------------------- the verdict
class Verdict(NamedTuple):
    """What the ledger says, held against what the relay has seen."""

    lost: int  # neither accepted, nor refused for good, nor held for a person
    duplicates: int
    most_copies: int
    broken: int  # connections that ended without QUIT: each may cost one duplicate
    other_bytes: int  # second copies that differ from the first, in bytes or Message-ID
    wrongly_failed: int
    wrongly_sent: int
    held: int
    not_7bit: int  # messages of 8 bits where 8BITMIME was not offered

    @property
    def is_good(self) -> bool:
        faultless = not (self.lost or self.other_bytes or self.wrongly_failed)
        return faultless and not (self.wrongly_sent or self.not_7bit)

    def bounds_duplicates(self, most: int | None = None) -> bool:
        return self.duplicates <= (self.broken if most is None else most)


def judge(noted: Iterable[Noted], states: dict[str, str]) -> Verdict:
    """`states` are the ledger's, by address."""
    by_kind: Counter[str] = Counter()
    accepted: dict[str, list[Noted]] = defaultdict(list)
    refused = set()
    for one in noted:
        by_kind[one.what] += 1
        if one.what == "accepted":
            accepted[one.recipient].append(one)
        elif one.what == "refused":
            refused.add(one.recipient)
    copies = [len(found) for found in accepted.values()]
    return Verdict(
        lost=sum(
            address not in accepted and address not in refused and state != "unknown"
            for address, state in states.items()
        ),
        duplicates=sum(copies) - len(copies),
        most_copies=max(copies, default=0),
        broken=by_kind["broken"],
        other_bytes=sum(map(_differs, accepted.values())),
        wrongly_failed=sum(s == "failed" and a not in refused for a, s in states.items()),
        wrongly_sent=sum(s == "sent" and a not in accepted for a, s in states.items()),
        held=sum(s == "unknown" for s in states.values()),
        not_7bit=by_kind["not 7bit"],
    )


def _differs(copies: list[Noted]) -> bool:
    """Where 8BITMIME is not offered the same message needs other bytes."""
    ids = {one.message_id for one in copies}
    hashes = {(one.offered, one.hash) for one in copies}
    return len(ids) > 1 or len(hashes) > len({one.offered for one in copies})
