"""Lists of sessions and of search hits."""

from __future__ import annotations

from collections.abc import Iterable
from time import time
from typing import TextIO

from streamchat.sessions.records import Hit, Session
from streamchat.view.formatting import format_age
from streamchat.view.table import Layout, cell, show_table

_SESSIONS = Layout(
    columns=("ID", "title", "model", "turns", "age"),
    narrow=("ID", "title\nmodel, turns, age"),
    unbroken=("ID",),
)
_HITS = Layout(
    columns=("ID", "question", "turn", "found"),
    narrow=("ID", "question\nturn, found"),
    unbroken=("ID",),
)


def show_sessions(sessions: Iterable[Session], out: TextIO) -> None:
    """Write a table of sessions.

    Raises:
        OSError: the output is gone.
    """
    rows = (
        [
            *(cell(each.id), cell(each.title), cell(each.model, "dim")),
            *(cell(str(each.turns), "dim"), cell(format_age(time() - each.updated), "dim")),
        ]
        for each in sessions
    )
    show_table(_SESSIONS, rows, out)


def show_hits(hits: Iterable[Hit], out: TextIO) -> None:
    """Write a table of the turns that a search has found.

    Raises:
        OSError: the output is gone.
    """
    rows = (
        [
            *(cell(each.session.id), cell(each.question)),
            *(cell(str(each.number), "dim"), cell(each.snippet, "dim")),
        ]
        for each in hits
    )
    show_table(_HITS, rows, out)
