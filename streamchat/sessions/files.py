"""Where the store is: files that only their owner can read, and what becomes of damaged ones."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

import platformdirs

from streamchat.sessions import StoreError

PATIENCE = 5.0
"""Seconds that another program is waited for."""
_PAUSE = 0.02
_BESIDE = ("", "-wal", "-shm")
"""What SQLite appends to the name of a store for its own files."""

Identity: TypeAlias = tuple[int, int]


def default_path() -> Path:
    """Returns where sessions are kept unless somebody says otherwise."""
    return platformdirs.user_data_path("streamchat") / "sessions.sqlite3"


def make_directory(path: Path, *, own: bool) -> None:
    """Makes the directory of the store, for its owner alone.

    Args:
        path: the store.
        own: whether nobody else keeps anything there, so that it is closed to others if it is open.

    Raises:
        OSError: it cannot be made.
    """
    made = not path.parent.exists()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if own or made:
        _tighten(path.parent, 0o700)


def make_file(path: Path) -> None:
    """Makes the store's file, if there is none, and closes it and SQLite's own to others.

    Raises:
        OSError: it cannot be made.
    """
    with suppress(FileExistsError):
        # A file that is there must not be opened and closed here: that would drop the locks which
        # SQLite holds on it in this process.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    for end in _BESIDE:
        with suppress(FileNotFoundError):
            _tighten(path.with_name(path.name + end), 0o600)


def _tighten(path: Path, mode: int) -> None:
    found = path.stat()
    if found.st_uid == os.geteuid() and found.st_mode & 0o077:
        path.chmod(mode)


def identity(path: Path) -> Identity | None:
    """Returns what tells the file from another that takes its name later; None if it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Within, no other process opens the store, or sets it aside.

    Raises:
        StoreError: another process does so for too long.
        OSError: there can be no lock.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    lock = os.open(path.with_name(path.name + ".lock"), flags, 0o600)
    try:
        _wait_for(lock, path)
        yield
    finally:
        os.close(lock)


def _wait_for(lock: int, path: Path) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise StoreError(f"another program has locked {path}") from None
            time.sleep(_PAUSE)


def set_aside(path: Path) -> Path:
    """Renames a damaged store and SQLite's files beside it; nothing is overwritten.

    Returns:
        its new name.

    Raises:
        OSError: it cannot be renamed.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    count = 1
    while any(aside.with_name(aside.name + end).exists() for end in _BESIDE):
        count += 1
        aside = path.with_name(f"{path.stem}.damaged-{stamp}-{count}{path.suffix}")
    for end in _BESIDE:
        with suppress(FileNotFoundError):
            path.with_name(path.name + end).rename(aside.with_name(aside.name + end))
    return aside
