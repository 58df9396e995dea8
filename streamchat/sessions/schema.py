"""The tables of the store, and how a store of an earlier version becomes one of this."""

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
        # Ids of turns are random: a store that was begun anew must not give out the id of a turn
        # that somebody is still adding to.
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
)
"""The statements that lead from each version to the next; the first begin with an empty file."""


def migrate(
    connection: sqlite3.Connection, migrations: Sequence[Sequence[str]] = MIGRATIONS
) -> None:
    """Brings the store to the newest version, all at once or not at all.

    Raises:
        StoreError: it is newer than that; nothing was changed.
        sqlite3.Error: it cannot be read or written.
    """
    if _version(connection) == len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)
        if version > len(migrations):
            raise StoreError("a newer version of streamchat has written it")
        for migration in migrations[version:]:
            for statement in migration:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version
