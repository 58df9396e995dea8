"""Standard input of a chat that no user types in, line by line."""

from __future__ import annotations

import asyncio
import sys

from streamchat.process.threads import run_in_daemon_thread


class Lines:
    """Reads lines without blocking the event loop."""

    def __init__(self) -> None:
        self._reading: asyncio.Future[str] | None = None

    async def read(self) -> str:
        """Return the next line; if cancelled, the next call returns it.

        Raises:
            EOFError: there are no more.
        """
        if self._reading is None:
            self._reading = asyncio.ensure_future(run_in_daemon_thread(sys.stdin.readline))
        line = await asyncio.shield(self._reading)
        self._reading = None
        if not line:
            raise EOFError
        return line
