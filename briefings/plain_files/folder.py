"""Writing a folder whole or not at all, and taking over what is unchanged from the one before."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from briefings.plain_files.places import write_sums

SUMS = "SHA256SUMS"


class NotOurFolder(Exception):
    """It is there, and is no export: nothing of it is touched."""


class FolderWriter:
    def __init__(self, draft: Path, before: Path) -> None:
        self._draft, self._before = draft, before
        self.sums: dict[str, str] = {}
        self.unchanged = 0

    def write(self, name: str, content: bytes) -> None:
        """What the folder had with the same bytes is linked, not written, and keeps its time."""
        path, old = self._draft / name, self._before / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self.sums[name] = sha256(content).hexdigest()
        if old.is_file() and old.read_bytes() == content:
            self.unchanged += 1
            with suppress(OSError):  # a file system that has no links
                path.hardlink_to(old)
                return
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def finish(self) -> None:
        self.write(SUMS, write_sums(self.sums).encode())


@contextmanager
def replacing(folder: Path) -> Iterator[FolderWriter]:
    """Writes beside it, and puts that in its place at the end; broken off, it is as it was.

    Raises NotOurFolder.
    """
    draft = folder.with_name(f"{folder.name}.partial")
    before = folder.with_name(f"{folder.name}.before")
    if before.exists() and not folder.exists():
        before.rename(folder)  # killed between the two renamings below
    if folder.exists() and not (folder / SUMS).is_file() and any(folder.iterdir()):
        raise NotOurFolder
    for left in (draft, before):
        shutil.rmtree(left, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        writer = FolderWriter(draft, folder)
        yield writer
        writer.finish()
        if folder.exists():
            folder.rename(before)
        draft.rename(folder)
        shutil.rmtree(before, ignore_errors=True)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
