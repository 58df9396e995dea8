"""Starts runs of a source within limits, and ends those that are left when the server stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from time import perf_counter
from uuid import uuid4

from streamchat.agent.source import Request, Run, Source
from streamchat.events import (
    AnswerDelta,
    ArgumentsDelta,
    Event,
    ReasoningDelta,
    StepFinished,
    TextDelta,
    TurnCancelled,
    TurnDone,
    TurnFailed,
)
from streamchat.serve.errors import Busy, ShuttingDown
from streamchat.serve.limits import Limits
from streamchat.serve.metrics import Metrics, Outcome

ROOM = 100
"""How many events of a run may wait for its client."""
_RETRY_AFTER = 2.0
_LAST_SECONDS = 3.0
"""Seconds that clients have to take the end of their runs."""
_TOKENS = (TextDelta, AnswerDelta, ArgumentsDelta, ReasoningDelta)


class ServedRun:
    """A run of a source; iterate over it to get its events.

    If the server ends it, its last event is a `TurnFailed` that says why.

    Attributes:
        run: answers decisions and replies.
        ended_by_server: why the server has ended it; empty if it has not.
    """

    def __init__(self, run: Run, metrics: Metrics) -> None:
        self.run = run
        self.ended_by_server = ""
        self._metrics = metrics
        self._started = perf_counter()
        self._outcome: Outcome = "cancelled"
        self._has_token = False

    async def __aiter__(self) -> AsyncIterator[Event]:
        async for event in self.run:
            match event:
                case StepFinished():
                    self._count(event)
                case TurnDone():
                    self._outcome = "done"
                case TurnFailed():
                    self._outcome = "failed"
                case TurnCancelled() if self.ended_by_server:
                    self._outcome = "failed"
                    yield TurnFailed(self.ended_by_server, event.seconds)
                    return
                case _ if not self._has_token and isinstance(event, _TOKENS):
                    self._has_token = True
                    self._metrics.first_token.observe(perf_counter() - self._started)
            yield event

    def cancel(self) -> None:
        self.run.cancel()

    def note_pause(self) -> None:
        """Count the run as one that goes on in a later request, not as failed."""
        self._outcome = "paused"

    def end(self, why: str) -> None:
        """End the run for a reason of the server's."""
        self.ended_by_server = self.ended_by_server or why
        self.run.cancel()

    async def aclose(self) -> None:
        """Cancel the run if it is not over, and wait until it has ended."""
        try:
            await self.run.aclose()
        finally:
            self._metrics.finish(self._outcome, perf_counter() - self._started)

    def _count(self, step: StepFinished) -> None:
        self._metrics.input_tokens += step.input_tokens or 0
        self._metrics.output_tokens += step.output_tokens or 0


class Runs:
    """Starts runs of a source within limits, and ends those that are left when the server stops.

    Args:
        source: answers.
        most: how many runs may be under way at once.
        limits: how long a run may take.
        metrics: counts the runs.

    Attributes:
        source: likewise.
        running: the runs that are under way.
        is_closing: whether the server is about to end, and no more runs are started.
    """

    def __init__(self, source: Source, most: int, limits: Limits, metrics: Metrics) -> None:
        self.source = source
        self._most = most
        self._limits = limits
        self._metrics = metrics
        self.running: set[ServedRun] = set()
        self.is_closing = False
        self._idle = asyncio.Event()
        self._idle.set()

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[ServedRun]:
        """Start a run; when the context is left, the run has ended.

        Raises:
            Busy: as many runs as are allowed are under way.
            ShuttingDown: the server is about to end.
        """
        if self.is_closing:
            raise ShuttingDown
        if len(self.running) >= self._most:
            self._metrics.refused += 1
            raise Busy(self._most, _RETRY_AFTER)
        run = ServedRun(self.source.start(_complete(request)), self._metrics)
        self._metrics.start()
        self.running.add(run)
        self._idle.clear()
        seconds = self._limits.seconds
        why = f"the run took longer than {seconds:g} s"
        timer = asyncio.get_running_loop().call_later(seconds, run.end, why)
        try:
            yield run
        finally:
            timer.cancel()
            try:
                await run.aclose()
            finally:
                self.running.discard(run)
                if not self.running:
                    self._idle.set()

    async def drain(self, grace: float) -> None:
        """Refuse new runs, let those under way end for some seconds, and then end the rest."""
        self.is_closing = True
        try:
            async with asyncio.timeout(grace):
                await self._idle.wait()
        except TimeoutError:
            for run in self.running:
                run.end("the server is shutting down")
            with suppress(TimeoutError):  # a client that reads slowly may never take the end
                async with asyncio.timeout(_LAST_SECONDS):
                    await self._idle.wait()


def _complete(request: Request) -> Request:
    """Return the request as it is answered beside others, by sources with a memory, too."""
    return replace(request, room=ROOM, alone=True, thread_id=request.thread_id or uuid4().hex)
