"""The protocol that every kind of agent follows: a graph, a chain, an executor.

A play answers in the event loop of the agent's own thread. Its caller emits `TurnStarted`
before and the last event after it, and redacts all events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from streamchat.agent.source import Request, ToolInfo
from streamchat.events import Event, InputRequested, TurnDone
from streamchat.tools.approval import Verdict


class Emit(Protocol):
    """Takes the events of a turn; belongs to the loop of the agent's thread."""

    def __call__(self, event: Event) -> None:
        """Pass an event on. Cheap, and never waits; does nothing once the turn is over."""
        ...

    async def wait_for_room(self) -> None:
        """Wait while too many events have not been taken, as by a slow client."""
        ...

    def hold(self, lock: asyncio.Lock) -> AbstractAsyncContextManager[None]:
        """Hold a lock in this context, having waited for it for as long as it takes."""
        ...

    async def ask(self, requested: InputRequested) -> object:
        """Emit a request, wait for the user, and return the answer.

        For free questions it is text or another JSON value; for actions, a list of decisions.

        Raises:
            PausedError: the answer will come in a later request.
            AgentError: nobody is there to answer; the message says how to answer all the same.
        """
        ...

    def judge(self, tool: str) -> Verdict:
        """Return what the user's rules say about calls of a tool that the agent asks about."""
        ...


class Play(Protocol):
    """One kind of agent.

    Attributes:
        name: the kind, as `doctor` and `/tools` say it: "LangGraph graph", "chain".
        wants_events: whether it wants the events of earlier exchanges.
        tools: what it has, as far as that can be seen from outside.
    """

    @property
    def name(self) -> str: ...

    @property
    def wants_events(self) -> bool: ...

    @property
    def tools(self) -> Sequence[ToolInfo]: ...

    async def answer(self, request: Request, emit: Emit) -> TurnDone:
        """Answer a question; cancelling the task stops it. The caller fills in the seconds.

        Raises:
            AgentError: there is no answer; its message is shown as it is.
            Exception: the agent's own code failed; shown as the type and its text.
        """
        ...
