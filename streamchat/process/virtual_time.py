"""An event loop whose time is its own: whoever sleeps wakes up at once."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, TypeVarTuple

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class _Skipping(selectors.DefaultSelector):
    """Lets the time that it is told to wait pass, instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:  # nothing is due: a thread or a file has to come first
            return super().select()
        ready = super().select(0)
        self.now += 0 if ready else timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Starts at zero seconds; its time passes only while nothing is left to do."""

    def __init__(self) -> None:
        self._clock = _Skipping()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now

    def add_signal_handler(self, sig: int, callback: Callable[[*_Ts], object], *args: *_Ts) -> None:
        """Refuse: what takes no time is not interrupted.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError


def run_at_once(main: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end on a loop of that kind."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
