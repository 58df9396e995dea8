"""Lets the agent's thread wait while the program's thread has not taken its events."""

from __future__ import annotations

import asyncio
from collections.abc import Sized

from streamchat.agent.target.worker import AgentThread


class Room:
    """How many events of a turn may wait to be taken.

    Args:
        thread: the agent's, which adds events and waits.
        waiting: the events, which another thread takes.
        most: how many of them; the next ones may come when half of them have been taken.

    Attributes:
        is_missing: whether the agent waits.
    """

    def __init__(self, thread: AgentThread, waiting: Sized, most: int) -> None:
        self._thread, self._waiting, self._most = thread, waiting, most
        self._is_there = asyncio.Event()
        self.is_missing = False

    async def wait(self) -> None:
        """Wait until there is room. Code in other loops does not wait."""
        if len(self._waiting) < self._most or asyncio.get_running_loop() is not self._thread.loop:
            return
        self._is_there.clear()
        self.is_missing = True  # before the last look, or nobody would notice
        if len(self._waiting) >= self._most:
            await self._is_there.wait()

    def look(self) -> None:
        """Let the agent go on if there is room again. Called in the other thread, often."""
        if self.is_missing and len(self._waiting) <= self._most // 2:
            self.open()

    def open(self) -> None:
        """Let the agent go on."""
        self.is_missing = False
        self._thread.call(self._is_there.set)
