"""Storing a file so that nobody reads a half of it, and finding what was left."""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage


def store_whole(name: str, content: bytes) -> None:
    """Under this very name in `default_storage`; two who store the same write the same bytes."""
    if isinstance(default_storage, FileSystemStorage):
        # Its own save() would show readers a file that is still being written.
        write_whole(Path(default_storage.path(name)), content)
    else:
        # Its save() would choose another name where this one is taken.
        default_storage._save(name, ContentFile(content))  # type: ignore[attr-defined]


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that others see either whole or not at all; replaces what was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with unfinished.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def list_old_files(folder: str, limit: datetime) -> Iterator[str]:
    """Those written before `limit`, in it and in the folders of it; none where there is none."""
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in sorted(files):
        path = f"{folder}/{name}"
        if default_storage.get_modified_time(path) < limit:
            yield path
    for name in sorted(folders):
        yield from list_old_files(f"{folder}/{name}", limit)
