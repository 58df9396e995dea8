"""Follows one message as it arrives: how far along it is, and when to stop waiting for more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from time import perf_counter

from streamchat.agent.errors import AgentError
from streamchat.events import Event, ToolCallStarted
from streamchat.models.wire.delta import Delta

_MAX_CALLS = 500
"""The most calls that one message may have."""
_AFTER_ANSWER = 2.0
"""Seconds for the finish reason and the usage counts that follow a complete answer."""
_AFTER_FINISH = 3.0
"""Extra seconds for the usage counts that may follow the finish reason."""
_SLACK = 0.01
"""The part of a wait by which it may be too long: to set a timer for every token takes time."""


class Watchdog:
    """Ends the wait for a message that makes no progress, or that never stops making calls.

    Anything the user sees is progress; so are a refusal, a change in a local server's prompt
    processing, and the finish reason. A ping or an empty delta is not.

    Args:
        timeout: seconds to wait without progress.

    Attributes:
        heard: whether any chunk has arrived, even an empty one.
        began: when the first piece of the message arrived, in `perf_counter` seconds.
        refused: whether the user has refused the rest of the message.
    """

    def __init__(self, timeout: float) -> None:
        self.heard = False
        self.began: float | None = None
        self.refused = False
        self._timeout = timeout
        self._deadline: asyncio.Timeout | None = None
        self._progressed = False
        self._finished = False
        self._finishing = False
        self._calls = 0
        self._prompt_progress = ""

    @asynccontextmanager
    async def watch(self, host: str) -> AsyncIterator[None]:
        """Cancel the body when no progress is made for too long, or after `finish_soon`.

        After `refuse`, it is cancelled at once.

        Raises:
            AgentError: no progress was made; the message names the host.
        """
        try:
            async with asyncio.timeout(self._timeout) as deadline:
                self._deadline = deadline
                try:
                    yield
                finally:
                    self._deadline = None  # what follows the message may wait, too
        except TimeoutError as error:
            if not deadline.expired():
                raise
            if self._is_ending:
                return
            missing = "nothing new" if self.heard else "no answer"
            raise AgentError(
                f"timed out: {missing} from {host} for {self._timeout:g} s (--timeout)"
            ) from error

    def observe(self, delta: Delta, events: Sequence[Event]) -> None:
        """Take note of a chunk and the events it was decoded into."""
        self.heard = True
        if events and self.began is None:
            self.began = perf_counter()
        prompt_progress = delta.prompt_progress or self._prompt_progress
        finished = bool(delta.finish_reason)
        if (
            events
            or delta.refusal
            or prompt_progress != self._prompt_progress
            or (finished and not self._finished)
        ):
            self._progressed = True
        self._prompt_progress = prompt_progress
        self._finished = self._finished or finished
        self._calls += sum(isinstance(event, ToolCallStarted) for event in events)

    def finish_soon(self) -> None:
        """Wait only a moment longer: the answer is complete, and at most figures follow."""
        if not self._finishing and self._deadline:
            self._finishing = True
            self._deadline.reschedule(asyncio.get_running_loop().time() + _AFTER_ANSWER)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Wait for as long as it takes in this context: it is not the model that is slow."""
        if self._deadline is None or self._is_ending:
            yield
            return
        self._deadline.reschedule(None)
        try:
            yield
        finally:
            if self._deadline and not self._is_ending:
                self._deadline.reschedule(asyncio.get_running_loop().time() + self._timeout)

    @property
    def _is_ending(self) -> bool:
        """Whether the rest of the message has a deadline that progress does not move."""
        return self._finishing or self.refused

    def refuse(self) -> None:
        """Do not wait for the rest of the message, even if nothing arrives at the moment."""
        if self._deadline:
            self.refused = True
            self._deadline.reschedule(asyncio.get_running_loop().time())

    def check(self) -> None:
        """Extend the wait if there was progress since the last check.

        Raises:
            AgentError: the message has too many calls.
        """
        if self._progressed and self._deadline and not self._is_ending:
            self._progressed = False
            wait = self._timeout + (_AFTER_FINISH if self._finished else 0.0)
            _extend(self._deadline, asyncio.get_running_loop().time() + wait, wait * _SLACK)
        if self._calls > _MAX_CALLS:
            raise AgentError(f"the model made more than {_MAX_CALLS} calls in one message")


def _extend(deadline: asyncio.Timeout, least: float, slack: float) -> None:
    """Move a deadline to this time or a little later, unless it is there already."""
    when = deadline.when()
    if when is None or not least <= when <= least + slack:
        deadline.reschedule(least + slack)
