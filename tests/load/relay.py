"""The least that a server between a model and a browser does: python -m tests.load.relay URL

A Starlette application that asks the model's server what it is asked, and sends each event of the
answer as an event of its own. It prints its port.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import AsyncIterator

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route


def make_relay(url: str) -> Starlette:
    limits = httpx2.Limits(max_connections=None)
    client = httpx2.AsyncClient(limits=limits, timeout=None, trust_env=False)

    async def relay(request: Request) -> StreamingResponse:
        question = (await request.json())["messages"][-1]["content"]
        body = {"model": "m", "messages": [{"role": "user", "content": question}], "stream": True}
        return StreamingResponse(read(body), media_type="text/event-stream")

    async def read(body: object) -> AsyncIterator[str]:
        async with client.stream("POST", f"{url}/chat/completions", json=body) as response:
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    for choice in json.loads(line[6:])["choices"]:
                        if text := choice["delta"].get("content"):
                            event = {"type": "TEXT_MESSAGE_CONTENT", "messageId": "1"}
                            yield f"data: {json.dumps({**event, 'delta': text})}\n\n"

    return Starlette(routes=[Route("/agent", relay, methods=["POST"])])


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=2_048)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(make_relay(sys.argv[1]), log_level="warning", access_log=False)
    uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main()
