import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def read_or_make_secret(path: Path, make: Callable[[], str]) -> str:
    """A secret of this machine's own, readable by its owner only; made once and then kept.

    It is linked into place whole, so that of two processes starting together both read the same
    one, and a process killed on the way leaves no empty secret behind.
    """
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(make())
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text()
