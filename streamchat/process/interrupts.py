"""Signals that cancel the work in progress instead of ending the program."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Protocol, TypeVar

from streamchat.process.deadline import spare
from streamchat.process.signals import TERMINATION_SIGNALS, drop_ignored
from streamchat.process.stdio import is_output_stuck

_T = TypeVar("_T")


class Cancellable(Protocol):
    """Work in progress: a task, or a turn."""

    def cancel(self) -> object: ...


class InterruptHandler:
    """Cancels the task in progress when a signal arrives.

    Args:
        signals: their numbers.
        linger: whether to ignore the signals while nothing is in progress, so that a Ctrl-C that
            comes a moment too late does not end the program.
    """

    def __init__(self, *signals: int, linger: bool = False) -> None:
        self.received = 0
        """The last signal that arrived, or 0."""
        self._signals = drop_ignored(*signals)
        self._linger = linger
        self._task: Cancellable | None = None
        self._early = False
        """Whether an interrupt arrived before there was a task to cancel."""

    async def run(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Run work that the signals cancel, and return its task, which is done.

        If the caller is cancelled, so is the work.
        """
        task = asyncio.ensure_future(work)
        with self.cancel_on_signal(task):
            try:
                await asyncio.wait([task])
            finally:
                task.cancel()
        return task

    async def complete(self, work: Coroutine[Any, Any, _T]) -> _T | None:
        """Run work that the signals cancel, and return its result; None if they have."""
        task = await self.run(work)
        return None if task.cancelled() else task.result()

    @contextmanager
    def cancel_on_signal(self, task: Cancellable) -> Iterator[None]:
        """Cancel the task if a signal arrives in this context or has arrived since `arm`.

        In a context within another one, the inner task alone is cancelled.
        """
        self._catch()
        around, self._task = self._task, task
        if self._early:
            task.cancel()
        try:
            yield
        finally:
            self._task = around
            if around is None:
                self.disarm()

    def interrupt(self, number: int) -> None:
        """Act as if the signal had arrived."""
        self.received = number
        self._early = self._task is None
        if self._task:
            self._task.cancel()

    def arm(self) -> None:
        """Forget earlier interrupts; a later one cancels the next task as soon as it starts.

        Signals that do not linger end the program until then.
        """
        self._early = False
        if self._linger:
            self._catch()

    def _catch(self) -> None:
        loop = asyncio.get_running_loop()
        for number in self._signals:
            loop.add_signal_handler(number, self.interrupt, number)

    def disarm(self) -> None:
        """Stop cancelling: ignore the signals if they linger, or let them end the program again."""
        loop = asyncio.get_running_loop()
        for number in self._signals:
            if self._linger:
                loop.add_signal_handler(number, lambda: None)
            else:
                loop.remove_signal_handler(number)


@contextmanager
def cancel_on_termination() -> Iterator[list[int]]:
    """Let SIGTERM and SIGHUP cancel the current task, so that cleanup runs.

    Yields:
        the signals that have arrived.
    """
    received: list[int] = []
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    assert task

    def cancel(number: int) -> None:
        received.append(number)
        task.cancel()

    for number in drop_ignored(*TERMINATION_SIGNALS):
        with suppress(RuntimeError, ValueError):
            loop.add_signal_handler(number, cancel, number)
    yield received


def outlive(number: int) -> None:
    """Let the event loop go on after this signal, unless the loop is stuck in a write."""
    spare(number, partial(_goes_on, asyncio.get_running_loop()))


def _goes_on(loop: asyncio.AbstractEventLoop, seconds: float) -> bool:
    awake = threading.Event()
    try:
        loop.call_soon_threadsafe(awake.set)
    except RuntimeError:
        return False  # it is closed
    # A busy loop may take longer.
    return awake.wait(seconds) or not is_output_stuck()
