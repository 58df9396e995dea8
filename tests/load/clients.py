"""Clients that ask an endpoint all at once: python -m tests.load.clients URL CLIENTS TOKENS RATE

`--over` spreads their starts over so many seconds, `--turns` has each client ask so often, and
`--leave` has each leave so many seconds after its first token. What they got is printed as JSON.
They do as little as they can, and nothing between the arrival of data and the look at the clock.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

_TOKEN = re.compile(r"(\d+)@(\d+) ")


@dataclass
class Got:
    """What one client got.

    Attributes:
        status: of the last response; 0 if there was none.
        delays: milliseconds from the upstream's look at the clock to the client's, of each token.
        misplaced: tokens that are not the next one.
        ended: responses that were complete.
        retry_after: what a refusal said.
        left: when the client left, by the clock of the machine.
    """

    status: int = 0
    delays: list[float] = field(default_factory=list)
    misplaced: int = 0
    ended: int = 0
    retry_after: str = ""
    left: float = 0.0


class Client(asyncio.Protocol):
    """One request on a connection of its own."""

    def __init__(self, request: bytes, got: Got, leave: float) -> None:
        self.done = asyncio.Event()
        self._request, self._got, self._leave = request, got, leave
        self._begun = b""
        self._next = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def _go(self) -> None:
        self._got.left = time.monotonic()
        self._transport.abort()

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
                self._got.ended += 1

    def _read(self, event: dict[str, str], now: int) -> None:
        if event["type"] != "TEXT_MESSAGE_CONTENT":
            return
        if self._leave and not self._got.delays:
            asyncio.get_running_loop().call_later(self._leave, self._go)
        for number, sent in _TOKEN.findall(event["delta"]):
            self._got.delays.append((now - int(sent)) / 1e6)
            self._got.misplaced += int(number) != self._next
            self._next = int(number) + 1

    def connection_lost(self, error: Exception | None) -> None:
        self.done.set()


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


async def ask(options: argparse.Namespace, number: int) -> Got:
    """Ask as often as wanted, each time on a new connection."""
    await asyncio.sleep(options.over * number / options.clients)
    loop = asyncio.get_running_loop()
    parts = urlsplit(options.url)
    request = make_request(options.url, f"{options.tokens} tokens at {options.rate}")
    got = Got()
    for _ in range(options.turns):
        client = Client(request, got, options.leave)
        await loop.create_connection(lambda c=client: c, parts.hostname, parts.port)  # type: ignore[misc]
        await client.done.wait()
    return got


async def ask_all(options: argparse.Namespace) -> list[Got]:
    return await asyncio.gather(*(ask(options, number) for number in range(options.clients)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    for name in ("clients", "tokens", "rate"):
        parser.add_argument(name, type=int)
    parser.add_argument("--over", type=float, default=0.0)
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--leave", type=float, default=0.0)
    got = asyncio.run(ask_all(parser.parse_args()))
    print(json.dumps([asdict(each) for each in got]))


if __name__ == "__main__":
    main()
