"""The store's tables, and the migrations from earlier versions."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from streamchat.sessions import StoreError

MIGRATIONS: tuple[Sequence[str], ...] = (
    (
        """CREATE TABLE sessions (
            id TEXT PRIMARY KEY,
            title TEXT,
            model TEXT NOT NULL,
            system TEXT,
            parent TEXT,
            created REAL NOT NULL,
            updated REAL NOT NULL
        )""",
        # Turn IDs are random: a store that replaces a damaged one must not reuse the ID of a turn
        # that another program is still writing.
        """CREATE TABLE turns (
            id INTEGER PRIMARY KEY,
            session TEXT NOT NULL REFERENCES sessions ON DELETE CASCADE,
            number INTEGER NOT NULL,
            question TEXT NOT NULL,
            message TEXT NOT NULL,
            answer TEXT NOT NULL DEFAULT '',
            status TEXT NOT NULL DEFAULT 'running',
            model TEXT NOT NULL,
            started REAL NOT NULL,
            seconds REAL NOT NULL DEFAULT 0,
            input_tokens INTEGER,
            output_tokens INTEGER,
            UNIQUE (session, number)
        )""",
        """CREATE TABLE events (
            turn INTEGER NOT NULL REFERENCES turns ON DELETE CASCADE,
            number INTEGER NOT NULL,
            events TEXT NOT NULL,
            PRIMARY KEY (turn, number)
        )""",
        "CREATE INDEX sessions_updated ON sessions (updated)",
        """CREATE VIRTUAL TABLE words USING fts5(
            question, answer, calls, tokenize = 'unicode61 remove_diacritics 2'
        )""",
        """CREATE TRIGGER words_deleted AFTER DELETE ON turns BEGIN
            DELETE FROM words WHERE rowid = old.id;
        END""",
    ),
    ("ALTER TABLE events ADD COLUMN times TEXT",),  # NULL in batches from before
)
"""The statements that upgrade from each version to the next, starting from an empty file."""


def migrate(
    connection: sqlite3.Connection, migrations: Sequence[Sequence[str]] = MIGRATIONS
) -> None:
    """Upgrade the store to the newest version in one transaction.

    Raises:
        StoreError: the store is newer than that; nothing has changed.
        sqlite3.Error: the store cannot be read or written.
    """
    if _version(connection) == len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)
        if version > len(migrations):
            raise StoreError("it was written by a newer version of streamchat")
        for migration in migrations[version:]:
            for statement in migration:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def is_current(connection: sqlite3.Connection) -> bool:
    """Whether the store needs no migration, and can be read.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    return _version(connection) == len(MIGRATIONS)


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version
