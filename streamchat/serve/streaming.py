"""Streams to a client as events come, until it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing, suppress
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from streamchat.serve.outbox import Outbox

HEARTBEAT = 15.0
"""Seconds of silence after which a comment shows that the connection lives."""
_T = TypeVar("_T")


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
        self._outbox = Outbox()
        self._heartbeat = heartbeat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        collecting = asyncio.create_task(self._collect())
        collecting.add_done_callback(lambda _: self._outbox.close())
        leaving = asyncio.create_task(wait_until_left(receive))
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
                if not self._outbox.add(frame):
                    await self._outbox.wait_for_room()

    async def _send(self, collecting: asyncio.Task[None], send: Send) -> None:
        if frames := await self._outbox.take():
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            with self._outbox.fill_silence(b":\n\n", self._heartbeat):
                while frames:
                    await send({"type": "http.response.body", "body": frames, "more_body": True})
                    frames = await self._outbox.take()
        if collecting.cancelled():
            return  # the client has left
        collecting.result()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def finish(request: Request, work: Coroutine[Any, Any, _T]) -> _T:
    """Return the result of the work, which is cancelled if the client leaves.

    The body of the request must have been read.

    Raises:
        ClientDisconnect: the client has left.
    """
    task = asyncio.create_task(work)
    leaving = asyncio.create_task(wait_until_left(request.receive))
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


async def wait_until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
