"""Loads streamchat's own agent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING

from streamchat.agent.reloading import CodeLoader
from streamchat.agent.target.frames import format_user_traceback
from streamchat.config import Settings
from streamchat.models.embedded.choose import start_early
from streamchat.models.embedded.summary import CONTEXT_TOKENS
from streamchat.models.progress import Advance, Progress, ignore_progress
from streamchat.process.runtime import freeze_imports
from streamchat.process.threads import run_in_daemon_thread
from streamchat.text.redact import Redactor

if TYPE_CHECKING:
    from streamchat.agent.executor_source import ExecutorSource
    from streamchat.agent.mcp.manager import McpManager


_DEFAULT_TOOLS = 5
"""How many there are; to count them would import LangChain."""


def open_source(
    settings: Settings, redactor: Redactor, *, tools: bool, progress: Progress = ignore_progress
) -> ExecutorSource:
    """Return streamchat's own agent with the model that the settings name. This takes seconds.

    Raises:
        ModelError: the model is not available, or a TargetError if the user's tools are not.
    """
    start_early(settings)
    from streamchat.agent.executor import AgentExecutor
    from streamchat.agent.executor_source import ExecutorSource
    from streamchat.agent.own_tools.toolbox import Toolbox
    from streamchat.agent.policy import make_policy
    from streamchat.models import open_model

    toolbox = Toolbox()
    if tools:
        with progress("loading the tools", None) if settings.tools else nullcontext():
            toolbox = Toolbox.load(settings, redactor)
    agent = AgentExecutor(
        open_model(settings, progress),
        toolbox.tools,
        settings.max_steps,
        timeout=settings.timeout,
        trace=settings.trace,
        redactor=redactor,
        tool_timeout=settings.tool_timeout,
        run_tool=toolbox.run,
    )
    agent.instructions = settings.system or ""
    return ExecutorSource(agent, toolbox, make_policy(settings))


def _make_manager(settings: Settings, redactor: Redactor, *, verbose: bool) -> McpManager | None:
    if not settings.mcp:
        return None
    from streamchat.agent.mcp.manager import McpManager, check_installed

    check_installed()
    return McpManager(settings.mcp, redactor, verbose=verbose)


class AgentLoader(CodeLoader["ExecutorSource"]):
    """Loads an agent, and switches its model.

    Args:
        settings: the settings, which name the model and the user's tools.
        redactor: learns the keys of its models.
        tools: whether the agent has tools.
        progress: reports slow work; by default it is reported in `activity`.
        verbose: whether to log what MCP servers write to their standard error.

    Attributes:
        servers: the MCP servers; None if there are none.
    """

    unavailable = "no model"
    code_is = "tools"

    def __init__(
        self,
        settings: Settings,
        redactor: Redactor,
        *,
        tools: bool,
        progress: Progress | None = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(redactor, has_code=tools and bool(settings.tools))
        self.settings = settings
        self.names: list[str] = []
        """The models that the server listed last."""
        self._tools = tools
        self._progress = progress or self._report
        self.servers = _make_manager(settings, redactor, verbose=verbose) if tools else None
        if self.servers:
            self.servers.on_change = lambda: self.on_activity()

    @property
    def name(self) -> str:
        return self.settings.model_name

    @property
    def code_name(self) -> str:
        return ", ".join(self.settings.tools)

    @property
    def kind(self) -> str:
        return ""

    @property
    def tool_count(self) -> int | None:
        if self.source:
            return len(self.source.tools)
        if self.relay or self.servers:
            return None
        return _DEFAULT_TOOLS if self._tools and self.settings.builtin_tools else 0

    @property
    def code_tools(self) -> int:
        return len(self.source.toolbox.places) if self.source else 0

    def renew_tools(self) -> None:
        """Take over the tools that MCP servers have now."""
        if self.source:
            self.source.renew_tools()

    @property
    def title(self) -> str:
        servers = self.source.toolbox.servers if self.source else ()
        return ", ".join((*self.settings.tools, *servers))

    @property
    def title_tools(self) -> int:
        return self.code_tools + (len(self.source.toolbox.offered) if self.source else 0)

    def take_traceback(self) -> str:
        failure = self.source.toolbox.take_failure() if self.source else None
        return self._redactor.redact(format_user_traceback(failure)) if failure else ""

    @property
    def context_tokens(self) -> int | None:
        if self.settings.is_local:
            return CONTEXT_TOKENS
        return self.source.context_tokens if self.source else None

    def take_notes(self) -> list[str]:
        return self.servers.take_lines() if self.servers else []

    async def aclose(self) -> None:
        if self.servers:
            await self.servers.aclose()
        await super().aclose()

    async def change_to(self, settings: Settings) -> ExecutorSource:
        """Switch to another model.

        Raises:
            ModelError: it is not available; the current one is kept.
        """
        source = await self.wait_until_ready()
        with self._show_activity("loading the model"):
            from streamchat.models import open_model

            llm = await run_in_daemon_thread(open_model, settings, self._progress)
            await source.aclose()
            source.executor.use(llm)
            self.settings, self.names = settings, []
            await source.prepare(self._progress)
        return source

    async def list_models(self) -> list[str]:
        """Return the names of the available models; none if the server does not list them.

        Raises:
            ModelError: the model is not available.
        """
        source = await self.wait_until_ready()
        with suppress(Exception):  # any library may raise, and the list is optional
            async with asyncio.timeout(min(self.settings.timeout, 10)):
                self.names = await source.executor.list_models()
        return self.names

    async def _open_source(self) -> ExecutorSource:
        if source := self.source:
            from streamchat.agent.own_tools.toolbox import Toolbox

            toolbox = await run_in_daemon_thread(Toolbox.load, self.settings, self._redactor)
            source.use(toolbox.join(self.servers) if self.servers else toolbox)
        else:
            if self.servers:
                await run_in_daemon_thread(start_early, self.settings)
                await self.servers.start_and_import()
            work = partial(open_source, tools=self._tools, progress=self._progress)
            source = await run_in_daemon_thread(work, self.settings, self._redactor)
            await self._join_servers(source)
            freeze_imports()
        await source.prepare(self._progress)
        return source

    async def _join_servers(self, source: ExecutorSource) -> None:
        """Wait for the MCP servers, for as long as is reasonable, and add their tools."""
        if self.servers:
            with self._progress(f"starting the MCP servers {', '.join(self.servers.names)}", None):
                await self.servers.wait()
            source.use(source.toolbox.join(self.servers))

    @contextmanager
    def _report(self, what: str, total: int | None = None) -> Iterator[Advance]:
        """Report work in `activity`. May be called in any thread."""
        before, done = self.activity, 0

        def advance(more: int) -> None:
            nonlocal done
            done += more
            self._set_activity(f"{what} {done * 100 // total} %" if total else what)

        self._set_activity(what)
        try:
            yield advance
        finally:
            self._set_activity(before)
