"""What a model is told of earlier turns, and sessions as files for people and programs: pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TypeAlias

from streamchat.agent.history import INTERRUPTED, mark_interrupted
from streamchat.events import ANSWER_TOOL, Event, add_version, to_dict
from streamchat.sessions.records import Session, StoredTurn, format_arguments
from streamchat.text.sanitize import one_line
from streamchat.turn import ToolCall, fold

Told: TypeAlias = tuple[StoredTurn, Sequence[Event]]
"""A turn and its events."""


def quote_answer(exchange: StoredTurn) -> str | None:
    """Return the answer as the history quotes it; None if the turn is not in the history."""
    if exchange.status == "done":
        return exchange.answer
    if exchange.status == "cancelled":
        return mark_interrupted(exchange.answer) or None
    return None


def build_history(exchanges: Iterable[StoredTurn], most: int) -> tuple[list[tuple[str, str]], int]:
    """Returns the newest pairs of message and answer, in their order, and how many are left out.

    Args:
        exchanges: in their order; those without an answer are passed over.
        most: characters in all pairs. From the first that is too much, counted from the end, all
            that is older is left out.
    """
    pairs = [
        (each.message, answer) for each in exchanges if (answer := quote_answer(each)) is not None
    ]
    begin = len(pairs)
    while begin and (most := most - len("".join(pairs[begin - 1]))) >= 0:
        begin -= 1
    return pairs[begin:], begin


def markdown(session: Session, turns: Iterable[Told]) -> str:
    """Returns the session for a person to read: questions, calls, and answers as they came."""
    head = [
        f"# {session.title or session.id}",
        f"Session {session.id}, {one_line(session.model, 80)}, {time_of(session.created)}",
    ]
    if session.system:
        head += ["## Instructions", _quoted(session.system)]
    parts = [part for exchange, events in turns for part in _turn_in_markdown(exchange, events)]
    return "\n\n".join([*head, *parts]) + "\n"


def _turn_in_markdown(exchange: StoredTurn, events: Sequence[Event]) -> list[str]:
    turn = fold(events)
    calls = [
        _call_in_markdown(block)
        for block in turn.blocks
        if isinstance(block, ToolCall) and block.name != ANSWER_TOOL
    ]
    answer = [exchange.answer] if exchange.answer.strip() else []
    return [
        f"## {exchange.number}",
        _quoted(exchange.question),
        *calls,
        *answer,
        *_end(exchange, turn.error),
    ]


def _end(exchange: StoredTurn, error: str) -> list[str]:
    match exchange.status:
        case "cancelled":
            return [f"*{INTERRUPTED}*"]
        case "failed":
            return [f"*[failed]* {one_line(error)}".rstrip()]
        case _:
            return []


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _call_in_markdown(call: ToolCall) -> str:
    name = one_line(call.name, 64) or "a tool without a name"
    outcome = {"done": "returned", "failed": "failed"}.get(call.state, "did not end")
    blocks = f"{fenced(format_arguments(call), 'json')}\n\n{name} {outcome}"
    return f"Calling {name}\n\n{blocks}" + (f":\n\n{fenced(call.output)}" if call.output else ".")


def fenced(text: str, language: str = "") -> str:
    """Returns the text as a block of code; nothing in it ends the block."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def document(session: Session, turns: Iterable[Told]) -> dict[str, Any]:
    """Returns the session for a program to read: plain values, times as ISO 8601 in UTC."""
    times = {"created": time_of(session.created), "updated": time_of(session.updated)}
    plain = asdict(session) | times | {"turns": [turn_as_dict(*each) for each in turns]}
    return add_version({"session": plain})


def turn_as_dict(exchange: StoredTurn, events: Sequence[Event]) -> dict[str, Any]:
    """Returns a turn as plain values, with its calls and its events."""
    calls = [
        {
            "name": block.name,
            "arguments": block.arguments,
            "state": block.state,
            "output": block.output,
            "seconds": block.seconds,
        }
        for block in fold(events).blocks
        if isinstance(block, ToolCall) and block.name != ANSWER_TOOL
    ]
    plain = asdict(exchange) | {"started": time_of(exchange.started), "calls": calls}
    return plain | {"events": list(map(to_dict, events))}


def time_of(seconds: float) -> str:
    """Returns a time as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
