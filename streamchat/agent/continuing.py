"""Turns that are spread over several requests, because somebody else must decide or run a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from langchain_core.tools import BaseTool

from streamchat.agent.errors import AgentError
from streamchat.agent.reply import Call, Reply
from streamchat.agent.scratchpad import Result
from streamchat.agent.source import ClientTool, EarlierStep
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
        tools: the ones that whoever asks runs.
        answered: what was answered that no call has asked.
    """

    steps: Sequence[EarlierStep] = ()
    tools: Sequence[ClientTool] = ()
    answered: Sequence[str] = ()

    def check(self) -> None:
        """Raise an AgentError if the turn cannot go on."""
        if self.answered:
            raise AgentError(f"nothing was asked as {one_line(self.answered[0], 64)}")


class ToolOfClient(BaseTool):
    """A tool that is only offered here: whoever asks runs it."""

    def _run(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(f"{self.name} runs elsewhere")


def make_client_tools(tools: Sequence[ClientTool], own: Sequence[BaseTool]) -> list[BaseTool]:
    """Return the client's tools to offer beside the agent's own.

    Raises:
        AgentError: two tools have the same name.
    """
    taken = {tool.name for tool in own}
    for tool in tools:
        if tool.name in taken:
            raise AgentError(f"there are two tools named {one_line(tool.name, 64)}")
        taken.add(tool.name)
    return [
        ToolOfClient(
            name=each.name, description=each.description, args_schema=dict(each.parameters)
        )
        for each in tools
    ]


def to_reply(step: EarlierStep) -> Reply:
    """Return a message of the model as it came in an earlier request."""
    calls = tuple(Call(each.call_id, each.name, each.arguments) for each in step.calls)
    return Reply(step.text, calls)


def to_results(step: EarlierStep) -> dict[str, Result]:
    """Return the results that calls of a step have, by ID."""
    return {
        each.call_id: Result(each.result, each.failed)
        for each in step.calls
        if each.result is not None
    }
