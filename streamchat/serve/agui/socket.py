"""Runs over a WebSocket, one after the other: each event is a message.

The client sends a `RunAgentInput` for each run, and `{"type": "cancel"}` to cancel the current one.
A RUN_ERROR says what is wrong with a message.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, suppress
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from streamchat.serve.agui.play import AguiRun
from streamchat.serve.errors import RequestError
from streamchat.serve.serving import Serving
from streamchat.text.strict_json import load_json

_MOST_WAITING = 8
"""How many inputs may wait for a run to end."""
_POLICY, _TOO_BIG = 1008, 1009


class Conversation:
    """The runs of one client.

    Args:
        websocket: the client's, not yet accepted.
        serving: what the endpoints share.
    """

    def __init__(self, websocket: WebSocket, serving: Serving) -> None:
        self._websocket, self._serving = websocket, serving
        self._inputs: asyncio.Queue[object] = asyncio.Queue(_MOST_WAITING)
        self._run: AguiRun | None = None
        self._cancels_next = False
        """Whether the next run was cancelled before it began."""

    async def hold(self) -> None:
        """Take the client's messages until it leaves."""
        await self._websocket.accept()
        refusal: tuple[int, str] | None = None
        with suppress(WebSocketDisconnect):
            async with asyncio.TaskGroup() as group:
                answering = group.create_task(self._answer_inputs())
                refusal = await self._read_messages()
                answering.cancel()
        if refusal:
            await self._websocket.close(*refusal)

    async def _read_messages(self) -> tuple[int, str] | None:
        """Read until the client leaves; return why it must, if it must."""
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return None
            text = message.get("text") or message.get("bytes") or b""
            if len(text) > self._serving.limits.body:
                return _TOO_BIG, "the message is too large"
            value = _read_json(text)
            if isinstance(value, dict) and value.get("type") == "cancel":
                self._cancel()
            elif self._inputs.full():
                return _POLICY, "too many inputs wait for the run to end"
            else:
                self._inputs.put_nowait(value)

    def _cancel(self) -> None:
        if self._run:
            self._run.cancel()
        elif not self._inputs.empty():
            self._cancels_next = True

    async def _answer_inputs(self) -> None:
        with suppress(WebSocketDisconnect):
            while True:
                await self._answer(await self._inputs.get())

    async def _answer(self, value: object) -> None:
        try:
            cancelled, self._cancels_next = self._cancels_next, False
            self._run = AguiRun(value, self._serving)
            if cancelled:
                self._run.cancel()
            async with aclosing(self._run.play()) as events:
                async for event in events:
                    await self._websocket.send_text(event.decode())
        except RequestError as error:
            refusal = {"type": "RUN_ERROR", "message": error.message, "code": error.type}
            await self._websocket.send_text(json.dumps(refusal))
        finally:
            self._run = None


def _read_json(text: str | bytes) -> Any:
    """Return the JSON value of a message; None if it is none, which is no input."""
    try:
        return load_json(text)
    except ValueError:
        return None
