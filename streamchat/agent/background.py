"""Loads an agent in the background: it takes seconds, and the user can type meanwhile."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from streamchat.agent.source import Source

_S = TypeVar("_S", bound=Source, covariant=True)
_T = TypeVar("_T")


class Loader(ABC, Generic[_S]):
    """Loads a source, and knows what can be said about it before that is done."""

    unavailable: str
    """The activity after a failure."""

    def __init__(self) -> None:
        self.on_activity: Callable[[], None] = lambda: None
        """Called in any thread when `activity` changes."""
        self.activity = "loading"
        """The work in progress before the source can answer; empty once it is ready."""
        self._task: asyncio.Task[_S] | None = None
        self._source: _S | None = None

    @property
    @abstractmethod
    def name(self) -> str:
        """What answers, as shown to the user."""

    @property
    @abstractmethod
    def tool_count(self) -> int | None:
        """How many tools the source has, or will have; None if that is not known yet."""

    @property
    @abstractmethod
    def context_tokens(self) -> int | None:
        """How many tokens the model's context has; None if that is not known."""

    @abstractmethod
    async def _open(self) -> _S:
        """Load the source.

        Raises:
            ModelError: it is not available.
        """

    @property
    def source(self) -> _S | None:
        """The source, or None until it is loaded."""
        return self._source

    @property
    def is_ready(self) -> bool:
        """Whether the source is there, and not about to be replaced."""
        return self._source is not None

    @property
    def traceback(self) -> str:
        """The user's own frames of the latest turn's failure; empty if there are none."""
        return ""

    def take_traceback(self) -> str:
        """Return the user's own frames of a tool's failure, unless that was returned before."""
        return ""

    def start(self) -> None:
        """Start loading, unless that is under way or done."""
        self._start()

    async def wait_until_ready(self) -> _S:
        """Wait for the source and return it; cancelling the wait does not stop the loading.

        Raises:
            ModelError: it is not available.
        """
        self._start()
        if self._source:
            return self._source
        assert self._task
        return await asyncio.shield(self._task)

    async def aclose(self) -> None:
        """Close the source, or stop loading."""
        if self._task:
            self._task.cancel()
        if self._source:
            await self._source.aclose()

    def _start(self) -> None:
        if self._source is None and (self._task is None or self._task.done()):
            self._task = start_task(self._load())

    async def _load(self) -> _S:
        with self._show_activity("loading"):
            self._source = await self._open()
        return self._source

    @contextmanager
    def _show_activity(self, what: str) -> Iterator[None]:
        self._set_activity(what)
        try:
            yield
        finally:
            self._set_activity("" if self._source else self.unavailable)

    def _set_activity(self, what: str) -> None:
        if what != self.activity:
            self.activity = what
            self.on_activity()


def start_task(work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
    """Start a task whose failure need not be awaited: it can be seen in another way."""
    task = asyncio.create_task(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
