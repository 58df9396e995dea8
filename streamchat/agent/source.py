"""The protocol that every source of events follows: streamchat's own agent, or the user's.

A source answers one question at a time. Conversations, views and recorders know only this.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from streamchat.events import Event
from streamchat.models.progress import Progress


@dataclass(frozen=True, slots=True)
class Exchange:
    """An earlier question and its answer; `events` only if the source `wants_events`."""

    question: str
    answer: str
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class EarlierCall:
    """A call that was made before its turn goes on.

    Attributes:
        call_id: its ID.
        name: its tool's.
        arguments: as they came.
        result: what its tool returned; None if it has not run yet.
        failed: whether that is an error.
        kept: what `Run.kept` has of it; empty for nothing.
    """

    call_id: str
    name: str
    arguments: str
    result: str | None = None
    failed: bool = False
    kept: str = ""


@dataclass(frozen=True, slots=True)
class EarlierStep:
    """A message of the model with calls, of a turn that goes on."""

    text: str
    calls: tuple[EarlierCall, ...]


@dataclass(frozen=True, slots=True)
class ClientTool:
    """A tool that the client runs itself; `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]


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
        approves: whether somebody is there to decide about an `ApprovalRequested`.
        answers: as typed, to what the agent asks first, second and so on; nobody is asked then.
        raw: whether to yield a `ChunkReceived` for every chunk, too.
        postpones: whether a turn ends where somebody must be asked, to go on in a later request.
            Its last events are then the requests without an answer, and a `TurnFailed`.
        steps: those of the turn before, if it goes on.
        decisions: by the user, about calls of these steps that have no result.
        resume: answers to what an agent has asked before the turn ended, by `request_id`.
        client_tools: offered to the model beside the others, if the source `takes_tools`. The turn
            ends where one is called, with an `ApprovalRequested`, and goes on in a request that
            has the result.
        room: how many events may wait to be taken before the model has to wait; 0 for any number.
        alone: whether other runs of the source may be under way, of which none must learn what
            this one prints or is allowed.
    """

    question: str
    history: Sequence[Exchange] = ()
    instructions: str = ""
    thread_id: str = ""
    questions: Sequence[str] = ()
    interactive: bool = False
    approves: bool = False
    answers: Sequence[str] = ()
    raw: bool = False
    postpones: bool = False
    steps: Sequence[EarlierStep] = ()
    decisions: Mapping[str, Approval] = field(default_factory=dict)
    resume: Mapping[str, object] = field(default_factory=dict)
    client_tools: Sequence[ClientTool] = ()
    room: int = 0
    alone: bool = False


@dataclass(frozen=True, slots=True)
class ToolInfo:
    """A tool as `/tools` lists it; `place` is its file and line if it is the user's own."""

    name: str
    parameters: tuple[str, ...] = ()
    description: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Approval:
    """What the user, or a program, decides about a call.

    Attributes:
        approved: whether it runs.
        reason: why not, for the model; or what made the user's decision a rule.
        arguments: what it runs with instead; None for its own.
        always: whether calls of its tool run from now on without asking, in this chat.
    """

    approved: bool
    reason: str = ""
    arguments: Mapping[str, Any] | None = None
    always: bool = False


class Run(Protocol):
    """A turn under way.

    Iterate over it to get its events. Exactly one last event ends it, whatever happens.

    Attributes:
        error: the exception that made the turn fail, once it is over; None if there was none, or
            if it must not be shown because it contains a secret.
        kept: by call ID, what the model's provider wants back when the turn goes on in a later
            request: texts that mean nothing to anybody else.
    """

    error: BaseException | None

    @property
    def kept(self) -> Mapping[str, str]: ...

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

    def decide(self, call_id: str, approval: Approval) -> None:
        """Answer the latest `ApprovalRequested`; does nothing if the call is not asked about.

        Raises:
            ValueError: the edited arguments do not match the tool's schema; the message is one
                line, and the question is still open.
        """
        ...

    def refuse_arriving(self) -> bool:
        """Refuse the call whose arguments are arriving, and tell the model; the turn goes on.

        Return False, and do nothing, if none is arriving or the source cannot do that.
        """
        ...

    def cancel_tools(self) -> bool:
        """Cancel the tools that run, and tell the model; the turn goes on.

        Return False, and do nothing, if none runs or the source cannot do that.
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
        takes_tools: whether it offers the `client_tools` of a request to its model.
    """

    @property
    def name(self) -> str: ...

    @property
    def wants_events(self) -> bool: ...

    @property
    def takes_tools(self) -> bool: ...

    @property
    def tools(self) -> Sequence[ToolInfo]: ...

    @property
    def context_tokens(self) -> int | None:
        """How many tokens the model's context has; None if that is not known."""
        ...

    def name_in_rules(self, tool: str) -> str:
        """Return the name that rules such as `--allow NAME` have for a tool."""
        ...

    def allow(self, tool: str) -> None:
        """Let calls of a tool run from now on without asking, unless a rule denies them."""
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
