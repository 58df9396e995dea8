"""Clients that ask an endpoint all at once: python -m tests.load.clients URL CLIENTS TOKENS RATE

It prints what they got, as JSON. They read as little as they can and do no work between the
arrival of a token and the look at the clock.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

_TOKEN = re.compile(r"(\d+)@(\d+) ")


@dataclass
class Got:
    """What one client got.

    Attributes:
        status: of the response; 0 if there was none.
        delays: milliseconds from the upstream's clock to the client's, of each token.
        misplaced: tokens that are not the next one.
        ended: whether the response was complete.
        last: the type of the last event.
        others: the events that bring no token.
    """

    status: int = 0
    delays: list[float] = field(default_factory=list)
    misplaced: int = 0
    ended: bool = False
    last: str = ""
    others: int = 0
    retry_after: str = ""


class Client(asyncio.Protocol):
    """One request on a connection of its own."""

    def __init__(self, request: bytes, done: asyncio.Future[Got]) -> None:
        self._request, self._done = request, done
        self._got = Got()
        self._begun = b""
        self._next = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self._read(json.loads(line[5:]), now)
            elif line.startswith(b"HTTP/1.1 "):
                self._got.status = int(line[9:12])
            elif line.lower().startswith(b"retry-after:"):
                self._got.retry_after = line[12:].strip().decode()
            elif line == b"0\r":
                self._got.ended = True

    def _read(self, event: dict[str, str], now: int) -> None:
        self._got.last = event["type"]
        if event["type"] != "TEXT_MESSAGE_CONTENT":
            self._got.others += 1
            return
        for number, sent in _TOKEN.findall(event["delta"]):
            self._got.delays.append((now - int(sent)) / 1e6)
            self._got.misplaced += int(number) != self._next
            self._next = int(number) + 1

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(self._got)


def make_request(url: str, question: str) -> bytes:
    """Return a request that an AG-UI endpoint takes."""
    parts = urlsplit(url)
    message = {"id": "1", "role": "user", "content": question}
    body = {"threadId": "t", "runId": "r", "state": {}, "messages": [message], "tools": []}
    body |= {"context": [], "forwardedProps": {}}
    data = json.dumps(body).encode()
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    head = (
        f"POST {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        f"Accept: text/event-stream\r\nConnection: close\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


async def ask(url: str, question: str) -> Got:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Got] = loop.create_future()
    parts = urlsplit(url)
    request = make_request(url, question)
    await loop.create_connection(lambda: Client(request, done), parts.hostname, parts.port)
    return await done


async def ask_all(url: str, clients: int, tokens: int, rate: int) -> list[Got]:
    question = f"{tokens} tokens at {rate}"
    return await asyncio.gather(*(ask(url, question) for _ in range(clients)))


def main() -> None:
    url, *numbers = sys.argv[1:]
    got = asyncio.run(ask_all(url, *map(int, numbers)))
    print(json.dumps([asdict(each) for each in got]))


if __name__ == "__main__":
    main()
