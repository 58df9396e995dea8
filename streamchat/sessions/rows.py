"""Reads records from rows of the store, and encodes and decodes batches of events."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from streamchat.events import (
    TRANSIENT,
    LastEvent,
    TimedEvent,
    TurnCancelled,
    from_dict,
    to_dict,
)
from streamchat.sessions import StoreError
from streamchat.sessions.records import Session, StoredTurn
from streamchat.sessions.times import decode_times, encode_times
from streamchat.text.sanitize import one_line
from streamchat.turn import find_answer, fold

MAX_TITLE = 80
"""Characters of a title, or of a question in its place."""
SELECT_SESSIONS = """
    SELECT id, title, model, system, parent, created, updated,
        (SELECT count(*) FROM turns WHERE session = sessions.id) AS turns,
        (SELECT question FROM turns WHERE session = sessions.id ORDER BY number LIMIT 1)
    FROM sessions
"""
_SELECT_TURNS = """
    SELECT id, number, question, message, answer, status, model, started, seconds,
        input_tokens, output_tokens
    FROM turns WHERE session = ? ORDER BY number
"""
_MAX_INTEGER = 2**63 - 1
_encode = json.JSONEncoder(default=str).encode


def to_session(row: Sequence[Any]) -> Session:
    """Return the session in a row of `SELECT_SESSIONS`."""
    id, title, model, system, parent, created, updated, turns, question = row
    shown = one_line(title or "", MAX_TITLE) or one_line(question or "", MAX_TITLE)
    return Session(id, shown, model, system, parent, turns, created, updated)


def find_session(connection: sqlite3.Connection, prefix: str) -> Session:
    """Return the session whose ID starts with the prefix.

    Raises:
        StoreError: no ID does, or several do.
    """
    start = prefix.strip().lower()
    # IDs are hexadecimal. The check also keeps wildcards out of LIKE.
    rows = []
    if start and start.isalnum() and start.isascii():
        where = "WHERE id LIKE ? || '%' ORDER BY updated DESC"
        rows = connection.execute(f"{SELECT_SESSIONS} {where}", [start]).fetchall()
    if not rows:
        raise StoreError(f"no session ID starts with {one_line(prefix, 40) or 'nothing'}")
    if len(rows) > 1:
        ids = ", ".join(row[0] for row in rows[:10])
        raise StoreError(f"{len(rows)} session IDs start with {start}: {ids}")
    return to_session(rows[0])


def load_turns(connection: sqlite3.Connection, session: str) -> list[StoredTurn]:
    """Return the turns of a session, the oldest first."""
    rows = connection.execute(_SELECT_TURNS, [session]).fetchall()
    return [_load_turn(connection, row) for row in rows]


def _load_turn(connection: sqlite3.Connection, row: Sequence[Any]) -> StoredTurn:
    id, number, question, message, answer, status, *rest = row
    if status in ("done", "failed", "cancelled"):
        return StoredTurn(id, number, question, message, answer, status, *rest)
    # Still "running": the program was killed before it could store the end.
    turn = fold(each.event for each in load_events(connection, id))
    model, started, *_ = rest
    tokens = turn.input_tokens, turn.output_tokens
    answer = find_answer(turn)
    return StoredTurn(
        id, number, question, message, answer, "cancelled", model, started, 0.0, *tokens
    )


def load_events(connection: sqlite3.Connection, turn: int) -> list[TimedEvent]:
    """Return the events of a turn; the last one is `TurnCancelled` if no end was stored."""
    query = "SELECT events, times FROM events WHERE turn = ? ORDER BY number"
    events: list[TimedEvent] = []
    for batch, times in connection.execute(query, [turn]):
        try:
            loaded = list(map(from_dict, json.loads(batch)))
        except (ValueError, TypeError, AttributeError):
            break  # later events refer to calls that are lost
        events += map(TimedEvent, loaded, decode_times(times, len(loaded)))
    last = next((at for at, each in enumerate(events) if isinstance(each.event, LastEvent)), None)
    if last is not None:
        return events[: last + 1]
    return [*events, TimedEvent(TurnCancelled(), events[-1].at if events else None)]


def encode_batch(events: Iterable[TimedEvent]) -> tuple[str, str | None]:
    """Return a batch of events as an ASCII JSON array, and their times.

    Transient events are left out.
    """
    kept = [each for each in events if not isinstance(each.event, TRANSIENT)]
    # Encoding a long batch at once would hold the interpreter lock for too long.
    encoded = ",".join(_encode(to_dict(each.event)) for each in kept)
    return f"[{encoded}]", encode_times([each.at for each in kept])


def clamp_count(number: int | None) -> int | None:
    """Return a count that fits SQLite's integers: servers may send any."""
    return number if number is None else max(-_MAX_INTEGER, min(number, _MAX_INTEGER))
