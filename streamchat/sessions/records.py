"""What the store gives out, and what is read out of a turn to be kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal, TypeAlias

from streamchat.events import ANSWER_TOOL
from streamchat.text.partial_json import replace_surrogates
from streamchat.turn import ToolCall, Turn

Status: TypeAlias = Literal["done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation. Times are seconds since 1970 (UTC).

    `title` is the given one or else the first question, on one line, and safe to show. `parent` is
    the session that this one was branched from.
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
    """One turn of a session. Numbers count from 1; `started` is in seconds since 1970 (UTC).

    `question` is what was typed and `message` what was sent to the model, with attached files.
    `answer` is as much of it as came. Token counts are None where no server told any.
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


@dataclass(frozen=True, slots=True)
class Hit:
    """A turn that holds the words looked for, with a few words around them."""

    session: Session
    number: int
    question: str
    snippet: str


def format_calls(turn: Turn) -> str:
    """Returns the calls as text to be searched: names, decoded arguments, results."""
    lines = []
    for call in turn.blocks:
        if isinstance(call, ToolCall) and call.name != ANSWER_TOOL:
            lines.append(f"{call.name} {format_arguments(call)}\n{call.output}")
    return replace_surrogates("\n".join(lines))


def format_arguments(call: ToolCall) -> str:
    """Returns the arguments of a call as JSON, or as far as they came."""
    if call.arguments is None:
        return replace_surrogates(call.fragments.text)
    return replace_surrogates(json.dumps(dict(call.arguments), ensure_ascii=False, default=str))
