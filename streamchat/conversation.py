"""Puts questions through the agent to a view, one after another; signals stop one."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from streamchat.agent import AgentExecutor
from streamchat.models.progress import Progress
from streamchat.play import play
from streamchat.safe import one_line
from streamchat.signals import ENDING, end_for_sure, heeded
from streamchat.streamer import QueueCallbackHandler
from streamchat.turn import Turn
from streamchat.view import View

_log = logging.getLogger(__name__)


class Stops:
    """Signals that stop what is being done, and not the program.

    Args:
        signals: their numbers.
        linger: whether they are ignored in between, so that Ctrl-C a moment too late ends nothing.
    """

    def __init__(self, *signals: int, linger: bool = False) -> None:
        self.received = 0
        """The last one that stopped something; 0 if none has."""
        self._signals = heeded(*signals)
        self._linger = linger

    @contextmanager
    def stopping(self, task: asyncio.Task[Any]) -> Iterator[None]:
        """Within, the signals cancel the task."""

        def stop(number: int) -> None:
            self.received = number
            if number in ENDING:
                end_for_sure(number)
            task.cancel()

        loop = asyncio.get_running_loop()
        for number in self._signals:
            loop.add_signal_handler(number, stop, number)
        try:
            yield
        finally:
            self.rest()

    def rest(self) -> None:
        """Nothing is being done that the signals could stop."""
        loop = asyncio.get_running_loop()
        for number in self._signals:
            if self._linger:
                loop.add_signal_handler(number, lambda: None)
            else:
                loop.remove_signal_handler(number)


async def prepare(executor: AgentExecutor, progress: Progress, stops: Stops) -> bool:
    """Prepares the executor, and returns whether that was not stopped."""
    task = asyncio.create_task(executor.prepare(progress))
    with stops.stopping(task):
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
    if not task.cancelled():
        task.result()
    return not task.cancelled()


async def converse(
    executor: AgentExecutor, question: str, view: View, stops: Stops, *, verbose: bool = False
) -> Turn:
    """Returns the turn as it ended; every ending but that of the view itself is one of the turn.

    Args:
        verbose: whether the view is shown every chunk, too. The traceback of a failure is logged.

    Raises:
        OSError: the view's output is gone; the turn was stopped.
    """
    streamer = QueueCallbackHandler(raw=verbose)
    task = asyncio.create_task(executor.invoke(question, streamer))
    with stops.stopping(task):
        try:
            return await play(streamer, view)
        finally:
            task.cancel()
            await asyncio.wait([task])
            # The turn has told how it ended; what is raised here says it again.
            error = None if task.cancelled() else task.exception()
            if verbose and error:
                _log.debug("the turn failed", exc_info=error)


def complain_of(turn: Turn) -> None:
    """Tells on standard error how a turn ended that gave no answer."""
    if turn.status == "failed":
        complain(f"error: {turn.error}")
    elif turn.status == "cancelled":
        complain("interrupted")


def complain(text: str) -> None:
    """Writes one line on standard error."""
    with suppress(OSError):
        print(one_line(text), file=sys.stderr, flush=True)  # noqa: T201  # where errors go
