"""The messages of a client, as the exchanges and steps that they came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ag_ui.core import AssistantMessage, Message, ToolMessage

from streamchat.agent.budget import take_newest
from streamchat.agent.source import EarlierCall, EarlierStep, Exchange
from streamchat.events import (
    ArgumentsDelta,
    Event,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    TurnDone,
    TurnStarted,
)


class InputError(ValueError):
    """The input cannot be used; the message is one line."""


@dataclass
class PastTurn:
    """A question, and what followed it.

    Attributes:
        question: the user's.
        answer: the latest text of the model; empty if there is none.
        steps: the messages with calls.
        ends_with_answer: whether the last message is a text.
    """

    question: str
    answer: str = ""
    steps: list[EarlierStep] = field(default_factory=list)
    ends_with_answer: bool = False

    @property
    def size(self) -> int:
        return len(self.question) + len(self.answer)

    def to_exchange(self) -> Exchange:
        return Exchange(self.question, self.answer, tuple(self._make_events()))

    def _make_events(self) -> Iterator[Event]:
        """Yield the turn's events as far as the client's messages tell."""
        yield TurnStarted(self.question, "")
        for number, step in enumerate(self.steps, 1):
            yield StepStarted(number)
            if step.text:
                yield TextDelta(step.text)
            for call in step.calls:
                yield ToolCallStarted(call.call_id, call.name)
                yield ArgumentsDelta(call.call_id, call.arguments)
            for call in step.calls:
                output = "not run" if call.result is None else call.result
                yield ToolFinished(call.call_id, output, call.failed or call.result is None)
        yield TurnDone(self.answer)


def read_turns(messages: Sequence[Message]) -> list[PastTurn]:
    """Return the turns of a conversation, the oldest first.

    Raises:
        InputError: a message is not text.
    """
    results = {each.tool_call_id: each for each in messages if isinstance(each, ToolMessage)}
    turns: list[PastTurn] = []
    for message in messages:
        if message.role == "user":
            turns.append(PastTurn(_to_text(message.content)))
        elif message.role == "assistant" and turns:
            _add_message(turns[-1], message, results)
    return turns


def select_turns(turns: Sequence[PastTurn], budget: int) -> list[PastTurn]:
    """Return the newest turns with an answer that fit into so many characters."""
    return take_newest([turn for turn in turns if turn.answer], budget, lambda turn: turn.size)


def goes_on(messages: Sequence[Message]) -> bool:
    """Whether the last turn has not ended: its last message is not the user's."""
    roles = [each.role for each in messages if each.role not in ("activity", "reasoning")]
    return bool(roles) and roles[-1] != "user"


def list_call_ids(messages: Sequence[Message]) -> list[str]:
    """Return the IDs of all calls in a conversation."""
    return [
        call.id
        for message in messages
        if isinstance(message, AssistantMessage)
        for call in message.tool_calls or ()
    ]


def _add_message(
    turn: PastTurn, message: AssistantMessage, results: Mapping[str, ToolMessage]
) -> None:
    text = message.content or ""
    turn.answer = text if text.strip() else turn.answer
    turn.ends_with_answer = not message.tool_calls
    if message.tool_calls:
        calls = tuple(_to_call(call, results.get(call.id)) for call in message.tool_calls)
        turn.steps.append(EarlierStep(text, calls))


def _to_call(call: Any, result: ToolMessage | None) -> EarlierCall:
    function, kept = call.function, call.encrypted_value or ""
    if result is None:
        return EarlierCall(call.id, function.name, function.arguments, kept=kept)
    match result.metadata:
        case {"streamchat": {"failed": bool() as failed}}:
            pass
        case _:
            failed = bool(result.error)
    output = _to_text(result.content) or result.error or ""
    return EarlierCall(call.id, function.name, function.arguments, output, failed, kept)


def _to_text(content: Any) -> str:
    """Return a message's content, of which only text is supported."""
    if isinstance(content, str):
        return content
    for part in content:
        if part.type != "text":
            raise InputError(f"messages: streamchat takes text only, not {part.type}")
    return "\n\n".join(part.text for part in content)
