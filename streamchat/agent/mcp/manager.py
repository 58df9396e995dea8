"""The MCP servers of a chat, as the rest of the program sees them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from streamchat.agent.mcp.names import choose_names
from streamchat.agent.mcp.progress import Show
from streamchat.agent.mcp.state import PATIENCE, ServerState
from streamchat.agent.target.worker import AgentThread
from streamchat.config import ModelError
from streamchat.config.mcp import McpServer
from streamchat.process.threads import THREAD_NAME
from streamchat.text.redact import Redactor
from streamchat.text.sanitize import one_line, sanitize

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from streamchat.agent.mcp.server import Server

_T = TypeVar("_T")
_LONGEST_END = 1.0
"""Seconds in which sessions are closed; servers that are processes end in any case."""
_MOST_LINES = 100
_log = logging.getLogger(__name__)


def check_installed() -> None:
    """Check, without loading anything, that there is the library for MCP.

    Raises:
        ModelError: it is missing.
    """
    if find_spec("langchain_mcp_adapters") is None:
        raise ModelError(
            "MCP servers need langchain-mcp-adapters; "
            "install it with: pip install 'streamchat[mcp]'"
        )


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool of a server, as it is offered to the model.

    Attributes:
        tool: its name, description and schema.
        server: the name of its server.
        called: its name there.
        qualified: `SERVER.TOOL`, for rules.
    """

    tool: BaseTool
    server: str
    called: str
    qualified: str


class McpManager:
    """Starts servers and keeps their sessions, in a thread of its own; imports `mcp` there.

    Methods are for the thread of the chat, and none of them blocks.

    Args:
        servers: those of the settings.
        redactor: knows their secrets.
        verbose: whether to log what they write to their standard error.

    Attributes:
        on_change: called in any thread when the state or the tools of a server have changed.
        revision: rises with each change.
    """

    def __init__(
        self, servers: Sequence[McpServer], redactor: Redactor, *, verbose: bool = False
    ) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self.revision = 0
        self._configs = servers
        self._redactor = redactor
        self._verbose = verbose
        self._thread: AgentThread | None = None
        self._servers: dict[str, Server] = {}
        self._starting: Future[None] | None = None
        self._imported: Future[None] = Future()
        self._fault = ""
        """Why there can be no servers at all."""
        self._reported: dict[str, list[str]] = {}
        """What was said last about each server."""
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)
        self._offered: Sequence[OfferedTool] = ()

    @property
    def names(self) -> list[str]:
        """The names of the servers."""
        return [each.name for each in self._configs]

    def start(self) -> None:
        """Start all servers at the same time, unless that was done."""
        if self._thread is None:
            self._thread = AgentThread(THREAD_NAME)
            self._starting = self._submit(self._start_all())

    async def start_and_import(self) -> None:
        """Start all servers, and wait until what that needs is imported.

        While it is, no other thread should import LangChain: threads that import modules which
        import each other may find them half done.
        """
        self.start()
        await asyncio.shield(asyncio.wrap_future(self._imported))

    async def wait(self) -> None:
        """Wait until all servers have started, have failed to, or take too long."""
        self.start()
        assert self._starting
        await asyncio.shield(asyncio.wrap_future(self._starting))

    async def restart(self, name: str) -> None:
        """Start a server anew, and wait as `wait` does.

        Raises:
            KeyError: no server has this name.
        """
        await self.wait()
        await self._run(self._servers[name].start())

    async def call(self, tool: OfferedTool, arguments: dict[str, Any], show: Show) -> str:
        """Call a tool and return its result as text; its server is started if it has ended.

        Args:
            show: takes what the server reports meanwhile; called in another thread.

        Raises:
            ToolException: it has failed.
        """
        return await self._run(self._servers[tool.server].call(tool.called, arguments, show))

    def offer(self, taken: Collection[str]) -> Sequence[OfferedTool]:
        """Return the tools of all servers, with names for the model that are not taken."""
        listed = [
            (server, each)
            for server, state in list(self._servers.items())
            for each in state.listing.tools
        ]
        names = choose_names([(server, each.tool.name) for server, each in listed], taken)
        self._offered = [
            OfferedTool(
                each.tool.model_copy(update={"name": names[server, each.tool.name]}),
                server,
                each.called,
                f"{server}.{each.tool.name}",
            )
            for server, each in listed
        ]
        return self._offered

    def list_states(self) -> list[ServerState]:
        """Return the states of all servers, in the order of the settings."""
        return [self._describe(each) for each in self._configs]

    def take_lines(self) -> list[str]:
        """Return what has happened to servers since the last call, in a line for each."""
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        return [one_line(self._redactor.redact(each)) for each in lines]

    async def aclose(self) -> None:
        """End all servers."""
        if self._thread is None:
            return
        if self._servers:  # else the library is still being imported
            with suppress(TimeoutError):
                async with asyncio.timeout(_LONGEST_END):
                    await self._run(self._close_all())
        self._thread.close()

    def _submit(self, work: Coroutine[Any, Any, _T]) -> Future[_T]:
        assert self._thread
        return asyncio.run_coroutine_threadsafe(work, self._thread.loop)

    async def _run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return await asyncio.wrap_future(self._submit(work))

    async def _start_all(self) -> None:
        try:
            self._servers = self._import_servers()
        except Exception as error:  # whatever a library raises when it is imported
            self._fault = f"cannot be started: {type(error).__name__}: {error}"
            self._lines.append(f"MCP servers cannot be started: {error}")
            return
        finally:
            self._imported.set_result(None)
        await asyncio.gather(*(each.start() for each in self._servers.values()))
        slow = [name for name, each in self._servers.items() if each.state == "starting"]
        self._lines.extend(f"MCP: {name} has not started within {PATIENCE} s" for name in slow)

    def _import_servers(self) -> dict[str, Server]:
        from streamchat.agent.mcp.quiet import silence_sdk
        from streamchat.agent.mcp.server import Server  # this takes seconds

        silence_sdk()
        return {
            each.name: Server(each, partial(self._change, each.name), partial(self._log, each.name))
            for each in self._configs
        }

    async def _close_all(self) -> None:
        await asyncio.gather(*(each.close() for each in self._servers.values()))

    def _change(self, name: str) -> None:
        server = self._servers[name]
        news = [server.failure] if server.failure else list(server.listing.notes)
        if news != self._reported.get(name, []):
            self._reported[name] = news
            self._lines.extend(f"MCP: {name} {each}" for each in news)
        self.revision += 1
        self.on_change()

    def _log(self, name: str, line: str) -> None:
        if self._verbose:
            _log.debug("%s: %s", name, line)

    def _describe(self, config: McpServer) -> ServerState:
        tools = [each.tool.name for each in self._offered if each.server == config.name]
        place = self._redact(config.place)
        if server := self._servers.get(config.name):
            # Before any are offered, it is known which there will be.
            tools = tools or [each.tool.name for each in server.listing.tools]
            state = server.describe(tools, place)
        else:
            state = ServerState(
                config.name, "failed" if self._fault else "starting", self._fault, (), place
            )
        return replace(
            state,
            detail=self._redact(state.detail),
            notes=[self._redact(each) for each in state.notes],
            instructions=sanitize(self._redactor.redact(state.instructions)),
            output=[self._redact(each) for each in state.output],
        )

    def _redact(self, text: str) -> str:
        return one_line(self._redactor.redact(text))
