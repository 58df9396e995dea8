"""Asks the user's agent a question, and keeps what comes of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar
from uuid import uuid4

from streamchat.agent.source import Request
from streamchat.agent.target.source import TargetSource
from streamchat.events import AnswerDelta, Event, InputRequested, StepStarted, TextDelta, TurnFailed

QUESTION = "What can you do? Answer in one sentence."
"""Gives no reason to call a tool."""
_TEXT = (AnswerDelta, TextDelta)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Trial:
    """A question, and the turn that answered it.

    Attributes:
        events: all of the turn.
        first_seconds: until the first text; None if none came.
        failure: what the agent's code raised, secrets and all; None if it has not failed.
    """

    question: str
    events: tuple[Event, ...]
    first_seconds: float | None = None
    failure: BaseException | None = None

    def pick(self, kind: type[_T]) -> list[_T]:
        """Return the events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def error(self) -> str:
        """Why there is no answer; empty if the turn has not failed."""
        return next((event.error for event in self.pick(TurnFailed)), "")

    @property
    def pieces(self) -> int:
        """In how many pieces the text of a message came: that of the message with most of them."""
        return max(_count_pieces(self.events), default=0)


async def try_agent(source: TargetSource, question: str) -> Trial:
    """Ask a question in a thread of its own; a turn that waits for the user is cancelled."""
    # Somebody is said to be there, so that the request comes as an event.
    run = source.start(Request(question, thread_id=uuid4().hex, interactive=True))
    started, first = perf_counter(), None
    events: list[Event] = []
    try:
        async for event in run:
            events.append(event)
            if first is None and isinstance(event, _TEXT):
                first = perf_counter() - started
            if isinstance(event, InputRequested):
                run.cancel()
    finally:
        await run.aclose()
    return Trial(question, tuple(events), first, run.failure)


def _count_pieces(events: Iterable[Event]) -> list[int]:
    counts = [0]
    for event in events:
        if isinstance(event, StepStarted):
            counts.append(0)
        elif isinstance(event, _TEXT):
            counts[-1] += 1
    return counts
