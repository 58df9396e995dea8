"""A connection to the store that survives damage by starting a new file."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias, TypeVar

from streamchat.sessions import StoreError
from streamchat.sessions.files import (
    LOCK_TIMEOUT,
    Identity,
    identify,
    lock,
    make_directory,
    make_file,
    set_aside,
)
from streamchat.sessions.schema import is_current, migrate

_T = TypeVar("_T")
Work: TypeAlias = Callable[[sqlite3.Connection], _T]


class Database:
    """Runs transactions, from any thread, one at a time.

    Args:
        path: the file.
        warn: called with a line that says where a damaged store was moved, in the thread that
            found the damage.
        own_directory: whether nothing else is kept in the file's directory.
        only_read: whether to open a file that cannot be written, as on a full or read-only disk.

    Raises:
        StoreError: the file cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        warn: Callable[[str], None],
        *,
        own_directory: bool,
        only_read: bool = False,
    ) -> None:
        self._path = path
        self._warn = warn
        self._own_directory = own_directory
        self._lock = threading.RLock()
        self._identity: Identity | None = None
        self._connection: sqlite3.Connection | None = None
        self._is_writable = True
        try:
            self._translate_errors(self._open)
        except StoreError as error:
            if not (only_read and _is_unwritable(error.__cause__) and self._open_read_only()):
                raise

    def close(self) -> None:
        """Close the connection; every later call fails."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection:
                connection.close()

    def read(self, work: Work[_T]) -> _T:
        """Run `work` in a transaction that sees one consistent state, and return its result.

        If the store turns out to be damaged, `work` runs again on a new one.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._run("BEGIN", work)

    def write(self, work: Work[_T]) -> _T:
        """Run `work` in a transaction that excludes other writers, and return its result.

        If the store turns out to be damaged, `work` runs again on a new one.

        Raises:
            StoreError: the store cannot be written, and nothing has changed.
        """
        return self._run("BEGIN IMMEDIATE", work)

    def _run(self, begin: str, work: Work[_T]) -> _T:
        with self._lock:
            if self._connection is None:
                raise StoreError(f"{self._path} is closed")
            return self._translate_errors(lambda: self._run_once_more_if_damaged(begin, work))

    def _translate_errors(self, do: Callable[[], _T]) -> _T:
        try:
            return do()
        except StoreError:
            raise
        except sqlite3.Error as error:
            raise StoreError(f"cannot use {self._path}: {_explain(error)}") from error
        except OSError as error:
            raise StoreError(f"cannot use {self._path}: {error.strerror or error}") from error

    def _run_once_more_if_damaged(self, begin: str, work: Work[_T]) -> _T:
        if not self._is_writable:
            return self._run_transaction("BEGIN", work)
        # Another program may have moved or deleted the file; what is written would be lost.
        if identify(self._path) != self._identity:
            self._reopen(damaged=False)
        try:
            return self._run_transaction(begin, work)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
        self._reopen(damaged=True)
        return self._run_transaction(begin, work)

    def _run_transaction(self, begin: str, work: Work[_T]) -> _T:
        connection = self._connection
        assert connection
        connection.execute(begin)
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            # The same damage can make the rollback fail, too.
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        return result

    def _reopen(self, *, damaged: bool) -> None:
        before = self._connection
        self._open(damaged=damaged)
        if before:
            # Last, because SQLite does not touch files that have been renamed by then.
            with suppress(sqlite3.Error):
                before.close()

    def _open(self, *, damaged: bool = False) -> None:
        make_directory(self._path, own=self._own_directory)
        with lock(self._path):
            # Another process may have found the damage first and started a new store.
            if damaged and identify(self._path) == self._identity:
                self._set_aside()
            try:
                self._connect()
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self._connect()

    def _open_read_only(self) -> bool:
        """Open the file without writing anything; return whether that was possible."""
        # Without its log, which cannot be read where it cannot be written, recent turns may lack.
        for mode in ("mode=ro", "mode=ro&immutable=1"):
            with suppress(sqlite3.Error):
                connection = sqlite3.connect(
                    f"{self._path.absolute().as_uri()}?{mode}",
                    uri=True,
                    timeout=LOCK_TIMEOUT,
                    isolation_level=None,
                    check_same_thread=False,
                )
                connection.text_factory = _decode
                if is_current(connection):
                    self._connection, self._is_writable = connection, False
                    return True
                connection.close()
        return False

    def _connect(self) -> None:
        make_file(self._path)
        found = identify(self._path)
        connection = sqlite3.connect(
            self._path, timeout=LOCK_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._identity = connection, found

    def _prepare(self, connection: sqlite3.Connection) -> None:
        try:
            _set_up(connection)
        except StoreError as error:
            raise StoreError(f"cannot use {self._path}: {error}") from None
        except sqlite3.DatabaseError as error:
            # Before closing the connection: SQLite would delete a log that it cannot use.
            if _is_damage(error):
                self._set_aside()
            raise

    def _set_aside(self) -> None:
        aside = set_aside(self._path)
        self._warn(f"the sessions in {self._path} are damaged and were moved to {aside}")


def _set_up(connection: sqlite3.Connection) -> None:
    connection.text_factory = _decode
    connection.execute("PRAGMA foreign_keys = ON")
    migrate(connection)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _decode(data: bytes) -> str:
    # Damage can leave invalid UTF-8 in texts.
    return data.decode("utf-8", "replace")


def _is_unwritable(error: BaseException | None) -> bool:
    """Whether reading may work although this error has kept the store from being opened."""
    if isinstance(error, sqlite3.OperationalError):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY
    return isinstance(error, OSError)


def _is_damage(error: sqlite3.Error) -> bool:
    # Errors that Python's own module raises have no code.
    code = getattr(error, "sqlite_errorcode", 0)
    # A log that is truncated while in use stays unreadable until every program has closed it.
    cut_off: bool = code == sqlite3.SQLITE_IOERR_SHORT_READ
    return cut_off or code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _explain(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return "another program has locked it" if code == sqlite3.SQLITE_BUSY else str(error)
