"""Stores with sessions in them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from streamchat.events import AnswerDelta, Event, StepStarted, TimedEvent, TurnDone, TurnStarted
from streamchat.sessions.store import Store
from streamchat.turn import fold
from tests.turns import NOTEBOOK


def answer_events(question: str, answer: str) -> list[Event]:
    return [TurnStarted(question, "m"), StepStarted(1), AnswerDelta(answer), TurnDone(answer)]


def store_turn(
    store: Store,
    session: str,
    question: str = "What is 10 + 10",
    events: Sequence[Event] = NOTEBOOK,
) -> int:
    """Store a turn in two batches, and return its ID."""
    turn = store.begin(session, question, question, "m")
    store.add(turn, map(TimedEvent, events[:2]))
    store.add(turn, map(TimedEvent, events[2:]))
    store.finish(turn, fold(events))
    return turn


def store_sessions(path: Path, questions: Iterable[str]) -> list[str]:
    """Store a session for each question, and return their IDs."""
    with closing(Store.open(path)) as store:
        ids = []
        for question in questions:
            ids.append(store.create("m"))
            store_turn(store, ids[-1], question)
    return ids


def store_turns(home: Path, *turns: Sequence[Event]) -> str:
    """Store a session with these turns where a user's sessions are; return its ID."""
    with closing(Store.open(home / ".local/share/streamchat/sessions.sqlite3")) as store:
        session = store.create("m")
        for events in turns:
            store_turn(store, session, events=events)
    return session


def store_timed(home: Path, *turns: Sequence[TimedEvent]) -> str:
    """Store a session with these turns, and their times, where a user's are; return its ID."""
    with closing(Store.open(home / ".local/share/streamchat/sessions.sqlite3")) as store:
        session = store.create("m")
        for timed in turns:
            events = [each.event for each in timed]
            question = fold(events).question
            turn = store.begin(session, question, question, "m")
            store.add(turn, timed)
            store.finish(turn, fold(events))
    return session


def empty_log(path: Path) -> None:
    """Move everything from the log into the store's own file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
