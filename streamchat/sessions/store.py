"""The store: sessions, their turns and events, in one SQLite file."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from streamchat.events import Event
from streamchat.process.streams import print_error
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
    SESSIONS,
    encoded,
    events_of,
    exchanges,
    found_session,
    session_of,
    storable,
)
from streamchat.sessions.search import hits, query_of
from streamchat.text.partial_json import replace_surrogates
from streamchat.text.sanitize import one_line
from streamchat.turn import Turn, find_answer

_BEGIN = """
    INSERT INTO turns (id, session, number, question, message, model, started)
    SELECT ?, ?, coalesce(max(number), 0) + 1, ?, ?, ?, ? FROM turns WHERE session = ?
"""
_ADD = """
    INSERT INTO events (turn, number, events)
    SELECT id, (SELECT coalesce(max(number), 0) + 1 FROM events WHERE turn = id), ?
    FROM turns WHERE id = ?
"""
_FINISH = """
    UPDATE turns SET answer = ?, status = ?, seconds = ?, input_tokens = ?, output_tokens = ?
    WHERE id = ?
"""
_COPY_TURN = """
    INSERT INTO turns SELECT ?, ?, number, question, message, answer, status, model, started,
        seconds, input_tokens, output_tokens
    FROM turns WHERE id = ?
"""
_COPY_EVENTS = "INSERT INTO events SELECT ?, number, events FROM events WHERE turn = ?"
_COPY_WORDS = """
    INSERT INTO words (rowid, question, answer, calls)
    SELECT ?, question, answer, calls FROM words WHERE rowid = ?
"""


class Store:
    """Keeps sessions. All methods may be called from any thread; each is done wholly or not at all.

    A damaged store is set aside, whenever that is found out, and the call is done on a new one.

    Raises:
        StoreError: any method; the store cannot be used, and one line says why.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, path: Path | None = None, warn: Callable[[str], None] = print_error) -> Self:
        """Opens the store, or begins one, which only its owner can read.

        Args:
            path: the file; by default one in the user's data directory.
            warn: takes the line that says where a damaged store was put, in the thread that found
                the damage.

        Raises:
            StoreError: it cannot be opened, or a newer version has written it.
        """
        return cls(Database(path or default_path(), warn, own_directory=path is None))

    def close(self) -> None:
        """Closes the store."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def create(self, model: str, system: str | None = None, parent: str | None = None) -> str:
        """Begins a session and returns its id, 8 hexadecimal digits."""
        return self._database.write(lambda db: _created(db, model, system, parent))

    def begin(self, session_id: str, question: str, message: str, model: str) -> int:
        """Begins a turn, in a session that is made if it is not there, and returns the turn's id.

        Args:
            session_id: of the session.
            question: as it was typed.
            message: as it is sent to the model.
            model: its name.
        """
        asked = replace_surrogates(question), replace_surrogates(message)
        return self._database.write(
            lambda db: _begun(db, session_id, *asked, replace_surrogates(model))
        )

    def add(self, turn_id: int, events: Sequence[Event]) -> None:
        """Adds events to a turn, or drops them if the turn is not there any more."""
        batch = encoded(events)
        self._database.write(lambda db: db.execute(_ADD, [batch, turn_id]))

    def finish(self, turn_id: int, turn: Turn) -> None:
        """Keeps how a turn ended."""
        self._database.write(lambda db: _finish(db, turn_id, turn))

    def turns(self, session_id: str) -> list[StoredTurn]:
        """Returns the turns of a session in their order, none if there is no such session."""
        return self._database.read(lambda db: exchanges(db, session_id))

    def events(self, turn_id: int) -> list[Event]:
        """Returns the events of a turn; the last is `TurnCancelled` where no end was kept."""
        return self._database.read(lambda db: events_of(db, turn_id))

    def sessions(self, limit: int | None = None) -> list[Session]:
        """Returns the sessions that have turns, those last used first, at most `limit`."""
        where = "WHERE turns > 0 ORDER BY updated DESC, rowid DESC LIMIT ?"
        many = [-1 if limit is None else limit]
        return self._database.read(
            lambda db: [session_of(row) for row in db.execute(f"{SESSIONS} {where}", many)]
        )

    def find(self, prefix: str) -> Session:
        """Returns the session whose id begins so.

        Raises:
            StoreError: none does, or more than one.
        """
        return self._database.read(lambda db: found_session(db, prefix))

    def last(self) -> Session | None:
        """Returns the session that was last used, if there is any."""
        return next(iter(self.sessions(1)), None)

    def set_title(self, session_id: str, title: str) -> None:
        """Names a session; an empty title is none."""
        self._set("title", session_id, title)

    def set_system(self, session_id: str, text: str | None) -> None:
        """Keeps a session's instructions to the model; None are the usual ones."""
        self._set("system", session_id, text)

    def _set(self, column: str, session_id: str, text: str | None) -> None:
        value = None if text is None else replace_surrogates(text)
        query = f"UPDATE sessions SET {column} = ? WHERE id = ?"  # noqa: S608  # ours
        self._database.write(lambda db: db.execute(query, [value, session_id]))

    def branch(self, session_id: str, upto: int) -> str:
        """Copies the turns up to a number into a new session, and returns its id.

        Raises:
            StoreError: there is no such session.
        """
        return self._database.write(lambda db: _branched(db, session_id, upto))

    def delete_turn(self, turn_id: int) -> None:
        """Deletes a turn, if it is there."""
        self._database.write(lambda db: db.execute("DELETE FROM turns WHERE id = ?", [turn_id]))

    def delete(self, session_id: str) -> None:
        """Deletes a session, if it is there, and all its turns."""
        query = "DELETE FROM sessions WHERE id = ?"
        self._database.write(lambda db: db.execute(query, [session_id]))

    def search(self, words: str, limit: int = 50) -> list[Hit]:
        """Returns the turns with all the words, or words that begin so, newest first.

        They are looked for in questions, answers, and calls with their results.

        Raises:
            StoreError: there is no word to look for.
        """
        query = query_of(words)
        return self._database.read(lambda db: hits(db, query, limit))


def _new_id(db: sqlite3.Connection) -> str:
    taken = True
    while taken:
        id = secrets.token_hex(4)
        taken = db.execute("SELECT 1 FROM sessions WHERE id = ?", [id]).fetchone() is not None
    return id


def _created(db: sqlite3.Connection, model: str, system: str | None, parent: str | None) -> str:
    id, now = _new_id(db), time.time()
    instructions = None if system is None else replace_surrogates(system)
    _insert_session(db, id, None, replace_surrogates(model), instructions, parent, now, now)
    return id


def _insert_session(db: sqlite3.Connection, *values: object) -> None:
    db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)", values)


def _begun(db: sqlite3.Connection, session: str, question: str, message: str, model: str) -> int:
    id, now = secrets.randbits(53), time.time()
    if not db.execute("SELECT 1 FROM sessions WHERE id = ?", [session]).fetchone():
        _insert_session(db, session, None, model, None, None, now, now)
    db.execute(_BEGIN, [id, session, question, message, model, now, session])
    db.execute("INSERT INTO words (rowid, question) VALUES (?, ?)", [id, question])
    db.execute("UPDATE sessions SET updated = ?, model = ? WHERE id = ?", [now, model, session])
    return id


def _finish(db: sqlite3.Connection, id: int, turn: Turn) -> None:
    answer = replace_surrogates(find_answer(turn))
    tokens = storable(turn.input_tokens), storable(turn.output_tokens)
    db.execute(_FINISH, [answer, turn.status, turn.seconds, *tokens, id])
    db.execute(
        "UPDATE words SET answer = ?, calls = ? WHERE rowid = ?", [answer, format_calls(turn), id]
    )
    of_turn = "WHERE id = (SELECT session FROM turns WHERE turns.id = ?)"
    db.execute(f"UPDATE sessions SET updated = ? {of_turn}", [time.time(), id])  # noqa: S608  # ours


def _branched(db: sqlite3.Connection, session: str, upto: int) -> str:
    query = "SELECT title, model, system FROM sessions WHERE id = ?"
    found = db.execute(query, [session]).fetchone()
    if not found:
        raise StoreError(f"there is no session {one_line(session, 40)}")
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
