import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.core.exceptions import ImproperlyConfigured


def take_from_files(variables: Mapping[str, str], secrets: Iterable[str]) -> dict[str, str]:
    """The variables, and each of the secrets for which `NAME_FILE` names a file instead.

    django-environ's FileAwareEnv does it for every name, prefers the file without a word, and
    keeps the newline that editors and `echo` leave at its end.
    """
    taken = dict(variables)
    for name in secrets:
        if path := taken.pop(f"{name}_FILE", ""):
            if name in taken:
                raise ImproperlyConfigured(f"{name} and {name}_FILE are both set")
            taken[name] = _read_secret_file(name, Path(path))
    return taken


def _read_secret_file(name: str, path: Path) -> str:
    try:
        secret = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        # Not what it holds: a decoding error would quote it.
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise ImproperlyConfigured(f"{name}_FILE: {path} can't be read ({reason})") from None
    if not secret:
        raise ImproperlyConfigured(f"{name}_FILE: {path} is empty")
    return secret


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
