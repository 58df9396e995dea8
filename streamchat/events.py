"""What can happen in a turn.

A turn is one question and all the work up to its answer. Sources (the agent, a replay) yield these
events in order, and the rest of the program only sees events. A turn always ends with exactly one
of `TurnDone`, `TurnFailed` and `TurnCancelled`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeAlias, get_args

ANSWER_TOOL = "final_answer"
"""The tool whose `answer` argument is the answer."""
NOBODY = "nobody to ask"
"""Why a call is refused that would be asked about: the reason of its `ApprovalGiven`."""
VERSION = 1
"""The version of the dicts that `to_dict` returns. It rises when a field changes its meaning."""


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """A model is asked a question."""

    question: str
    model: str


@dataclass(frozen=True, slots=True)
class StepStarted:
    """The next message is requested from the model. Steps count from 1."""

    step: int


@dataclass(frozen=True, slots=True)
class PromptProgress:
    """The server has read `done` of the `total` tokens of the prompt that it had not cached.

    Only llama.cpp says so, and it comes before the message, at most a few times a second.
    """

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class ChunkReceived:
    """One chunk as the model sent it, before decoding. For debugging only."""

    content: str
    tool_calls: tuple[Mapping[str, Any], ...] = ()

    def lines(self) -> list[str]:
        """Return the chunk as debug lines: content, tool_calls, tool_name, arg."""
        lines = [f"content: {self.content}"] if self.content else []
        if self.tool_calls:
            lines.append(f"tool_calls: {[dict(call) for call in self.tool_calls]}")
        for call in self.tool_calls:
            lines += [f"tool_name: {call['name']}"] if call["name"] else []
            lines += [f"arg: {call['args']}"] if call["args"] else []
        return lines


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Text beside tool calls. It is the answer if its message turns out to have no call."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """The next piece of the model's reasoning. It is never part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class CodeDelta:
    """The next piece of a line of Python in which a model writes its calls; these follow it."""

    text: str


@dataclass(frozen=True, slots=True)
class AnswerDelta:
    """The next piece of the answer: text written in the call `call_id`, or plain text if empty.

    A `call_id` that differs from the previous one starts the answer again.
    """

    text: str
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class ToolCallStarted:
    """The model starts writing a call. IDs are unique within a turn."""

    call_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ArgumentsDelta:
    """The next fragment of a call's arguments, an unfinished JSON text."""

    call_id: str
    fragment: str


@dataclass(frozen=True, slots=True)
class ApprovalRequested:
    """The arguments of a call are complete, and the user decides whether it runs."""

    call_id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ApprovalGiven:
    """It is decided whether a call runs: by the user, a rule or a program.

    Only what somebody decided is worth an event: the built-in arithmetic just runs. A rule decides
    without an `ApprovalRequested`, unless there is nobody to ask.

    Attributes:
        call_id: the call's.
        approved: whether it runs.
        by: `user`, `rule` or `program`.
        reason: what the user wrote for the model, or the rule.
        arguments: what it runs with instead of the model's; None if they are not edited.
        time: when, as ISO 8601 in UTC.
    """

    call_id: str
    approved: bool
    by: str
    reason: str = ""
    arguments: Mapping[str, Any] | None = None
    time: str = ""


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """The arguments are complete and valid, and the tool runs."""

    call_id: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """A call returned, failed or was not run. Results come in the order in which calls finish."""

    call_id: str
    output: str
    failed: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class StepFinished:
    """The model's message is complete. Figures that the server does not report are None.

    `seconds` is the time since the request, `first_token_seconds` the time to the first piece.
    """

    step: int
    finish_reason: str | None = None
    seconds: float = 0.0
    first_token_seconds: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Information that does not change the turn, such as a retry.

    `seconds` is how long the turn will wait because of it.
    """

    text: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class SpeakerChanged:
    """What follows comes from another node of the agent's graph.

    `name` is the node's, or its agent's; `depth` is 0 in the graph itself and rises by one with
    each subgraph. A graph in which only one node speaks sends none.
    """

    name: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class OutputReceived:
    """A line that the agent's own code printed or logged, or wrote to LangGraph's stream writer.

    `origin` is `stdout`, `stderr` or `custom`; log records usually go to `stderr`.
    """

    text: str
    origin: str = "stdout"


@dataclass(frozen=True, slots=True)
class InputRequested:
    """The agent waits for the user: a LangGraph interrupt.

    Without `actions`, the answer to `question` is free. Otherwise each action is a call to decide
    about, a dict of `name`, `arguments`, `description` and `decisions`, the ones that are allowed:
    `approve`, `edit`, `reject`, `respond`.
    """

    request_id: str
    question: str
    actions: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class InputReceived:
    """The user has answered a request; `answer` says what, in a few words."""

    request_id: str
    answer: str


@dataclass(frozen=True, slots=True)
class TurnDone:
    """The complete answer, and the tools it is based on."""

    answer: str
    tools_used: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class TurnFailed:
    """The turn ended without an answer; `error` says why in one line."""

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
    | PromptProgress
    | ChunkReceived
    | TextDelta
    | ReasoningDelta
    | CodeDelta
    | AnswerDelta
    | ToolCallStarted
    | ArgumentsDelta
    | ApprovalRequested
    | ApprovalGiven
    | ToolStarted
    | ToolFinished
    | StepFinished
    | Notice
    | SpeakerChanged
    | OutputReceived
    | InputRequested
    | InputReceived
    | LastEvent
)


TRANSIENT = (ChunkReceived, PromptProgress)
"""Events that tell nothing once a turn is over, and are not stored."""


def _type_name(cls: type) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


_TYPE_NAMES = {cls: _type_name(cls) for cls in get_args(Event)}
_FIELDS = {cls: tuple(field.name for field in fields(cls)) for cls in _TYPE_NAMES}
_CLASSES = {name: cls for cls, name in _TYPE_NAMES.items()}
_BESIDE = ("type", "version", "at")
"""What a dict has beside the event's fields."""
_TUPLES = ("tool_calls", "tools_used", "actions")


def get_type_name(cls: type) -> str:
    """Return the `type` of a class of events: its name in snake case."""
    return _TYPE_NAMES[cls]


def add_version(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object with the format's version, which the first object of an output has."""
    return {"version": VERSION, **plain}


@dataclass(frozen=True, slots=True)
class TimedEvent:
    """An event, and when it came: milliseconds since the turn's start, None if that is unknown."""

    event: Event
    at: int | None = None


def to_dict(event: Event, at: int | None = None) -> dict[str, Any]:
    """Return an event as a dict: `type`, the class name in snake case, and the fields.

    Last comes `at`, when the event came, if that is known.
    """
    cls = type(event)
    plain = {"type": _TYPE_NAMES[cls], **{name: getattr(event, name) for name in _FIELDS[cls]}}
    return plain if at is None else {**plain, "at": at}


def from_dict(plain: Mapping[str, Any]) -> Event:
    """Return the event that `to_dict` turned into `plain`; `version` and `at` are ignored.

    Raises:
        ValueError: the type is unknown, or the fields are not those of the type.
    """
    values = {name: value for name, value in plain.items() if name not in _BESIDE}
    cls = _CLASSES.get(plain.get("type", ""))
    if cls is None:
        raise ValueError(f"unknown event type {plain.get('type')!r}")
    for name in _TUPLES:
        if name in values:
            values[name] = tuple(values[name])
    try:
        event: Event = cls(**values)
    except TypeError as error:
        raise ValueError(f"wrong fields for {plain['type']}: {error}") from None
    return event
