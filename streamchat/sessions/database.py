"""A connection to the store that outlives damage: a store that cannot be read is begun anew."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias, TypeVar

from streamchat.sessions import StoreError
from streamchat.sessions.files import (
    PATIENCE,
    Identity,
    identity,
    locked,
    make_directory,
    make_file,
    set_aside,
)
from streamchat.sessions.schema import migrate

_T = TypeVar("_T")
Work: TypeAlias = Callable[[sqlite3.Connection], _T]


class Database:
    """Runs transactions, from any thread, one at a time.

    Args:
        path: the file.
        tell: takes the line that says where a damaged store was put, in the thread that found it.
        own_directory: whether the directory is to be closed to others.

    Raises:
        StoreError: it cannot be opened.
    """

    def __init__(self, path: Path, tell: Callable[[str], None], *, own_directory: bool) -> None:
        self._path = path
        self._tell = tell
        self._own_directory = own_directory
        self._lock = threading.RLock()
        self._identity: Identity | None = None
        self._connection: sqlite3.Connection | None = None
        self._guarded(self._open)

    def close(self) -> None:
        """Closes the connection; nothing can be done with it any more."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection:
                connection.close()

    def read(self, work: Work[_T]) -> _T:
        """Returns what `work` returns, which sees the store as it is at one moment.

        If the store turns out to be damaged, it is done once more, on a new one.

        Raises:
            StoreError: it cannot be done.
        """
        return self._run("BEGIN", work)

    def write(self, work: Work[_T]) -> _T:
        """Returns what `work` returns, which is done while nobody else writes, or not at all.

        If the store turns out to be damaged, it is done once more, on a new one.

        Raises:
            StoreError: it cannot be done.
        """
        return self._run("BEGIN IMMEDIATE", work)

    def _run(self, begin: str, work: Work[_T]) -> _T:
        with self._lock:
            if self._connection is None:
                raise StoreError(f"{self._path} is closed")
            return self._guarded(lambda: self._tried(begin, work))

    def _guarded(self, do: Callable[[], _T]) -> _T:
        try:
            return do()
        except StoreError:
            raise
        except sqlite3.Error as error:
            raise StoreError(f"cannot use {self._path}: {_why(error)}") from error
        except OSError as error:
            raise StoreError(f"cannot use {self._path}: {error.strerror or error}") from error

    def _tried(self, begin: str, work: Work[_T]) -> _T:
        # Somebody may have set it aside, or deleted it; what is written would be lost with it.
        if identity(self._path) != self._identity:
            self._reopen(damaged=False)
        try:
            return self._transaction(begin, work)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
        self._reopen(damaged=True)
        return self._transaction(begin, work)

    def _transaction(self, begin: str, work: Work[_T]) -> _T:
        connection = self._connection
        assert connection
        connection.execute(begin)
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            # A rollback can fail, too, of the same damage.
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        return result

    def _reopen(self, *, damaged: bool) -> None:
        before = self._connection
        self._open(damaged=damaged)
        if before:
            # Only now: SQLite leaves files alone that have been renamed meanwhile.
            with suppress(sqlite3.Error):
                before.close()

    def _open(self, *, damaged: bool = False) -> None:
        make_directory(self._path, own=self._own_directory)
        with locked(self._path):
            # Another process may have found the damage first, and begun a new store.
            if damaged and identity(self._path) == self._identity:
                self._set_aside()
            try:
                self._connect()
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self._connect()

    def _connect(self) -> None:
        make_file(self._path)
        found = identity(self._path)
        connection = sqlite3.connect(
            self._path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._identity = connection, found

    def _prepare(self, connection: sqlite3.Connection) -> None:
        try:
            _prepare(connection)
        except StoreError as error:
            raise StoreError(f"cannot use {self._path}: {error}") from None
        except sqlite3.DatabaseError as error:
            # Before it is closed: SQLite would delete a log that it cannot use.
            if _is_damage(error):
                self._set_aside()
            raise

    def _set_aside(self) -> None:
        aside = set_aside(self._path)
        self._tell(f"the sessions in {self._path} are damaged; a new store is begun, see {aside}")


def _prepare(connection: sqlite3.Connection) -> None:
    # Damage may have left bytes that are no text.
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    connection.execute("PRAGMA foreign_keys = ON")
    migrate(connection)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _is_damage(error: sqlite3.Error) -> bool:
    # What Python finds fault with itself has no code.
    code = getattr(error, "sqlite_errorcode", 0)
    # A log that was cut off while it was in use stays so as long as anybody uses it.
    cut_off: bool = code == sqlite3.SQLITE_IOERR_SHORT_READ
    return cut_off or code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _why(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return "another program has locked it" if code == sqlite3.SQLITE_BUSY else str(error)
