"""What a sender leaves behind if it is killed: a byte for each copy it has claimed.

A file beside the ledger, mapped into memory: writing a byte costs nothing, and the kernel keeps it
when the process dies. Its lock says whether its sender lives. What it doesn't outlive is the power:
so it names the boot it belongs to, and of an earlier one nothing is believed that says "not yet".
"""

import errno
import fcntl
import logging
import mmap
import os
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import NamedTuple, Self
from uuid import UUID

logger = logging.getLogger(__name__)

_HEADER = struct.Struct("<8s16s36sI")  # what it is, the claim, the boot, how many copies
_MAGIC = b"journal1"
_KEY = struct.Struct("<q")
_NAMED, _UNNAMED = ".journal", ".new"
_MAKING = 60  # seconds within which a journal surely has its lock and its name
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Mark(IntEnum):
    UNTOUCHED = 0
    UNDER_WAY = 1  # the end of the message has gone out, and no answer has come
    ACCEPTED = 2


class Left(NamedTuple):
    """What a dead sender had come to, by the keys of what it had claimed."""

    claim: UUID
    accepted: list[int]
    unknown: list[int]
    untouched: list[int]


class Journal:
    """Of one claim. Marks are set by place: the order in which the keys were given."""

    def __init__(self, path: Path, claim: UUID, keys: Sequence[int]) -> None:
        """Raises OSError, and leaves nothing."""
        self.path = path
        self._first = _HEADER.size + _KEY.size * len(keys)
        unnamed = path.with_suffix(_UNNAMED)
        self._file = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            # Locked before it has its name, so that nobody takes it for a dead one's.
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            header = _HEADER.pack(_MAGIC, claim.bytes, _read_boot(), len(keys))
            content = header + struct.pack(f"<{len(keys)}q", *keys) + bytes(len(keys))
            _write_whole(self._file, content)
            self._map = mmap.mmap(self._file, 0)
            unnamed.rename(path)
        except OSError:
            os.close(self._file)
            unnamed.unlink(missing_ok=True)
            raise

    def mark(self, place: int, mark: Mark) -> None:
        self._map[self._first + place] = mark

    def finish(self) -> None:
        """The ledger has all of it."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Left to be read: the ledger could not be told."""
        if not self._map.closed:
            self._map.close()
            os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def open_journal(folder: Path, claim: UUID, keys: Sequence[int]) -> Journal:
    """Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    return Journal(folder / f"{claim}{_NAMED}", claim, keys)


@contextmanager
def reading_left(folder: Path) -> Iterator[list[Left]]:
    """What dead senders of this host left; forgotten when the block ends without an error.

    Of two readers at once, one gets each. What can't be read (it was cut by a power failure) is
    left to the lease of its claim.
    """
    taken: list[tuple[Path, int]] = []
    try:
        left = []
        for path in _list(folder):
            if (file := _lock(path)) is None:
                continue
            taken.append((path, file))
            if path.suffix == _NAMED and (found := _read(path)):
                left.append(found)
        yield left
        for path, _ in taken:
            path.unlink(missing_ok=True)
    finally:
        for _, file in taken:
            os.close(file)


def _list(folder: Path) -> list[Path]:
    """Its journals, and of those without their name the old ones: they are of senders that died
    before they sent anything, but a new one may be of a sender that has not come to lock it.
    """
    try:
        paths = sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError:
        logger.exception("The journals cannot be listed")  # and none will be written
        return []
    return [
        path
        for path in paths
        if path.suffix == _NAMED or (path.suffix == _UNNAMED and _find_age(path) > _MAKING)
    ]


def _find_age(path: Path) -> float:
    """In seconds; none, if it is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0


def _write_whole(file: int, content: bytes) -> None:
    """A disk that is nearly full takes less, without an error."""
    if os.write(file, content) < len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _lock(path: Path) -> int | None:
    """Its file, if its sender is dead and nobody else is reading it."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    except OSError:
        logger.exception("A journal cannot be read, so its claim waits for its lease")
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file).st_nlink:
            return file
    except BlockingIOError:
        pass
    os.close(file)
    return None


def _read(path: Path) -> Left | None:
    content = path.read_bytes()
    if len(content) < _HEADER.size:
        return None
    magic, claim, boot, count = _HEADER.unpack_from(content)
    first = _HEADER.size + _KEY.size * count
    if magic != _MAGIC or len(content) != first + count:
        return None
    keys = [key for (key,) in _KEY.iter_unpack(content[_HEADER.size : first])]
    marks = content[first:]
    if boot != _read_boot():
        # Which of its pages were written before the power went, nobody knows.
        marks = bytes(Mark.ACCEPTED if mark == Mark.ACCEPTED else Mark.UNDER_WAY for mark in marks)
    found: dict[int, list[int]] = {mark: [] for mark in Mark}
    for key, mark in zip(keys, marks, strict=True):
        found.setdefault(mark, []).append(key)
    return Left(
        UUID(bytes=claim),
        accepted=found[Mark.ACCEPTED],
        unknown=found[Mark.UNDER_WAY],
        untouched=found[Mark.UNTOUCHED],
    )


@cache
def _read_boot() -> bytes:
    """Of this start of the machine; where the kernel doesn't say, all are one."""
    return _BOOT.read_bytes().strip() if _BOOT.exists() else bytes(36)
