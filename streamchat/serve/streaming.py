"""Streams to a client as events come, until it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing, suppress
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

HEARTBEAT = 15.0
"""Seconds of silence after which a comment shows that the connection lives."""
_MOST_WAITING = 1 << 16
"""Bytes that may wait to be sent. What comes then has to wait itself, back to the model."""
_T = TypeVar("_T")


def format_sse(data: bytes, event: bytes = b"") -> bytes:
    """Return a server-sent event with data of one line, as JSON is."""
    return b"event: %b\ndata: %b\n\n" % (event, data) if event else b"data: %b\n\n" % data


class EventStream(Response):
    """Sends frames as they come, those that are there at the same time together.

    The response begins with the first frame: what is raised before becomes an HTTP status.

    Args:
        frames: an asynchronous generator of whole server-sent events. It is closed when the
            client leaves.
        heartbeat: seconds of silence after which a comment is sent.
    """

    media_type = "text/event-stream"

    def __init__(
        self, frames: AsyncGenerator[bytes, None], *, heartbeat: float = HEARTBEAT
    ) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._frames = frames
        self._heartbeat = heartbeat
        self._waiting: list[bytes] = []
        self._size = 0
        self._arrived = asyncio.Event()
        self._has_room = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        collecting = asyncio.create_task(self._collect())
        collecting.add_done_callback(lambda _: self._arrived.set())
        leaving = asyncio.create_task(_wait_until_left(receive))
        leaving.add_done_callback(lambda _: collecting.cancel())
        try:
            await self._send(collecting, send)
        finally:
            leaving.cancel()
            collecting.cancel()
            await asyncio.wait([collecting, leaving])

    async def _collect(self) -> None:
        async with aclosing(self._frames) as frames:
            async for frame in frames:
                self._waiting.append(frame)
                self._size += len(frame)
                self._arrived.set()
                if self._size > _MOST_WAITING:
                    self._has_room.clear()
                    await self._has_room.wait()

    async def _send(self, collecting: asyncio.Task[None], send: Send) -> None:
        has_begun = False
        while True:
            frames = await self._next(collecting, has_begun=has_begun)
            if not frames:
                break
            if not has_begun:
                has_begun = True
                start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
                await send(start)
            await send({"type": "http.response.body", "body": frames, "more_body": True})
        if collecting.cancelled():
            return  # the client has left
        if not has_begun or collecting.exception():
            collecting.result()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _next(self, collecting: asyncio.Task[None], *, has_begun: bool) -> bytes:
        """Wait for frames: a comment after a time of silence, nothing at the end."""
        self._arrived.clear()
        if not (self._waiting or collecting.done()):
            try:
                async with asyncio.timeout(self._heartbeat if has_begun else None):
                    await self._arrived.wait()
            except TimeoutError:
                return b":\n\n"
        frames = b"".join(self._waiting)
        self._waiting.clear()
        self._size = 0
        self._has_room.set()
        return frames


async def finish(request: Request, work: Coroutine[Any, Any, _T]) -> _T:
    """Return the result of the work, which is cancelled if the client leaves.

    The body of the request must have been read.

    Raises:
        ClientDisconnect: the client has left.
    """
    task = asyncio.create_task(work)
    leaving = asyncio.create_task(_wait_until_left(request.receive))
    try:
        await asyncio.wait([task, leaving], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        leaving.cancel()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])


async def _wait_until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
