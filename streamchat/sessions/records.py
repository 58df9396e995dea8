"""The records that the store returns, and the texts that it keeps of a turn."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal, TypeAlias

from streamchat.events import (
    ANSWER_TOOL,
    AnswerDelta,
    Event,
    TimedEvent,
    TurnCancelled,
    TurnDone,
    TurnFailed,
    TurnStarted,
)
from streamchat.text.surrogates import replace_surrogates
from streamchat.turn import ToolCall, Turn

Status: TypeAlias = Literal["done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Session:
    """A session as a list shows it.

    Attributes:
        title: the given one or else the first question; on one line and safe to show.
        model: the last one that was asked.
        system: instructions that are added to the built-in ones.
        parent: the session that this one was branched from.
        turns: their number.
        created: seconds since 1970 (UTC).
        updated: seconds since 1970 (UTC).
    """

    id: str
    title: str
    model: str
    system: str | None
    parent: str | None
    turns: int
    created: float
    updated: float


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """One turn of a session.

    Attributes:
        id: 0 if the turn is not in a store; with events, it is there in part at most.
        number: from 1.
        question: as typed.
        message: as sent to the model, with attached files.
        answer: as much of it as arrived.
        started: seconds since 1970 (UTC).
        input_tokens: None if the server sent no count.
        output_tokens: None if the server sent no count.
        events: what happened, as long as the store lacks it, as on a full disk.
    """

    id: int
    number: int
    question: str
    message: str
    answer: str
    status: Status
    model: str
    started: float
    seconds: float = 0.0
    input_tokens: int | None = None
    output_tokens: int | None = None
    events: tuple[TimedEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A turn that matches a search; the snippet is the match with a few words around it."""

    session: Session
    number: int
    question: str
    snippet: str


def rebuild_events(turn: StoredTurn) -> list[TimedEvent]:
    """Return events that stand in for those of a turn whose own were not stored."""
    return list(map(TimedEvent, _rebuild(turn)))


def _rebuild(turn: StoredTurn) -> list[Event]:
    begun: list[Event] = [TurnStarted(turn.message, turn.model), AnswerDelta(turn.answer)]
    match turn.status:
        case "done":
            return [*begun, TurnDone(turn.answer, seconds=turn.seconds)]
        case "failed":
            return [*begun, TurnFailed("the turn failed", turn.seconds)]
        case _:
            return [*begun, TurnCancelled(turn.seconds)]


def format_calls(turn: Turn) -> str:
    """Return the names, arguments and results of the tool calls as text for the search index."""
    lines = []
    for call in turn.blocks:
        if isinstance(call, ToolCall) and call.name != ANSWER_TOOL:
            lines.append(f"{call.name} {dump_arguments(call)}\n{call.output}")
    return replace_surrogates("\n".join(lines))


def dump_arguments(call: ToolCall) -> str:
    """Return the arguments of a call as JSON, or the fragments that arrived of them."""
    if call.arguments is None:
        return replace_surrogates(call.fragments.text)
    return replace_surrogates(json.dumps(dict(call.arguments), ensure_ascii=False, default=str))
