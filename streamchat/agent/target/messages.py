"""Rebuilds the messages of earlier turns from their events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage

from streamchat.agent.reply import read_object
from streamchat.agent.source import Exchange
from streamchat.events import (
    AnswerDelta,
    ArgumentsDelta,
    Event,
    SpeakerChanged,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
)
from streamchat.text.surrogates import replace_surrogates

OWN_ID = "streamchat-"
"""How the IDs of the questions begin, to recognize them in a graph's memory."""
_INVALID_IN_NAME = re.compile("[^a-zA-Z0-9_-]")


def to_question(text: str) -> HumanMessage:
    """Return a question as a message."""
    return HumanMessage(replace_surrogates(text), id=f"{OWN_ID}{uuid4()}")


def rebuild_messages(history: Iterable[Exchange]) -> list[BaseMessage]:
    """Return the messages of earlier exchanges: questions, calls, results and answers.

    Calls without a result are left out: most servers refuse them. So is what an agent said that was
    itself called as a tool; the result of that call holds it.
    """
    messages: list[BaseMessage] = []
    for exchange in history:
        messages += [to_question(exchange.question), *_rebuild_reply(exchange)]
    return messages


@dataclass(slots=True)
class _Call:
    name: str
    fragments: list[str] = field(default_factory=list)
    arguments: Mapping[str, Any] | None = None
    result: ToolMessage | None = None

    def read_arguments(self) -> dict[str, Any]:
        if self.arguments is not None:
            return dict(self.arguments)
        return read_object("".join(self.fragments)) or {}


@dataclass(slots=True)
class _Reply:
    texts: list[str] = field(default_factory=list)
    calls: dict[str, _Call] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return replace_surrogates("".join(self.texts))

    def to_messages(self) -> list[BaseMessage]:
        done = {id: call for id, call in self.calls.items() if call.result}
        if not done and not self.text.strip():
            return []
        called = [
            ToolCall(id=id, name=_clean_name(call.name), args=call.read_arguments())
            for id, call in done.items()
        ]
        results = [call.result for call in done.values() if call.result]
        return [AIMessage(self.text, tool_calls=called, id=f"{OWN_ID}{uuid4()}"), *results]


def _rebuild_reply(exchange: Exchange) -> list[BaseMessage]:
    replies = list(_group(_omit_inner(exchange.events)))
    last = replies[-1] if replies else None
    # An answer that was stopped has a mark at its end, which its text has not.
    said = last.text.strip() if last and not last.calls else ""
    if said and exchange.answer.startswith(said):
        replies.pop()
    messages = [message for reply in replies for message in reply.to_messages()]
    if exchange.answer.strip():
        answer = replace_surrogates(exchange.answer)
        messages.append(AIMessage(answer, id=f"{OWN_ID}{uuid4()}"))
    return messages


def _group(events: Iterable[Event]) -> Iterator[_Reply]:
    """Yield the model's messages. One ends where the next step begins, or at the first result."""
    reply, calls, complete = _Reply(), dict[str, _Call](), False
    for event in events:
        goes_on = isinstance(event, TextDelta | ToolCallStarted) or (
            isinstance(event, AnswerDelta) and not event.call_id
        )
        if isinstance(event, StepStarted) or (goes_on and complete):
            yield reply
            reply, complete = _Reply(), False
        match event:
            case TextDelta(text) | AnswerDelta(text, ""):
                reply.texts.append(text)
            case ToolCallStarted(call_id, name):
                reply.calls[call_id] = calls[call_id] = _Call(name)
            case ArgumentsDelta(call_id, fragment) if call_id in calls:
                calls[call_id].fragments.append(fragment)
            case ToolStarted(call_id, arguments) if call_id in calls:
                calls[call_id].arguments = arguments
            case ToolFinished(call_id, output, failed) if call_id in calls:
                calls[call_id].result = _to_result(call_id, output, failed)
                complete = True
    yield reply


def _omit_inner(events: Sequence[Event]) -> Iterator[Event]:
    """Yield the events of agents that no tool has called."""
    depth, depths, running = 0, dict[str, int](), set[str]()
    for event in events:
        if isinstance(event, SpeakerChanged):
            depth = event.depth
        call_id = getattr(event, "call_id", "")
        if isinstance(event, ToolCallStarted):
            depths[call_id] = depth
        at = depths.get(call_id, depth)
        if any(at > depths.get(outer, 0) for outer in running):
            continue
        if isinstance(event, ToolStarted):
            running.add(call_id)
        elif isinstance(event, ToolFinished):
            running.discard(call_id)
        yield event


def _to_result(call_id: str, output: str, failed: bool) -> ToolMessage:
    status = "error" if failed else "success"
    return ToolMessage(
        replace_surrogates(output), tool_call_id=call_id, status=status, id=f"{OWN_ID}{uuid4()}"
    )


def _clean_name(name: str) -> str:
    """Return a name that servers accept; a bad one would make every later request fail."""
    return _INVALID_IN_NAME.sub("_", name)[:64] or "unnamed"
