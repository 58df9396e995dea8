"""Signals that stop the work in progress instead of the program."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from streamchat.process.signals import ENDING, force_exit_soon, not_ignored


class InterruptHandler:
    """Signals that stop what is being done, and not the program.

    Args:
        signals: their numbers.
        linger: whether they are ignored in between, so that Ctrl-C a moment too late ends nothing.
    """

    def __init__(self, *signals: int, linger: bool = False) -> None:
        self.received = 0
        """The last one that stopped something; 0 if none has."""
        self._signals = not_ignored(*signals)
        self._linger = linger
        self._task: asyncio.Task[Any] | None = None
        self._early = False
        """Whether to stop came before there was anything to be stopped."""

    @contextmanager
    def stopping(self, task: asyncio.Task[Any]) -> Iterator[None]:
        """Within, the signals cancel the task."""

        loop = asyncio.get_running_loop()
        for number in self._signals:
            loop.add_signal_handler(number, self.stop, number)
        self._task = task
        if self._early:
            task.cancel()
        try:
            yield
        finally:
            self._task = None
            self.rest()

    def stop(self, number: int) -> None:
        """Stops what is being done, as the signal does."""
        self.received = number
        if number in ENDING:
            force_exit_soon(number)
        self._early = self._task is None
        if self._task:
            self._task.cancel()

    def begin(self) -> None:
        """Something begins: from now on to stop counts, even before it can be stopped."""
        self._early = False

    def rest(self) -> None:
        """Nothing is being done that the signals could stop."""
        loop = asyncio.get_running_loop()
        for number in self._signals:
            if self._linger:
                loop.add_signal_handler(number, lambda: None)
            else:
                loop.remove_signal_handler(number)
