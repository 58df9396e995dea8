"""Runs over a WebSocket, one after the other: each event is a message.

The client sends a `RunAgentInput` for each run, and may send `{"type": "cancel"}` meanwhile. What is
wrong with a message is told by a RUN_ERROR.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from streamchat.serve.agui.play import AguiRun
from streamchat.serve.errors import RequestError

if TYPE_CHECKING:
    from streamchat.serve.app import Serving

_POLICY, _TOO_BIG = 1008, 1009
"""Codes with which a WebSocket is closed."""


class Conversation:
    """The runs of one client.

    Args:
        websocket: the client's, not yet accepted.
        serving: what the endpoints share.
    """

    def __init__(self, websocket: WebSocket, serving: Serving) -> None:
        self._websocket, self._serving = websocket, serving

    async def hold(self) -> None:
        """Take the client's messages until it leaves."""
        await self._websocket.accept()
        try:
            while True:
                await self._answer(await self._receive())
        except WebSocketDisconnect:
            pass  # by either side

    async def _answer(self, message: Any) -> None:
        if _is_cancel(message):
            return  # the run is over already
        try:
            run = AguiRun(message, self._serving)
            playing = asyncio.create_task(self._play(run))
            try:
                await self._watch(run, playing)
            finally:
                playing.cancel()
                await asyncio.wait([playing])
        except RequestError as error:
            await self._refuse(error)

    async def _watch(self, run: AguiRun, playing: asyncio.Task[None]) -> None:
        """Take messages while a run is under way."""
        receiving = asyncio.create_task(self._receive())
        try:
            while True:
                await asyncio.wait([playing, receiving], return_when=asyncio.FIRST_COMPLETED)
                if playing.done():
                    playing.result()
                    return
                if not _is_cancel(receiving.result()):
                    await self._close(_POLICY, "a run is under way: cancel it first")
                run.cancel()
                receiving = asyncio.create_task(self._receive())
        finally:
            receiving.cancel()

    async def _play(self, run: AguiRun) -> None:
        async with aclosing(run.play()) as events:
            async for event in events:
                await self._websocket.send_text(event.decode())

    async def _receive(self) -> Any:
        """Return the JSON value of the next message; None if it is none.

        Raises:
            WebSocketDisconnect: the client has left.
        """
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        text = message.get("text") or ""
        if len(text) > self._serving.limits.body:
            await self._close(_TOO_BIG, "the message is too large")
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return None

    async def _refuse(self, error: RequestError) -> None:
        refusal = {"type": "RUN_ERROR", "message": error.message, "code": error.type}
        await self._websocket.send_text(json.dumps(refusal))

    async def _close(self, code: int, reason: str) -> None:
        await self._websocket.close(code, reason)
        raise WebSocketDisconnect(code, reason)


def _is_cancel(message: Any) -> bool:
    return isinstance(message, dict) and message.get("type") == "cancel"
