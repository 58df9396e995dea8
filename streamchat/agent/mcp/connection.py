"""A session with a server, from its start to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

import anyio
from mcp import types
from mcp.client.session import ClientSession
from mcp.shared.exceptions import McpError
from mcp.shared.session import ProgressFnT
from pydantic import BaseModel, ValidationError

from streamchat import __version__
from streamchat.agent.mcp.failures import describe_failure, is_over
from streamchat.agent.mcp.http import open_http
from streamchat.agent.mcp.lines import Tail
from streamchat.agent.mcp.results import ToolResult
from streamchat.agent.mcp.state import ServerError
from streamchat.agent.mcp.stdio import Incoming, Outgoing, TakeOutput, open_stdio
from streamchat.agent.mcp.tools import Listing, read_listing
from streamchat.config.mcp import McpServer

_LONGEST_START = 120
"""Seconds after which a server that has not started is ended: a package may be downloaded first."""
_PAUSE = 0.5
"""Seconds between two looks at tools that change."""
_MOST_TOOLS = 500
_MOST_PAGES = 100
"""A server may always name a next page, and have nothing on it."""
_CLIENT = types.Implementation(name="streamchat", version=__version__)
_IGNORED = (McpError, ValidationError, anyio.ClosedResourceError, anyio.BrokenResourceError)


class NotSentError(Exception):
    """A call was not sent to the server, because the session is over."""


class _Page(BaseModel):
    """A part of the list of tools, which are read one by one: a bad one hides no others."""

    tools: list[Any] = []
    nextCursor: str | None = None  # noqa: N815  # as it is sent


class Connection:
    """A session, in a task of its own: what the SDK opens has to be closed in the same task.

    Args:
        server: what to connect to.
        tail: keeps what the server writes that is no message.
        take_output: takes it.
        on_change: called when the tools are another ones, and at the end.

    Attributes:
        listing: the tools.
        introduction: what the server says that it is.
        instructions: what the server says about its use.
        failure: why the session is over, as a predicate; empty if it is not, or was closed.
        session: the SDK's; None before the start and after the end.
        started: set when the session has started or has failed to.
    """

    def __init__(
        self,
        server: McpServer,
        tail: Tail,
        take_output: TakeOutput,
        on_change: Callable[[], None],
    ) -> None:
        self.listing = Listing()
        self.introduction = ""
        self.instructions = ""
        self.failure = ""
        self.session: ClientSession | None = None
        self.started = asyncio.Event()
        self._server = server
        self._tail = tail
        self._take_output = take_output
        self._on_change = on_change
        self._tools_changed = asyncio.Event()
        self._problem: asyncio.Future[ServerError] = asyncio.get_running_loop().create_future()
        self._notices: set[asyncio.Task[None]] = set()
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End the session, and the server if it is a process."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def call(
        self, name: str, arguments: dict[str, Any], on_progress: ProgressFnT
    ) -> ToolResult:
        """Call a tool.

        Raises:
            NotSentError: the session is over.
            ServerError: the session has ended meanwhile.
            McpError: the server does not take the call.
            ValidationError: it does not answer with a result.
        """
        if not self.session:
            raise NotSentError
        calling = asyncio.create_task(self._send(self.session, name, arguments, on_progress))
        try:
            # The SDK forgets those who wait when a session fails.
            await asyncio.wait([calling, self._task], return_when=asyncio.FIRST_COMPLETED)
        finally:
            calling.cancel()
        if not calling.done():
            raise ServerError(self.failure or "was closed")
        try:
            return calling.result()
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            raise NotSentError from None
        except McpError as error:
            if not is_over(error):
                raise
            self.fail(ServerError("has ended the session"))
            raise NotSentError from None

    def fail(self, error: ServerError) -> None:
        """End the session because of an error."""
        if not self._problem.done():
            self._problem.set_result(error)

    async def _run(self) -> None:
        try:
            async with (
                self._open() as (incoming, outgoing),
                anyio.create_task_group() as group,
                ClientSession(
                    incoming,
                    outgoing,
                    logging_callback=self._take_log,
                    message_handler=self._take_message,
                    client_info=_CLIENT,
                ) as session,
            ):
                group.start_soon(self._raise_problem)
                await self._start(session)
                self.session = session
                self.started.set()
                self._on_change()
                await self._follow_changes(session)
        except Exception as error:
            self.failure = self._describe(error)
        finally:
            self.session = None
            self.started.set()
            self._on_change()

    def _open(self) -> AbstractAsyncContextManager[tuple[Incoming, Outgoing]]:
        if self._server.fault:
            raise ServerError(self._server.fault)
        if self._server.url:
            return open_http(self._server, self.fail)
        return open_stdio(self._server, self._take_output)

    async def _raise_problem(self) -> None:
        raise await self._problem

    async def _start(self, session: ClientSession) -> None:
        try:
            async with asyncio.timeout(_LONGEST_START):
                about = await session.initialize()
                self.listing = read_listing(await _list_tools(session), session)
        except TimeoutError:
            raise ServerError(f"did not start within {_LONGEST_START} s") from None
        self.introduction = f"{about.serverInfo.name} {about.serverInfo.version}"
        self.instructions = about.instructions or ""

    async def _follow_changes(self, session: ClientSession) -> None:
        while True:
            await self._tools_changed.wait()
            self._tools_changed.clear()
            with suppress(McpError, ValidationError):
                self.listing = read_listing(await _list_tools(session), session)
                self._on_change()
            await asyncio.sleep(_PAUSE)

    async def _take_message(self, message: object) -> None:
        match message:
            case types.ServerNotification(root=types.ToolListChangedNotification()):
                self._tools_changed.set()
            case ValueError():  # the SDK's HTTP transport could not read an answer
                self.fail(ServerError("does not answer with MCP messages"))

    async def _take_log(self, params: types.LoggingMessageNotificationParams) -> None:
        self._take_output(f"{params.level}: {str(params.data)[:1000]}\n".encode(errors="replace"))

    async def _send(
        self,
        session: ClientSession,
        name: str,
        arguments: dict[str, Any],
        on_progress: ProgressFnT,
    ) -> ToolResult:
        # The SDK's own `call_tool` also checks the result, with any pattern that a server made up.
        parameters = types.CallToolRequestParams(name=name, arguments=arguments)
        request = types.ClientRequest(types.CallToolRequest(params=parameters))
        number = session._request_id
        try:
            return await session.send_request(request, ToolResult, progress_callback=on_progress)
        except asyncio.CancelledError:
            self._notify(_report_cancelled(session, number))
            raise

    def _notify(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._notices.add(task)
        task.add_done_callback(self._notices.discard)

    def _describe(self, error: BaseException) -> str:
        failure = describe_failure(error, self._server.name)
        said = "" if self._server.url else next(iter(self._tail.lines[::-1]), "")
        return f"{failure}: {said}" if said else failure


async def _list_tools(session: ClientSession) -> list[Any]:
    found: list[Any] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        request = types.ListToolsRequest(params=types.PaginatedRequestParams(cursor=cursor))
        try:
            page = await session.send_request(types.ClientRequest(request), _Page)
        except McpError as error:
            if error.error.code == types.METHOD_NOT_FOUND:  # it has none
                return found
            raise
        found += page.tools
        cursor = page.nextCursor
        if not cursor or len(found) >= _MOST_TOOLS:
            break
    return found[:_MOST_TOOLS]


async def _report_cancelled(session: ClientSession, number: int) -> None:
    """Tell the server that nobody waits for the answer to a request."""
    parameters = types.CancelledNotificationParams(requestId=number)
    notification = types.CancelledNotification(params=parameters)
    with suppress(*_IGNORED, TimeoutError):
        async with asyncio.timeout(1):
            await session.send_notification(types.ClientNotification(notification))
