"""The transport for servers that are reached over streamable HTTP: the SDK's, with limits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
from mcp.client.streamable_http import streamable_http_client

from streamchat.agent.mcp.state import ServerError
from streamchat.agent.mcp.stdio import LONGEST_MESSAGE, Incoming, Outgoing, describe_too_long
from streamchat.config.mcp import McpServer

_TIMEOUT = httpx.Timeout(20, read=None)
"""Reading may take as long as a tool does, which has its own limit."""


Fail = Callable[[ServerError], None]
"""Ends the session because of an error."""


@asynccontextmanager
async def open_http(server: McpServer, fail: Fail) -> AsyncIterator[tuple[Incoming, Outgoing]]:
    """Open a session over HTTP.

    Args:
        fail: called with what the SDK would pass over, and leave those waiting who wait.

    Raises:
        httpx.HTTPError: the server cannot be reached or refuses; in a group of exceptions.
    """

    async def limit(response: httpx.Response) -> None:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _WatchedStream(response, fail)

    async with (
        httpx.AsyncClient(
            # A compressed message might be of any size.
            headers={"Accept-Encoding": "identity", **server.headers},
            timeout=_TIMEOUT,
            event_hooks={"response": [limit]},
        ) as client,
        streamable_http_client(server.url, http_client=client) as (incoming, outgoing, _),
    ):
        yield incoming, outgoing


class _WatchedStream(httpx.AsyncByteStream):
    """The body of a response: events, in which an empty line ends each message, or one message."""

    def __init__(self, response: httpx.Response, fail: Fail) -> None:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        self._stream = response.stream
        self._fail = fail
        self._is_compressed = response.headers.get("Content-Encoding", "identity") != "identity"
        is_events = response.headers.get("Content-Type", "").startswith("text/event-stream")
        self._has_result = is_events and response.request.method == "POST"
        self._can_resume = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._is_compressed:
            raise self._give_up("compresses its answers, although it was asked not to")
        size = 0
        try:
            async for data in self._stream:
                ended = max(data.rfind(b"\n\n"), data.rfind(b"\r\n\r\n"))
                size = len(data) - ended if ended >= 0 else size + len(data)
                if size > LONGEST_MESSAGE:
                    raise self._give_up(describe_too_long())
                self._can_resume = self._can_resume or b"id:" in data
                yield data
        except httpx.HTTPError as error:
            self._report_end()
            raise error
        self._report_end()

    def _report_end(self) -> None:
        """Report an end before the result; after that, nobody reads on."""
        if self._has_result and not self._can_resume:
            self._give_up("has broken off its answer")

    def _give_up(self, why: str) -> ServerError:
        error = ServerError(why)
        self._fail(error)
        return error

    async def aclose(self) -> None:
        await self._stream.aclose()
