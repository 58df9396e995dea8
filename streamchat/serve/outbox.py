"""What waits to be sent to a client."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

_MOST_WAITING = 1 << 16
"""Bytes that may wait to be sent. What comes then has to wait itself, back to the model."""


class Outbox:
    """Frames between the task that makes them and the one that sends them.

    This is on the path of every token: bare futures and one timer a stream, where events and
    time-outs would cost as much as all the rest.
    """

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self._size = 0
        self._is_closed = False
        self._loop = asyncio.get_running_loop()
        self._taker: asyncio.Future[None] | None = None
        self._adder: asyncio.Future[None] | None = None
        self._taken = 0.0

    def add(self, frame: bytes) -> bool:
        """Add a frame; return whether there is room for more."""
        self._frames.append(frame)
        self._size += len(frame)
        self._wake_taker()
        return self._size < _MOST_WAITING

    async def wait_for_room(self) -> None:
        """Wait until the frames have been taken."""
        self._adder = self._loop.create_future()
        await self._adder

    def close(self) -> None:
        """Let no more frames come."""
        self._is_closed = True
        self._wake_taker()

    async def take(self) -> bytes:
        """Wait for frames, and take all that are there; return nothing once it is closed."""
        if not (self._frames or self._is_closed):
            self._taker = self._loop.create_future()
            await self._taker
        self._taken = self._loop.time()
        frames = b"".join(self._frames)
        self._frames.clear()
        self._size = 0
        if self._adder and not self._adder.done():
            self._adder.set_result(None)
        return frames

    @contextmanager
    def fill_silence(self, frame: bytes, seconds: float) -> Iterator[None]:
        """Add the frame in this context whenever nothing has been taken for so long."""
        timer = self._loop.call_later(seconds, lambda: look())

        def look() -> None:
            nonlocal timer
            silence = self._loop.time() - self._taken
            if silence >= seconds:
                if not self._frames:  # else the client is slow, and needs no more to read
                    self.add(frame)
                silence = 0.0
            timer = self._loop.call_later(seconds - silence, look)

        try:
            yield
        finally:
            timer.cancel()

    def _wake_taker(self) -> None:
        if self._taker and not self._taker.done():
            self._taker.set_result(None)
