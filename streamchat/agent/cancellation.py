"""Gives a turn its last event even if it is cancelled before it starts."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

_T = TypeVar("_T")


class CancellationGuard(Coroutine[Any, Any, _T]):
    """Wraps a coroutine and calls `on_cancel` if it is cancelled before its first step.

    A task that is cancelled so early throws into a coroutine that has not started, and then not
    even its `finally` blocks run.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, _T], on_cancel: Callable[[], None]) -> None:
        self._coroutine = coroutine
        self._on_cancel = on_cancel
        self._started = False

    def send(self, value: Any) -> Any:
        self._started = True
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        if not self._started:
            self._on_cancel()
        return self._coroutine.throw(*error)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, _T]:
        return self._coroutine.__await__()
