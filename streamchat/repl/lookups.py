"""Slow look-ups for completion, such as the names of a server's models."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any


class Lookups:
    """Runs each look-up once, in the background."""

    def __init__(self) -> None:
        self.finished: Callable[[], None] = lambda: None
        """Called when a look-up has found something."""
        self._tasks: dict[str, asyncio.Future[None]] = {}

    def start(self, lookup: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Start a look-up, unless one of its name was started before."""
        if lookup.__name__ not in self._tasks:
            self._tasks[lookup.__name__] = asyncio.ensure_future(self._run(lookup()))

    async def _run(self, work: Coroutine[Any, Any, object]) -> None:
        with suppress(Exception):  # without a result there is just nothing to offer
            await work
            self.finished()
