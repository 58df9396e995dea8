"""Turns that are spread over several requests, because somebody else must decide or run a call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool

from streamchat.agent.errors import AgentError
from streamchat.agent.reply import Call, Reply, read_object
from streamchat.agent.scratchpad import Result
from streamchat.agent.source import ClientTool, EarlierStep
from streamchat.events import ANSWER_TOOL
from streamchat.text.sanitize import one_line


class PausedError(AgentError):
    """A turn ends, and goes on in a later request; the message names the tools it waits for."""

    def __init__(self, names: Sequence[str]) -> None:
        waiting = ", ".join(dict.fromkeys(one_line(name, 64) for name in names))
        super().__init__(f"the turn waits for the user: {waiting}")


@dataclass(frozen=True, slots=True)
class Continuation:
    """What a turn has in addition if it is spread over several requests.

    Attributes:
        steps: those before, if it goes on.
        tools: the client's, which it runs itself.
        answered: what was answered that no call has asked.
    """

    steps: Sequence[EarlierStep] = ()
    tools: Sequence[ClientTool] = ()
    answered: Sequence[str] = ()

    def check(self) -> None:
        """Raise an AgentError if the turn cannot go on."""
        if self.answered:
            raise AgentError(f"nothing was asked as {one_line(self.answered[0], 64)}")


class ToolOfClient(StructuredTool):
    """A tool that is only offered here: the client runs it."""


def make_client_tools(tools: Sequence[ClientTool], own: Sequence[BaseTool]) -> list[BaseTool]:
    """Return the client's tools to offer beside the agent's own.

    Raises:
        AgentError: two tools have the same name.
    """
    taken = {ANSWER_TOOL, *(tool.name for tool in own)}
    for tool in tools:
        if tool.name in taken:
            raise AgentError(f"there are two tools named {one_line(tool.name, 64)}")
        taken.add(tool.name)
    return [
        ToolOfClient(
            name=each.name,
            description=each.description,
            args_schema=dict(each.parameters),
            func=_run_elsewhere,
        )
        for each in tools
    ]


def _run_elsewhere(**arguments: Any) -> None:
    raise NotImplementedError("a tool of the client cannot run here")


def to_reply(step: EarlierStep) -> Reply:
    """Return a message of the model as it came in an earlier request."""
    kept = [_read_kept(each.kept) for each in step.calls]
    calls = tuple(
        Call(each.call_id, each.name, each.arguments, fields=fields.get("call", {}))
        for each, fields in zip(step.calls, kept, strict=True)
    )
    joined = {name: value for fields in kept for name, value in fields.items()}
    thoughts = tuple(joined.get("thoughts", ()))
    return Reply(step.text, calls, fields=joined.get("message", {}), thoughts=thoughts)


def keep_fields(reply: Reply) -> dict[str, str]:
    """Return what the provider wants back of a message, by call ID; see `Run.kept`.

    What belongs to the message is with its first call that everybody is shown.
    """
    kept: dict[str, dict[str, Any]] = {
        call.call_id: {"call": dict(call.fields)} for call in reply.calls if call.fields
    }
    shown = (call.call_id for call in reply.calls if call.name != ANSWER_TOOL)
    if (reply.fields or reply.thoughts) and (first := next(shown, "")):
        message: dict[str, Any] = {"message": dict(reply.fields)} if reply.fields else {}
        thoughts = {"thoughts": list(reply.thoughts)} if reply.thoughts else {}
        kept[first] = {**kept.get(first, {}), **message, **thoughts}
    return {id: json.dumps(fields) for id, fields in kept.items()}


def _read_kept(text: str) -> dict[str, Any]:
    """Return what `keep_fields` wrote; nothing if it is anything else."""
    kept = read_object(text) if text else None
    kinds = {"call": dict, "message": dict, "thoughts": list}
    return {name: each for name, each in (kept or {}).items() if _is_kind(each, kinds.get(name))}


def _is_kind(value: object, kind: type | None) -> bool:
    if kind is None or not isinstance(value, kind):
        return False
    return not isinstance(value, list) or all(isinstance(each, dict) for each in value)


def to_results(step: EarlierStep) -> dict[str, Result]:
    """Return the results that calls of a step have, by ID."""
    return {
        each.call_id: Result(each.result, each.failed)
        for each in step.calls
        if each.result is not None
    }


def find_waiting(steps: Sequence[EarlierStep]) -> Reply:
    """Return a message with the calls of earlier steps that have no result yet."""
    waiting = [call for step in steps for call in step.calls if call.result is None]
    return Reply(calls=tuple(Call(each.call_id, each.name, each.arguments) for each in waiting))
