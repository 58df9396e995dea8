"""Stores of sessions to try things on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from streamchat.events import AnswerDelta, Event, StepStarted, TurnDone, TurnStarted
from streamchat.sessions.store import Store
from streamchat.turn import fold
from tests.turns import NOTEBOOK


def answered(question: str, answer: str) -> list[Event]:
    return [TurnStarted(question, "m"), StepStarted(1), AnswerDelta(answer), TurnDone(answer)]


def keep(
    store: Store,
    session: str,
    question: str = "What is 10 + 10",
    events: Sequence[Event] = NOTEBOOK,
) -> int:
    """Keeps a turn, in two batches, and returns its id."""
    turn = store.begin(session, question, question, "m")
    store.add(turn, events[:2])
    store.add(turn, events[2:])
    store.finish(turn, fold(events))
    return turn


def kept(path: Path, questions: Iterable[str]) -> list[str]:
    """Keeps a session for each question, and returns their ids."""
    with closing(Store.open(path)) as store:
        ids = []
        for question in questions:
            ids.append(store.create("m"))
            keep(store, ids[-1], question)
    return ids


def emptied_wal(path: Path) -> None:
    """Sees to it that all there is stands in the one file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
