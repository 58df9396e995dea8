"""The protocol that every source of events follows: streamchat's own agent, or the user's.

A source answers one question at a time. Conversations, views and recorders know only this.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from streamchat.events import Event
from streamchat.models.progress import Progress


@dataclass(frozen=True, slots=True)
class Exchange:
    """An earlier question and its answer; `events` only if the source `wants_events`."""

    question: str
    answer: str
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """A question, and what a source may need to answer it.

    Attributes:
        question: with attached files.
        history: the earlier exchanges that fit into the budget, the oldest first.
        instructions: added to the built-in ones; a source with instructions of its own ignores it.
        thread_id: the conversation's, the same after a restart; a branch has that of its origin.
        questions: all earlier questions of the conversation, also those without an answer.
        interactive: whether somebody is there to answer an `InputRequested`.
        answers: as typed, to what the agent asks first, second and so on; nobody is asked then.
        raw: whether to yield a `ChunkReceived` for every chunk, too.
    """

    question: str
    history: Sequence[Exchange] = ()
    instructions: str = ""
    thread_id: str = ""
    questions: Sequence[str] = ()
    interactive: bool = False
    answers: Sequence[str] = ()
    raw: bool = False


@dataclass(frozen=True, slots=True)
class ToolInfo:
    """A tool as `/tools` lists it."""

    name: str
    parameters: tuple[str, ...] = ()
    description: str = ""


class Run(Protocol):
    """A turn under way.

    Iterate over it to get its events. Exactly one last event ends it, whatever happens.

    Attributes:
        error: the exception that made the turn fail, once it is over; None if there was none, or
            if it must not be shown because it contains a secret.
    """

    error: BaseException | None

    def __aiter__(self) -> AsyncIterator[Event]: ...

    def cancel(self) -> None:
        """Stop the turn; the last event follows at once, even if the agent's code hangs."""
        ...

    def reply(self, answer: object) -> None:
        """Answer the latest `InputRequested`.

        Args:
            answer: for free questions, text or another JSON value; for actions, a list of
                decisions, one for each action.
        """
        ...

    async def aclose(self) -> None:
        """Cancel the turn if it is not over, and wait until its events have ended."""
        ...


class Source(Protocol):
    """Answers questions with events.

    Attributes:
        name: what answers: a model, or the user's agent.
        wants_events: whether it wants the events of earlier exchanges.
    """

    @property
    def name(self) -> str: ...

    @property
    def wants_events(self) -> bool: ...

    @property
    def tools(self) -> Sequence[ToolInfo]: ...

    @property
    def context_tokens(self) -> int | None:
        """How many tokens the model's context has; None if that is not known."""
        ...

    def start(self, request: Request) -> Run:
        """Start to answer; needs a running event loop."""
        ...

    async def prepare(self, progress: Progress) -> None:
        """Do work ahead of the first question that would delay its answer."""
        ...

    async def aclose(self) -> None:
        """Close connections. The source cannot be used afterwards."""
        ...
