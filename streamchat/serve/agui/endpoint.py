"""`POST /agent`: a run over server-sent events. `GET /ws`: runs over a WebSocket."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from streamchat.serve.agui.play import AguiRun
from streamchat.serve.agui.socket import Conversation
from streamchat.serve.errors import RequestError
from streamchat.serve.frames import format_sse
from streamchat.serve.limits import read_json
from streamchat.serve.serving import Serving
from streamchat.serve.streaming import EventStream


def routes(serving: Serving) -> list[BaseRoute]:
    """Return the routes of AG-UI."""

    async def run_agent(request: Request) -> Response:
        run = AguiRun(await read_json(request, serving.limits), serving)
        return EventStream(_frame(run))

    async def converse(websocket: WebSocket) -> None:
        await Conversation(websocket, serving).hold()

    async def ask_for_upgrade(request: Request) -> Response:
        message = "this is for WebSockets; use POST /agent for server-sent events"
        raise RequestError(426, message, {"Upgrade": "websocket"})

    return [
        Route("/agent", run_agent, methods=["POST"]),
        WebSocketRoute("/ws", converse),
        Route("/ws", ask_for_upgrade),
    ]


async def _frame(run: AguiRun) -> AsyncGenerator[bytes, None]:
    async with aclosing(run.play()) as events:
        async for event in events:
            yield format_sse(event)
