"""The store: sessions, their turns and their events in one SQLite file."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

from streamchat.events import Event, TimedEvent
from streamchat.process.stdio import print_error
from streamchat.sessions import StoreError
from streamchat.sessions.database import Database
from streamchat.sessions.files import default_path
from streamchat.sessions.records import (
    Hit,
    Session,
    StoredTurn,
    format_calls,
)
from streamchat.sessions.rows import (
    SELECT_SESSIONS,
    clamp_count,
    encode_batch,
    find_session,
    load_events,
    load_turns,
    to_session,
)
from streamchat.sessions.search import build_query, find_hits
from streamchat.text.sanitize import one_line
from streamchat.text.surrogates import replace_surrogates
from streamchat.turn import Turn, find_answer, fold

_INSERT_TURN = """
    INSERT INTO turns (id, session, number, question, message, model, started)
    SELECT ?, ?, coalesce(max(number), 0) + 1, ?, ?, ?, ? FROM turns WHERE session = ?
"""
_INSERT_EVENTS = """
    INSERT INTO events (turn, number, events, times)
    SELECT id, (SELECT coalesce(max(number), 0) + 1 FROM events WHERE turn = id), ?, ?
    FROM turns WHERE id = ?
"""
_UPDATE_TURN = """
    UPDATE turns SET answer = ?, status = ?, seconds = ?, input_tokens = ?, output_tokens = ?
    WHERE id = ?
"""
_COPY_TURN = """
    INSERT INTO turns SELECT ?, ?, number, question, message, answer, status, model, started,
        seconds, input_tokens, output_tokens
    FROM turns WHERE id = ?
"""
_COPY_EVENTS = "INSERT INTO events SELECT ?, number, events, times FROM events WHERE turn = ?"
_COPY_WORDS = """
    INSERT INTO words (rowid, question, answer, calls)
    SELECT ?, question, answer, calls FROM words WHERE rowid = ?
"""
_LATEST = "ORDER BY updated DESC, rowid DESC"


class Store:
    """Stores sessions. Methods can be called from any thread, and each is one transaction.

    A damaged store is moved aside as soon as the damage shows, and the call starts over on a new
    one.

    Raises:
        StoreError: by every method, if the store cannot be used; the message says why in one line.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(
        cls,
        path: Path | None = None,
        warn: Callable[[str], None] = print_error,
        *,
        only_read: bool = False,
    ) -> Self:
        """Open the store, or make one that only its owner can read.

        Args:
            path: the file; by default in the user's data directory.
            warn: called with a line that says where a damaged store was moved, in the thread that
                found the damage.
            only_read: whether to open a store that cannot be written, as on a full disk.

        Raises:
            StoreError: it cannot be opened, or was written by a newer version.
        """
        place = path or default_path()
        return cls(Database(place, warn, own_directory=path is None, only_read=only_read))

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def create(self, model: str, system: str | None = None, parent: str | None = None) -> str:
        """Make a session, and return its ID of 8 hexadecimal digits."""
        return self._database.write(lambda db: _create(db, model, system, parent))

    def begin(self, session_id: str, question: str, message: str, model: str) -> int:
        """Start a turn, and return its ID; a session that was deleted meanwhile is recreated.

        Args:
            session_id: the session's.
            question: as typed.
            message: as sent to the model.
            model: the model's name.
        """
        texts = [replace_surrogates(text) for text in (question, message, model)]
        return self._database.write(lambda db: _begin(db, session_id, *texts))

    def add(self, turn_id: int, events: Iterable[TimedEvent]) -> None:
        """Add events to a turn, or drop them if the turn is gone."""
        batch = encode_batch(events)
        self._database.write(lambda db: db.execute(_INSERT_EVENTS, [*batch, turn_id]))

    def finish(self, turn_id: int, turn: Turn) -> None:
        """Store how a turn ended."""
        self._database.write(lambda db: _finish(db, turn_id, turn))

    def restore(self, session_id: str, turn: StoredTurn) -> int:
        """Store a turn with its events, as the last of a session, and return its new ID.

        What is already stored of it is deleted.
        """
        batch = encode_batch(turn.events)
        return self._database.write(lambda db: _restore(db, session_id, turn, batch))

    def turns(self, session_id: str) -> list[StoredTurn]:
        """Return the turns of a session, the oldest first; none if there is no such session."""
        return self._database.read(lambda db: load_turns(db, session_id))

    def events(self, turn_id: int) -> list[Event]:
        """Return the events of a turn; the last one is `TurnCancelled` if no end was stored."""
        return [timed.event for timed in self.timed_events(turn_id)]

    def timed_events(self, turn_id: int) -> list[TimedEvent]:
        """Return the events of a turn with their times, which earlier versions did not store."""
        return self._database.read(lambda db: load_events(db, turn_id))

    def sessions(self, limit: int | None = None) -> list[Session]:
        """Return the sessions that have turns, the last used first."""
        where = f"WHERE turns > 0 {_LATEST} LIMIT ?"
        count = [-1 if limit is None else limit]
        return self._database.read(
            lambda db: [to_session(row) for row in db.execute(f"{SELECT_SESSIONS} {where}", count)]
        )

    def find(self, prefix: str) -> Session:
        """Return the session whose ID starts with the prefix.

        Raises:
            StoreError: no ID does, or several do.
        """
        return self._database.read(lambda db: find_session(db, prefix))

    def last(self) -> Session | None:
        """Return the session that was used last, even if its turns were removed."""
        # A session without turns that was never updated is one whose first turn was not stored.
        query = f"{SELECT_SESSIONS} WHERE turns > 0 OR updated > created {_LATEST} LIMIT 1"
        row = self._database.read(lambda db: db.execute(query).fetchone())
        return row and to_session(row)

    def set_title(self, session_id: str, title: str) -> None:
        """Set a session's title; an empty one stands for the first question."""
        self._set("title", session_id, title)

    def set_system(self, session_id: str, text: str | None) -> None:
        """Set the instructions that a session adds to the built-in ones; None for the setting's."""
        self._set("system", session_id, text)

    def _set(self, column: str, session_id: str, text: str | None) -> None:
        value = None if text is None else replace_surrogates(text)
        query = f"UPDATE sessions SET {column} = ? WHERE id = ?"  # noqa: S608  # ours
        self._database.write(lambda db: db.execute(query, [value, session_id]))

    def branch(self, session_id: str, upto: int) -> str:
        """Copy the turns up to a number into a new session, and return its ID.

        Raises:
            StoreError: there is no such session.
        """
        return self._database.write(lambda db: _branch(db, session_id, upto))

    def delete_turn(self, turn_id: int) -> None:
        """Delete a turn if it exists; its session counts as used."""
        self._database.write(lambda db: _delete_turn(db, turn_id))

    def delete(self, session_id: str) -> None:
        """Delete a session and its turns if it exists."""
        query = "DELETE FROM sessions WHERE id = ?"
        self._database.write(lambda db: db.execute(query, [session_id]))

    def search(self, words: str, limit: int = 50) -> list[Hit]:
        """Return the turns with all the words, or words that start with them, newest first.

        The search covers questions, answers, tool calls and their results.

        Raises:
            StoreError: there are no words.
        """
        query = build_query(words)
        return self._database.read(lambda db: find_hits(db, query, limit))


def _new_id(db: sqlite3.Connection) -> str:
    taken = True
    while taken:
        id = secrets.token_hex(4)
        taken = db.execute("SELECT 1 FROM sessions WHERE id = ?", [id]).fetchone() is not None
    return id


def _create(db: sqlite3.Connection, model: str, system: str | None, parent: str | None) -> str:
    id, now = _new_id(db), time.time()
    instructions = None if system is None else replace_surrogates(system)
    _insert_session(db, id, None, replace_surrogates(model), instructions, parent, now, now)
    return id


def _insert_session(db: sqlite3.Connection, *values: object) -> None:
    db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)", values)


def _begin(db: sqlite3.Connection, session: str, question: str, message: str, model: str) -> int:
    id, now = secrets.randbits(53), time.time()
    if not db.execute("SELECT 1 FROM sessions WHERE id = ?", [session]).fetchone():
        _insert_session(db, session, None, model, None, None, now, now)
    db.execute(_INSERT_TURN, [id, session, question, message, model, now, session])
    db.execute("INSERT INTO words (rowid, question) VALUES (?, ?)", [id, question])
    db.execute("UPDATE sessions SET updated = ?, model = ? WHERE id = ?", [now, model, session])
    return id


def _restore(
    db: sqlite3.Connection, session: str, turn: StoredTurn, batch: tuple[str, str | None]
) -> int:
    db.execute("DELETE FROM turns WHERE id = ?", [turn.id])
    texts = [replace_surrogates(text) for text in (turn.question, turn.message, turn.model)]
    id = _begin(db, session, *texts)
    db.execute("UPDATE turns SET started = ? WHERE id = ?", [turn.started, id])
    db.execute(_INSERT_EVENTS, [*batch, id])
    _finish(db, id, fold(each.event for each in turn.events))
    return id


def _delete_turn(db: sqlite3.Connection, id: int) -> None:
    _touch_session(db, id)
    db.execute("DELETE FROM turns WHERE id = ?", [id])


def _touch_session(db: sqlite3.Connection, turn: int) -> None:
    of_turn = "WHERE id = (SELECT session FROM turns WHERE turns.id = ?)"
    query = f"UPDATE sessions SET updated = ? {of_turn}"  # noqa: S608  # ours
    db.execute(query, [time.time(), turn])


def _finish(db: sqlite3.Connection, id: int, turn: Turn) -> None:
    answer = replace_surrogates(find_answer(turn))
    tokens = clamp_count(turn.input_tokens), clamp_count(turn.output_tokens)
    db.execute(_UPDATE_TURN, [answer, turn.status, turn.seconds, *tokens, id])
    db.execute(
        "UPDATE words SET answer = ?, calls = ? WHERE rowid = ?", [answer, format_calls(turn), id]
    )
    _touch_session(db, id)


def _branch(db: sqlite3.Connection, session: str, upto: int) -> str:
    query = "SELECT title, model, system FROM sessions WHERE id = ?"
    found = db.execute(query, [session]).fetchone()
    if not found:
        raise StoreError(f"no session {one_line(session, 40)}")
    title, model, system = found
    id, now = _new_id(db), time.time()
    _insert_session(db, id, title, model, system, session, now, now)
    turns = "SELECT id FROM turns WHERE session = ? AND number <= ? ORDER BY number"
    for (turn,) in db.execute(turns, [session, upto]).fetchall():
        copy = secrets.randbits(53)
        db.execute(_COPY_TURN, [copy, id, turn])
        for each in (_COPY_EVENTS, _COPY_WORDS):
            db.execute(each, [copy, turn])
    return id
