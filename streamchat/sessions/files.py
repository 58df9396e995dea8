"""The store's files: readable by their owner only, locked while opened, moved away if damaged."""

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

LOCK_TIMEOUT = 5.0
"""Seconds to wait for another program."""
_POLL = 0.02
_SUFFIXES = ("", "-wal", "-shm")
"""What SQLite appends to the store's name for its own files."""

Identity: TypeAlias = tuple[int, int]
"""Device and inode."""


def default_path() -> Path:
    """Return the store's path in the user's data directory."""
    return platformdirs.user_data_path("streamchat") / "sessions.sqlite3"


def make_directory(path: Path, *, own: bool) -> None:
    """Make the store's directory, for its owner only.

    Args:
        path: the store.
        own: whether nothing else is kept in the directory, so that others can be locked out of it
            even if it exists already.

    Raises:
        OSError: it cannot be made.
    """
    made = not path.parent.exists()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if own or made:
        _tighten(path.parent, 0o700)


def make_file(path: Path) -> None:
    """Make the store's file if it is missing, and make it and SQLite's own files private.

    Raises:
        OSError: it cannot be made.
    """
    with suppress(FileExistsError):
        # Opening and closing an existing file would drop the locks that SQLite holds on it in
        # this process.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    for suffix in _SUFFIXES:
        with suppress(FileNotFoundError):
            _tighten(path.with_name(path.name + suffix), 0o600)


def _tighten(path: Path, mode: int) -> None:
    found = path.stat()
    if found.st_uid == os.geteuid() and found.st_mode & 0o077:
        path.chmod(mode)


def identify(path: Path) -> Identity | None:
    """Return what distinguishes the file from a later one of the same name; None if it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Keep other processes from opening the store or moving it away.

    Raises:
        StoreError: another process holds the lock for too long.
        OSError: the file system has no locks.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    descriptor = os.open(path.with_name(path.name + ".lock"), flags, 0o600)
    try:
        _acquire(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path) -> None:
    end = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise StoreError(f"another program has locked {path}") from None
            time.sleep(_POLL)


def set_aside(path: Path) -> Path:
    """Rename a damaged store and SQLite's files beside it, and return its new path.

    Raises:
        OSError: it cannot be renamed.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    count = 1
    while any(aside.with_name(aside.name + suffix).exists() for suffix in _SUFFIXES):
        count += 1
        aside = path.with_name(f"{path.stem}.damaged-{stamp}-{count}{path.suffix}")
    for suffix in _SUFFIXES:
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside
