"""Loads the agent in the background. This takes seconds, and the user can type meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from streamchat.config import Settings
from streamchat.models.embedded.choose import start_early
from streamchat.models.embedded.summary import CONTEXT_TOKENS
from streamchat.models.progress import Advance, Progress, ignore_progress
from streamchat.process.runtime import freeze_imports
from streamchat.process.threads import run_in_daemon_thread
from streamchat.text.redact import Redactor

if TYPE_CHECKING:
    from streamchat.agent.executor_source import ExecutorSource


_DEFAULT_TOOLS = 5
"""How many there are; to count them would import LangChain."""


def open_source(
    settings: Settings, redactor: Redactor, *, tools: bool, progress: Progress = ignore_progress
) -> ExecutorSource:
    """Return streamchat's own agent with the model that the settings name. This takes seconds.

    Raises:
        ModelError: the model is not available.
    """
    start_early(settings)
    from streamchat.agent.executor import AgentExecutor
    from streamchat.agent.executor_source import ExecutorSource
    from streamchat.models import open_model

    agent = AgentExecutor(
        open_model(settings, progress),
        None if tools else [],
        settings.max_steps,
        timeout=settings.timeout,
        trace=settings.trace,
        redactor=redactor,
    )
    agent.instructions = settings.system or ""
    return ExecutorSource(agent)


class AgentLoader:
    """Loads an agent, and switches its model.

    Args:
        settings: the settings, which name the model.
        redactor: learns the keys of its models.
        tools: whether the agent has tools.
        progress: reports slow work; by default it is reported in `activity`.
    """

    def __init__(
        self,
        settings: Settings,
        redactor: Redactor,
        *,
        tools: bool,
        progress: Progress | None = None,
    ) -> None:
        self.settings = settings
        self.on_activity: Callable[[], None] = lambda: None
        """Called in any thread when `activity` changes."""
        self.activity = "loading"
        """The work in progress before the agent can answer; empty once it is ready."""
        self.names: list[str] = []
        """The models that the server listed last."""
        self._redactor = redactor
        self._tools = tools
        self._progress = progress or self._report
        self._task: asyncio.Task[ExecutorSource] | None = None

    @property
    def name(self) -> str:
        return self.settings.model_name

    @property
    def tool_count(self) -> int:
        """How many tools the agent has, or will have once it is loaded."""
        if self.source:
            return len(self.source.tools)
        return _DEFAULT_TOOLS if self._tools else 0

    @property
    def context_tokens(self) -> int | None:
        """How many tokens the model's context has; None if that is not known."""
        if self.settings.is_local:
            return CONTEXT_TOKENS
        return self.source.context_tokens if self.source else None

    @property
    def source(self) -> ExecutorSource | None:
        """The agent, or None until it is loaded."""
        task = self._task
        if task and task.done() and not task.cancelled() and not task.exception():
            return task.result()
        return None

    def start(self) -> None:
        """Start loading, unless that is under way or done."""
        if self._task is None or (self._task.done() and not self.source):
            self._task = asyncio.create_task(self._load())

    async def wait_until_ready(self) -> ExecutorSource:
        """Wait for the agent and return it; cancelling the wait does not stop the loading.

        Raises:
            ModelError: the model is not available.
        """
        self.start()
        assert self._task
        return await asyncio.shield(self._task)

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

    async def aclose(self) -> None:
        """Close the model's connections, or stop loading."""
        if self._task and not self._task.done():
            self._task.cancel()
        if self.source:
            await self.source.aclose()

    async def _load(self) -> ExecutorSource:
        end = "no model"
        self._set_activity("loading")
        try:
            source = await run_in_daemon_thread(
                partial(
                    open_source,
                    self.settings,
                    self._redactor,
                    tools=self._tools,
                    progress=self._progress,
                )
            )
            freeze_imports()
            await source.prepare(self._progress)
            end = ""
        finally:
            self._set_activity(end)
        return source

    @contextmanager
    def _show_activity(self, what: str) -> Iterator[None]:
        self._set_activity(what)
        try:
            yield
        finally:
            self._set_activity("")

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

    def _set_activity(self, what: str) -> None:
        if what != self.activity:
            self.activity = what
            self.on_activity()
