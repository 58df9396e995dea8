"""What can happen in a turn.

A turn is one question and all the work until its answer. Sources (the agent, a replay) yield these
events in the order things happen; everything else in the program is made from them. The last event
of a turn is always exactly one of `TurnDone`, `TurnFailed`, `TurnCancelled`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeAlias, get_args

ANSWER_TOOL = "final_answer"
"""The tool whose `answer` is the answer."""
VERSION = 1
"""The version of the plain form that `to_dict` gives. It rises when a field changes its meaning."""


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """A question was put to the model that goes by this name."""

    question: str
    model: str


@dataclass(frozen=True, slots=True)
class StepStarted:
    """The model is asked for its next message; steps count from 1."""

    step: int


@dataclass(frozen=True, slots=True)
class ChunkReceived:
    """One chunk as the model sent it, before it was made sense of. For debugging only."""

    content: str
    tool_calls: tuple[Mapping[str, Any], ...] = ()

    def lines(self) -> list[str]:
        """Returns the chunk as debug lines: content, tool_calls, tool_name, arg."""
        lines = [f"content: {self.content}"] if self.content else []
        if self.tool_calls:
            lines.append(f"tool_calls: {[dict(call) for call in self.tool_calls]}")
        for call in self.tool_calls:
            lines += [f"tool_name: {call['name']}"] if call["name"] else []
            lines += [f"arg: {call['args']}"] if call["args"] else []
        return lines


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Text beside tool calls. It is the answer if its message turns out to hold no call."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """What the model thinks before it speaks. It is never the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class AnswerDelta:
    """The next piece of the answer: text written in the call `call_id`, or plain text if empty.

    Another `call_id` than that of the piece before starts the answer anew.
    """

    text: str
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class ToolCallStarted:
    """The model begins to write a call. Ids are unique within a turn."""

    call_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ArgumentsDelta:
    """The next fragment of a call's arguments, a JSON text that is not yet whole."""

    call_id: str
    fragment: str


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """The arguments are whole and right, and the tool runs."""

    call_id: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """A tool returned or failed. Results come in the order the tools finish."""

    call_id: str
    output: str
    failed: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class StepFinished:
    """The model's message is whole. What the server does not tell is None.

    `seconds` counts from the request, `first_token_seconds` to the first piece of the message.
    """

    step: int
    finish_reason: str | None = None
    seconds: float = 0.0
    first_token_seconds: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user may want to know that changes nothing, such as a second try.

    `seconds` is how long nothing will happen because of it.
    """

    text: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class TurnDone:
    """The answer, whole, and the tools it rests on."""

    answer: str
    tools_used: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class TurnFailed:
    """There is no answer; `error` says why in one line."""

    error: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class TurnCancelled:
    """The user stopped the turn."""

    seconds: float = 0.0


LastEvent: TypeAlias = TurnDone | TurnFailed | TurnCancelled
Event: TypeAlias = (
    TurnStarted
    | StepStarted
    | ChunkReceived
    | TextDelta
    | ReasoningDelta
    | AnswerDelta
    | ToolCallStarted
    | ArgumentsDelta
    | ToolStarted
    | ToolFinished
    | StepFinished
    | Notice
    | LastEvent
)


def _type_name(cls: type) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


_TYPE_NAMES = {cls: _type_name(cls) for cls in get_args(Event)}
_FIELDS = {cls: tuple(field.name for field in fields(cls)) for cls in _TYPE_NAMES}
_CLASSES = {name: cls for cls, name in _TYPE_NAMES.items()}
_TUPLES = ("tool_calls", "tools_used")


def add_version(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object with the version of the format, as the first of an output has it."""
    return {"version": VERSION, **plain}


def to_dict(event: Event) -> dict[str, Any]:
    """Returns the event as a plain dict: its type's name in snake case and its fields."""
    cls = type(event)
    return {"type": _TYPE_NAMES[cls], **{name: getattr(event, name) for name in _FIELDS[cls]}}


def from_dict(plain: Mapping[str, Any]) -> Event:
    """Returns the event that `to_dict` made `plain` from; a `version` beside it is passed over.

    Raises:
        ValueError: the type is unknown, or the fields are not those of the type.
    """
    values = {name: value for name, value in plain.items() if name not in ("type", "version")}
    cls = _CLASSES.get(plain.get("type", ""))
    if cls is None:
        raise ValueError(f"no event has the type {plain.get('type')!r}")
    for name in _TUPLES:
        if name in values:
            values[name] = tuple(values[name])
    try:
        event: Event = cls(**values)
    except TypeError as error:
        raise ValueError(f"not the fields of {plain['type']}: {error}") from None
    return event
