"""A model's server for thousands of tokens a second: python -m tests.load.upstream

It prints its port, and answers every request for a completion with the tokens that the last
message asks for, such as `200 tokens at 50`, each in an event and a segment of its own. A token is
its number and the time at which it was sent, `17@812345678901 `, by the clock of the machine.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from typing import ClassVar

_WANTED = re.compile(r"(\d+) tokens at (\d+)")
_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
    b"Connection: %s\r\n\r\n"
)
_CHUNK = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m",'
    b'"choices":[{"index":0,"delta":{"content":"%d@%d "},"finish_reason":null}]}\n\n'
)
_END = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m",'
    b'"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m",'
    b'"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":%d,"total_tokens":9}}\n\n',
    b"data: [DONE]\n\n",
)


class Upstream(asyncio.Protocol):
    """One connection; requests on it come one after another."""

    left: ClassVar[list[float]] = []
    """When clients left streams before their end, on all connections."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._received = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_lost(self, error: Exception | None) -> None:
        if self._timer:
            self._timer.cancel()
            Upstream.left.append(time.monotonic())

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        size = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if not end or len(rest) < int(size[1] if size else 0):
            return
        self._received = b""
        if head.startswith(b"GET"):
            self._tell_left()
            return
        wanted = _WANTED.search(json.dumps(json.loads(rest)["messages"][-1]))
        assert wanted
        tokens, rate = map(int, wanted.groups())
        self._transport.write(_HEAD % b"keep-alive")
        frames = self._frames(tokens)
        if rate:
            self._pace(frames, asyncio.get_running_loop().time(), 1 / rate)
        else:
            self._transport.writelines(frames)

    def _tell_left(self) -> None:
        told = json.dumps(Upstream.left).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        self._transport.write(head % len(told) + told)
        self._transport.close()

    def _frames(self, tokens: int) -> Iterator[bytes]:
        for number in range(tokens):
            yield _frame(_CHUNK % (number, time.monotonic_ns()))
        yield b"".join(map(_frame, (_END[0], _END[1] % tokens, _END[2]))) + b"0\r\n\r\n"

    def _pace(self, frames: Iterator[bytes], due: float, gap: float) -> None:
        """Send the next frame, and the others when they are due, however late this one is."""
        self._timer = None
        if frame := next(frames, b""):
            self._transport.write(frame)
            due += gap
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(due, self._pace, frames, due, gap)


def _frame(event: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(event), event)


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Upstream, "127.0.0.1", 0, backlog=2_048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
