"""The model files in the cache directory: how one is locked, checked and put there."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

import platformdirs

from streamchat.config import APP


def cache_directory() -> Path:
    """Return the directory for files that can be made again."""
    return platformdirs.user_cache_path(APP)


def measure(file: Path) -> int:
    """Return the size of a file; 0 if there is none."""
    with suppress(OSError):
        return file.stat().st_size if file.is_file() else 0
    return 0


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_checked(file: Path) -> bool:
    """Whether the hash of the file was right, and the file is still as it was then."""
    with suppress(OSError, UnicodeDecodeError):
        return _find_mark(file).read_text(encoding="ascii") == _describe(file)
    return False


def mark_checked(file: Path) -> None:
    """Note that the hash of the file is right; without the note it will be checked again."""
    with suppress(OSError):
        _find_mark(file).write_text(_describe(file), encoding="ascii")


def install(file: Path, target: Path) -> None:
    """Move a checked file to where it belongs, so that even a power failure leaves all or nothing.

    Raises:
        OSError: the disk is full.
    """
    with file.open("rb") as written:
        os.fsync(written.fileno())
    file.replace(target)
    mark_checked(target)


def delete(file: Path) -> None:
    """Delete a file, and the note that it was checked.

    Raises:
        OSError: that is not allowed.
    """
    _find_mark(file).unlink(missing_ok=True)
    file.unlink(missing_ok=True)


@contextmanager
def lock(path: Path, wait_until: Callable[[Callable[[], bool]], None]) -> Iterator[None]:
    """Keep other processes out; the lock of a process that dies is released.

    The lock file stays: a process waiting for a file that is removed would get a useless lock.

    Args:
        path: the lock file.
        wait_until: is called if another process has the lock, and returns when its argument does
            not return False any more.

    Raises:
        OSError: the lock file cannot be made.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("ab") as file:
        acquire = partial(_acquire, file)
        if not acquire():
            wait_until(acquire)
        yield


def _acquire(file: IO[Any]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _find_mark(file: Path) -> Path:
    return file.with_suffix(".checked")


def _describe(file: Path) -> str:
    facts = file.stat()
    return f"{facts.st_size} {facts.st_mtime_ns}"
