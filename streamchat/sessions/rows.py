"""How rows of the store become records, and events become text and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from streamchat.events import ChunkReceived, Event, LastEvent, TurnCancelled, from_dict, to_dict
from streamchat.sessions import StoreError
from streamchat.sessions.records import Session, StoredTurn
from streamchat.text.sanitize import one_line
from streamchat.turn import find_answer, fold

TITLE = 80
"""Characters of a title that are shown."""
SESSIONS = """
    SELECT id, title, model, system, parent, created, updated,
        (SELECT count(*) FROM turns WHERE session = sessions.id) AS turns,
        (SELECT question FROM turns WHERE session = sessions.id ORDER BY number LIMIT 1)
    FROM sessions
"""
_EXCHANGES = """
    SELECT id, number, question, message, answer, status, model, started, seconds,
        input_tokens, output_tokens
    FROM turns WHERE session = ? ORDER BY number
"""
_MOST = 2**63 - 1
_encode = json.JSONEncoder(default=str).encode


def session_of(row: Sequence[Any]) -> Session:
    """Returns the session in a row of `SESSIONS`."""
    id, title, model, system, parent, created, updated, turns, question = row
    shown = one_line(title or "", TITLE) or one_line(question or "", TITLE)
    return Session(id, shown, model, system, parent, turns, created, updated)


def found_session(connection: sqlite3.Connection, prefix: str) -> Session:
    """Returns the session whose id begins so.

    Raises:
        StoreError: none does, or more than one.
    """
    begin = prefix.strip().lower()
    # Ids are hexadecimal. Nothing else, and least of all a wildcard, begins one.
    rows = []
    if begin and begin.isalnum() and begin.isascii():
        where = "WHERE id LIKE ? || '%' ORDER BY updated DESC"
        rows = connection.execute(f"{SESSIONS} {where}", [begin]).fetchall()
    if not rows:
        raise StoreError(f"no session begins with {one_line(prefix, 40) or 'nothing'}")
    if len(rows) > 1:
        ids = ", ".join(row[0] for row in rows[:10])
        raise StoreError(f"{len(rows)} sessions begin with {begin}: {ids}")
    return session_of(rows[0])


def exchanges(connection: sqlite3.Connection, session: str) -> list[StoredTurn]:
    """Returns the turns of a session in their order."""
    rows = connection.execute(_EXCHANGES, [session]).fetchall()
    return [_exchange(connection, row) for row in rows]


def _exchange(connection: sqlite3.Connection, row: Sequence[Any]) -> StoredTurn:
    id, number, question, message, answer, status, *rest = row
    if status in ("done", "failed", "cancelled"):
        return StoredTurn(id, number, question, message, answer, status, *rest)
    # Nobody has told how it ended: the program was killed.
    turn = fold(events_of(connection, id))
    model, started, *_ = rest
    tokens = turn.input_tokens, turn.output_tokens
    answer = find_answer(turn)
    return StoredTurn(
        id, number, question, message, answer, "cancelled", model, started, 0.0, *tokens
    )


def events_of(connection: sqlite3.Connection, turn: int) -> list[Event]:
    """Returns the events of a turn up to its last, which is `TurnCancelled` if none was kept."""
    query = "SELECT events FROM events WHERE turn = ? ORDER BY number"
    events: list[Event] = []
    for (batch,) in connection.execute(query, [turn]):
        try:
            events += map(from_dict, json.loads(batch))
        except (ValueError, TypeError, AttributeError):
            break  # what follows would speak of calls that are not there
    last = next((at for at, event in enumerate(events) if isinstance(event, LastEvent)), None)
    return [*events, TurnCancelled()] if last is None else events[: last + 1]


def encoded(events: Iterable[Event]) -> str:
    """Returns a batch of events as an ASCII JSON array; chunks are for debugging, and left out."""
    # One by one: a long batch at once would keep other threads waiting.
    kept = (_encode(to_dict(each)) for each in events if not isinstance(each, ChunkReceived))
    return f"[{','.join(kept)}]"


def storable(number: int | None) -> int | None:
    """Returns a count as SQLite can hold it: servers may send any."""
    return number if number is None else max(-_MOST, min(number, _MOST))
