"""A server of the settings: it is connected to, and again when it is used after a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from langchain_core.tools import ToolException
from mcp.client.session import ClientSession
from mcp.shared.exceptions import McpError
from pydantic import ValidationError

from streamchat.agent.mcp.connection import Connection, NotSentError
from streamchat.agent.mcp.lines import Tail
from streamchat.agent.mcp.progress import Progress, Show
from streamchat.agent.mcp.results import ToolResult, read_result
from streamchat.agent.mcp.state import PATIENCE, ServerError, ServerState, State
from streamchat.agent.mcp.tools import Listing
from streamchat.config.mcp import McpServer
from streamchat.text.sanitize import one_line, sanitize

_LONGEST_INSTRUCTIONS = 10_000
_LONGEST_REFUSAL = 1_000
"""Characters of why a server does not take a call."""


class Server:
    """A server, all of whose methods are for the thread of the sessions.

    Args:
        config: what the settings say.
        on_change: called when its state or its tools have changed.
        log: takes what it writes to its standard error, line by line.
    """

    def __init__(
        self, config: McpServer, on_change: Callable[[], None], log: Callable[[str], None]
    ) -> None:
        self.config = config
        self.listing = Listing()
        self._tail = Tail()
        self._connection: Connection | None = None
        self._on_change = on_change
        self._log = log
        self._lock = asyncio.Lock()

    @property
    def session(self) -> ClientSession | None:
        """The SDK's session; None if there is none now."""
        return self._connection.session if self._connection else None

    @property
    def failure(self) -> str:
        """Why it cannot be used, as a predicate; empty if it can, or is starting."""
        return self._connection.failure if self._connection else ""

    @property
    def state(self) -> State:
        if self._connection is None or not self._connection.started.is_set():
            return "starting"
        if self.session:
            return "ready"
        return "failed" if self.failure else "closed"

    def describe(self, tools: Sequence[str], place: str) -> ServerState:
        """Return what `/mcp` says; the model knows its tools by these names."""
        introduction = self._connection.introduction if self._connection else ""
        instructions = self._connection.instructions if self._connection else ""
        return ServerState(
            self.config.name,
            self.state,
            one_line(self.failure or introduction),
            tools,
            place,
            self.listing.notes,
            sanitize(instructions[:_LONGEST_INSTRUCTIONS]),
            self._tail.lines,
        )

    async def start(self) -> None:
        """Connect anew, and wait until that is done, has failed, or takes too long."""
        async with self._lock:
            await self._open()

    async def close(self) -> None:
        """End the session."""
        if self._connection:
            await self._connection.close()

    async def call(self, name: str, arguments: dict[str, Any], show: Show) -> str:
        """Call a tool and return its result as text; start the server if it is not running.

        Raises:
            ToolException: the tool has failed, or the server does not start or has ended.
        """
        try:
            return read_result(await self._call(name, arguments, Progress(show)))
        except ServerError as error:
            raise ToolException(f"the MCP server {self.config.name} {error}") from error
        except McpError as error:
            raise ToolException(one_line(str(error), _LONGEST_REFUSAL)) from error
        except ValidationError as error:
            raise ToolException(
                f"the MCP server {self.config.name} answered with something other than a result"
            ) from error

    async def _call(self, name: str, arguments: dict[str, Any], progress: Progress) -> ToolResult:
        connection = await self._connect(None)
        try:
            return await connection.call(name, arguments, progress)
        except NotSentError:
            connection = await self._connect(connection)
        try:
            return await connection.call(name, arguments, progress)
        except NotSentError:
            raise ServerError(self.failure or "has ended") from None

    async def _connect(self, lost: Connection | None) -> Connection:
        """Return the connection, or another one if there is none or it is the one that was lost.

        Raises:
            ServerError: the server has failed to start.
        """
        async with self._lock:  # several calls may find that it is gone
            if self.state == "starting":
                await self._wait()
            elif self._connection is lost or not self.session:
                await self._open()
        assert self._connection
        if not self.session:
            raise ServerError(self.failure or f"has not started within {PATIENCE} s")
        return self._connection

    async def _open(self) -> None:
        if self._connection:
            await self._connection.close()
        self._tail = Tail()
        self._connection = Connection(self.config, self._tail, self._take_output, self._change)
        self._on_change()
        await self._wait()

    async def _wait(self) -> None:
        assert self._connection
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._connection.started.wait()

    def _take_output(self, data: bytes) -> None:
        for line in self._tail.feed(data):
            self._log(line)

    def _change(self) -> None:
        if self._connection and self._connection.session:
            self.listing = self._connection.listing
        self._on_change()
