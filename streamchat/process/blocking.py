"""Runs coroutines for callers that have no event loop."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

_T = TypeVar("_T")


class BlockingRunner:
    """Runs coroutines to their end, one at a time and all on the same event loop.

    Args:
        owner: what the user calls the object whose methods these are, for error messages.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._runner: asyncio.Runner | None = None
        self._lock = threading.Lock()

    def run(self, method: str, instead: str, work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """Return the result of the coroutine that `work` makes.

        Args:
            method: the name of the calling method.
            instead: what to write where an event loop is running.
            work: is not called if an error is raised.

        Raises:
            RuntimeError: an event loop is running in this thread, or another thread waits for
                a coroutine.
        """
        with self._claim(method, instead):
            return self._open().run(work())

    def close(self, method: str, instead: str, work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """Do as `run` does, and close the loop; the next coroutine gets a new one."""
        with self._claim(method, instead), self._open() as runner:
            self._runner = None
            return runner.run(work())

    @contextmanager
    def _claim(self, method: str, instead: str) -> Iterator[None]:
        if _is_loop_running():
            raise RuntimeError(
                f"{method} cannot be called while an event loop is running, as in a notebook; "
                f"use {instead}"
            )
        if not self._lock.acquire(blocking=False):
            raise RuntimeError(
                f"another thread is using this {self._owner}; give each thread one of its own"
            )
        try:
            yield
        finally:
            self._lock.release()

    def _open(self) -> asyncio.Runner:
        if self._runner is None:
            self._runner = asyncio.Runner()
            weakref.finalize(self, self._runner.close)
        return self._runner


def _is_loop_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
