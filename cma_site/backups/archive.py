"""The file of a backup: a zip of rows, files and the key, with a list of what is in it.

`manifest.json` comes last, so a file that was cut off has none; it names every other member with
its SHA-256.
"""

import json
import os
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

VERSION = 1
MANIFEST = "manifest.json"
PIECE = 1 << 20  # bytes

# The same rows make the same file, whenever it is made.
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


class BadBackup(Exception):
    """What is wrong with the file, for whoever wants to restore it."""


class BackupWriter:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._members: dict[str, str] = {}

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        digest = sha256()
        member = zipfile.ZipInfo(name, _LONG_AGO)
        member.compress_type = zipfile.ZIP_DEFLATED
        with self._archive.open(member, "w", force_zip64=True) as out:
            for piece in pieces:
                digest.update(piece)
                out.write(piece)
        self._members[name] = digest.hexdigest()

    def finish(self, about: dict[str, Any]) -> None:
        manifest = {"version": VERSION, **about, "members": self._members}
        self._archive.writestr(MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1))


@contextmanager
def create_archive(path: Path) -> Iterator[BackupWriter]:
    """Stands at `path` when all of it is on the disk, and not before; for its owner's eyes only."""
    draft = path.with_name(f"{path.name}.partial")
    descriptor = os.open(draft, os.O_CREAT | os.O_RDWR | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as out:
            with zipfile.ZipFile(out, "w") as archive:
                yield BackupWriter(archive)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


class BackupReader:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        try:
            self.manifest = json.loads(archive.read(MANIFEST))
        except (KeyError, ValueError) as error:
            raise BadBackup("這不是完整的備份檔。") from error
        if self.manifest.get("version") != VERSION:
            raise BadBackup("這個備份檔的格式不同，請用製作它的版本還原。")

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Self]:
        """Raises BadBackup, also when a member is not what the manifest says."""
        try:
            with zipfile.ZipFile(path) as archive:
                yield cls(archive)
        except (zipfile.BadZipFile, EOFError) as error:
            raise BadBackup(f"備份檔損壞：{error}") from error

    @property
    def names(self) -> list[str]:
        return list(self.manifest["members"])

    def read(self, name: str) -> Iterator[bytes]:
        with self._archive.open(name) as member:
            while piece := member.read(PIECE):
                yield piece

    def read_lines(self, name: str) -> Iterator[str]:
        with self._archive.open(name) as member:
            for line in member:
                yield line.decode()

    def verify(self) -> None:
        """Raises BadBackup unless every member is there and whole. Reads all of it once."""
        for name, wanted in self.manifest["members"].items():
            digest = sha256()
            try:
                for piece in self.read(name):
                    digest.update(piece)
            except KeyError as error:
                raise BadBackup(f"備份檔缺少 {name}。") from error
            if digest.hexdigest() != wanted:
                raise BadBackup(f"備份檔中的 {name} 已損壞。")
