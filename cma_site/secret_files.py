import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile


def read_or_make_secret(path: Path, make: Callable[[], str]) -> str:
    """A secret of this machine's own, readable by its owner only; made once and then kept.

    It is linked into place whole, so that of two processes starting together both read the same
    one, and a process killed on the way leaves no empty secret behind.
    """
    if not path.exists():
        with NamedTemporaryFile("w", dir=path.parent) as draft:  # made with mode 0600
            draft.write(make())
            draft.flush()
            with suppress(FileExistsError):
                os.link(draft.name, path)
    return path.read_text()


def write_secret(path: Path, secret: str) -> None:
    """In place of the one that is there, if any; whole or not at all."""
    with NamedTemporaryFile("w", dir=path.parent, delete=False) as draft:
        draft.write(secret)
    Path(draft.name).replace(path)
