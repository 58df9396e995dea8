"""Reads a `RunAgentInput`: the client's whole conversation, and what it asks now."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ag_ui.core import ResumeEntry, RunAgentInput
from pydantic import ValidationError

from streamchat.agent.source import (
    Approval,
    ClientTool,
    EarlierStep,
    Request,
)
from streamchat.serve.agui.answers import read_answer, read_approval
from streamchat.serve.agui.history import InputError, goes_on, read_turns, select_turns
from streamchat.text.sanitize import one_line

_VERSION = re.compile(r"\d+\.\d+")
_CANCELLED = "the user dismissed the question"
_MOST_SHOWN = 200
"""Characters of an error."""


def read_input(plain: object) -> RunAgentInput:
    """Read a JSON value.

    Raises:
        InputError: it is not what AG-UI says.
    """
    if not isinstance(plain, dict):
        raise InputError("the input is not a JSON object")
    try:
        return RunAgentInput.model_validate(plain)
    except ValidationError as error:
        raise InputError(_describe(error)) from None
    except RecursionError:
        raise InputError("the input is nested too deeply") from None


def make_request(input: RunAgentInput, instructions: str = "", budget: int = 1_000_000) -> Request:
    """Return the input as a request to a source.

    Args:
        input: the client's.
        instructions: the server's, which come before the client's.
        budget: the most characters of earlier exchanges; the oldest ones are left out beyond.

    Raises:
        InputError: there is no question, or a call waits for an answer that is not there.
    """
    turns = read_turns(input.messages)
    if not turns:
        raise InputError("messages: there is no user message")
    *earlier, current = turns
    steps = tuple(current.steps) if goes_on(input.messages) else ()
    decisions, answers = _read_resume(input.resume or (), steps)
    if current.ends_with_answer and not answers:
        raise InputError("messages: the last one must be the user's, or a tool's")
    if not answers:
        _check_unanswered(steps, decisions, {tool.name for tool in input.tools or ()})
    return Request(
        question=current.question,
        history=[turn.to_exchange() for turn in select_turns(earlier, budget)],
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


def _describe(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(each) for each in problem["loc"])
    return one_line(f"{place}: {problem['msg']}" if place else problem["msg"], _MOST_SHOWN)
