"""Reads a `RunAgentInput`: the client's whole conversation, and what it asks now."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ag_ui.core import AssistantMessage, Message, ResumeEntry, RunAgentInput, ToolMessage
from pydantic import ValidationError

from streamchat.agent.source import (
    Approval,
    ClientTool,
    EarlierCall,
    EarlierStep,
    Exchange,
    Request,
)
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
from streamchat.serve.agui.answers import read_answer, read_approval
from streamchat.text.sanitize import one_line

_VERSION = re.compile(r"\d+\.\d+")
_CANCELLED = "the user dismissed the question"
_MOST_SHOWN = 200
"""Characters of an error."""


class InputError(ValueError):
    """The input cannot be used; the message is one line."""


@dataclass
class _Turn:
    """A question, and what followed it.

    Attributes:
        question: the user's.
        answer: the latest text of the model, as far as there is one.
        steps: the messages with calls.
        texts: whether a text came after the last call.
    """

    question: str
    answer: str = ""
    steps: list[EarlierStep] = field(default_factory=list)
    ends_with_answer: bool = False


def read_input(plain: object) -> RunAgentInput:
    """Read a JSON value.

    Raises:
        InputError: it is not what AG-UI says.
    """
    try:
        return RunAgentInput.model_validate(plain)
    except ValidationError as error:
        raise InputError(_describe(error)) from None
    except RecursionError:
        raise InputError("the input is nested too deeply") from None


def make_request(input: RunAgentInput, instructions: str = "") -> Request:
    """Return the input as a request to a source.

    Args:
        input: the client's.
        instructions: the server's, which come before the client's.

    Raises:
        InputError: there is no question, or a call waits for an answer that is not there.
    """
    turns = _read_turns(input.messages)
    if not turns:
        raise InputError("messages: there is no user message")
    *earlier, current = turns
    steps = tuple(current.steps) if _goes_on(input) else ()
    decisions, answers = _read_resume(input.resume or (), steps)
    if current.ends_with_answer and not answers:
        raise InputError("messages: the last one must be the user's, or a tool's")
    if not answers:
        _check_unanswered(steps, decisions, {tool.name for tool in input.tools or ()})
    return Request(
        question=current.question,
        history=[_to_exchange(turn) for turn in earlier if turn.answer],
        instructions="\n\n".join(filter(None, [instructions, *_list_instructions(input)])),
        thread_id=input.thread_id,
        questions=[turn.question for turn in earlier],
        postpones=can_answer(input),
        steps=steps,
        decisions=decisions,
        resume=answers,
        client_tools=[
            ClientTool(tool.name, tool.description, _read_schema(tool.parameters))
            for tool in input.tools or ()
        ],
    )


def can_answer(input: RunAgentInput) -> bool:
    """Whether the client can answer an interrupt.

    Clients that name the protocol's version know interrupts, as that is part of 1.0. Others say so
    with `forwardedProps`: `{"streamchat": {"approve": true}}`; with `false`, any client can
    say that nobody is there to be asked.
    """
    match input.forwarded_props:
        case {"streamchat": {"approve": bool() as said}}:
            return said
        case _:
            return bool(input.resume or _VERSION.fullmatch(input.protocol_version or ""))


def list_call_ids(input: RunAgentInput) -> list[str]:
    """Return the IDs of all calls in the conversation."""
    return [
        call.id
        for message in input.messages
        if isinstance(message, AssistantMessage)
        for call in message.tool_calls or ()
    ]


def _read_turns(messages: Sequence[Message]) -> list[_Turn]:
    results = {each.tool_call_id: each for each in messages if isinstance(each, ToolMessage)}
    turns: list[_Turn] = []
    for message in messages:
        if message.role == "user":
            turns.append(_Turn(_to_text(message.content)))
        elif message.role == "assistant" and turns:
            _add_message(turns[-1], message, results)
    return turns


def _add_message(
    turn: _Turn, message: AssistantMessage, results: Mapping[str, ToolMessage]
) -> None:
    text = message.content or ""
    turn.answer = text if text.strip() else turn.answer
    turn.ends_with_answer = not message.tool_calls
    if message.tool_calls:
        calls = tuple(_to_call(call, results.get(call.id)) for call in message.tool_calls)
        turn.steps.append(EarlierStep(text, calls))


def _to_call(call: Any, result: ToolMessage | None) -> EarlierCall:
    function = call.function
    if result is None:
        return EarlierCall(call.id, function.name, function.arguments)
    match result.metadata:
        case {"streamchat": {"failed": bool() as failed}}:
            pass
        case _:
            failed = bool(result.error)
    output = _to_text(result.content) or result.error or ""
    return EarlierCall(call.id, function.name, function.arguments, output, failed)


def _to_text(content: Any) -> str:
    """Return a message's content, of which only text is supported."""
    if isinstance(content, str):
        return content
    for part in content:
        if part.type != "text":
            raise InputError(f"messages: streamchat takes text only, not {part.type}")
    return "\n\n".join(part.text for part in content)


def _goes_on(input: RunAgentInput) -> bool:
    """Whether the last turn has not ended: a result or an answer has come since, no question."""
    last = [each.role for each in input.messages if each.role not in ("activity", "reasoning")]
    return bool(last) and last[-1] != "user"


def _read_resume(
    entries: Sequence[ResumeEntry], steps: Sequence[EarlierStep]
) -> tuple[dict[str, Approval], dict[str, object]]:
    """Return what was decided about calls, and what a graph's questions were answered."""
    waiting = {call.call_id: call for step in steps for call in step.calls}
    decisions: dict[str, Approval] = {}
    answers: dict[str, object] = {}
    for entry in entries:
        if call := waiting.get(entry.interrupt_id):
            if call.result is None:
                decisions[entry.interrupt_id] = _read_decision(entry)
        else:
            answers[entry.interrupt_id] = read_answer(_read_payload(entry))
    return decisions, answers


def _read_decision(entry: ResumeEntry) -> Approval:
    if entry.status == "cancelled":
        return Approval(False, _CANCELLED)
    try:
        return read_approval(entry.payload)
    except ValueError as error:
        raise InputError(f"resume: {one_line(entry.interrupt_id, 60)}: {error}") from None


def _read_payload(entry: ResumeEntry) -> Any:
    if entry.status == "cancelled":
        raise InputError("resume: the agent's question cannot be dismissed; answer it")
    return entry.payload


def _check_unanswered(
    steps: Sequence[EarlierStep], decisions: Mapping[str, Approval], client: set[str]
) -> None:
    for call in (call for step in steps for call in step.calls if call.result is None):
        name = one_line(f"{call.name} ({call.call_id})", 80)
        if call.name in client:
            raise InputError(f"messages: the result of the client's tool {name} is missing")
        if decisions and call.call_id not in decisions:
            raise InputError(f"resume: an answer for {name} is missing")
        if not decisions:
            raise InputError(f"messages: {name} waits for approval: answer it in resume")


def _list_instructions(input: RunAgentInput) -> Iterator[str]:
    for message in input.messages:
        if message.role in ("system", "developer"):
            yield str(message.content)
    for each in input.context or ():
        yield f"{each.description}: {each.value}"


def _read_schema(parameters: Any) -> dict[str, Any]:
    if isinstance(parameters, dict) and parameters:
        return parameters
    return {"type": "object", "properties": {}}


def _to_exchange(turn: _Turn) -> Exchange:
    return Exchange(turn.question, turn.answer, tuple(_make_events(turn)))


def _make_events(turn: _Turn) -> Iterator[Event]:
    """Yield a turn's events as far as the client's messages tell."""
    yield TurnStarted(turn.question, "")
    for number, step in enumerate(turn.steps, 1):
        yield StepStarted(number)
        if step.text:
            yield TextDelta(step.text)
        for call in step.calls:
            yield ToolCallStarted(call.call_id, call.name)
            yield ArgumentsDelta(call.call_id, call.arguments)
        for call in step.calls:
            output = "not run" if call.result is None else call.result
            yield ToolFinished(call.call_id, output, call.failed or call.result is None)
    yield TurnDone(turn.answer)


def _describe(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(each) for each in problem["loc"])
    return one_line(f"{place}: {problem['msg']}" if place else problem["msg"], _MOST_SHOWN)
