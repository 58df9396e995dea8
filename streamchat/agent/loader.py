"""The agent, which takes seconds to load, loaded while the user types."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from streamchat.config import Settings
from streamchat.models.progress import Advance, Progress, silent
from streamchat.process.runtime import freeze_imports
from streamchat.process.threads import run_in_daemon_thread
from streamchat.text.redact import Redactor

if TYPE_CHECKING:
    from streamchat.agent.executor import AgentExecutor


def open_agent(
    settings: Settings, redactor: Redactor, *, tools: bool, progress: Progress = silent
) -> AgentExecutor:
    """Return an agent on the model that the settings name. This takes seconds.

    Raises:
        ModelError: the model is not available.
    """
    from streamchat.agent.executor import AgentExecutor
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
    return agent


class AgentLoader:
    """An agent on the model that the settings name.

    Args:
        settings: name it.
        redactor: learns the keys of its models.
        tools: whether it has any.
        progress: is told of what takes time; by default `doing` is.
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
        self.changed: Callable[[], None] = lambda: None
        """Is called when `doing` is another, in any thread."""
        self.doing = "loading"
        """What is being done before questions can be answered; empty when all is done."""
        self.names: list[str] = []
        """The models that the server has, as far as it was asked."""
        self._redactor = redactor
        self._tools = tools
        self._progress = progress or self._note
        self._task: asyncio.Task[AgentExecutor] | None = None

    @property
    def name(self) -> str:
        """The model's name."""
        return self.settings.model_name

    @property
    def executor(self) -> AgentExecutor | None:
        """The agent, if it is loaded."""
        task = self._task
        if task and task.done() and not task.cancelled() and not task.exception():
            return task.result()
        return None

    def start(self) -> None:
        """Begins to load it, if that has not begun or has failed."""
        if self._task is None or (self._task.done() and not self.executor):
            self._task = asyncio.create_task(self._loaded())

    async def ready(self) -> AgentExecutor:
        """Returns the agent as soon as it is loaded; a cancel leaves it loading.

        Raises:
            ModelError: the model cannot be had.
        """
        self.start()
        assert self._task
        return await asyncio.shield(self._task)

    async def change_to(self, settings: Settings) -> AgentExecutor:
        """Takes another model.

        Raises:
            ModelError: it cannot be had; the one before is kept.
        """
        executor = await self.ready()
        with self._showing("loading the model"):
            from streamchat.models import open_model

            llm = await run_in_daemon_thread(open_model, settings, self._progress)
            await executor.aclose()
            executor.use(llm)
            self.settings, self.names = settings, []
            await executor.prepare(self._progress)
        return executor

    async def model_names(self) -> list[str]:
        """Returns the names of the models that can be had here; none if the server does not tell.

        Raises:
            ModelError: the model cannot be had.
        """
        executor = await self.ready()
        with suppress(Exception):  # of whatever library: that there is no list is no failure
            async with asyncio.timeout(min(self.settings.timeout, 10)):
                self.names = await executor.model_names()
        return self.names

    async def aclose(self) -> None:
        """Closes the model's connections, if it was loaded."""
        if self._task and not self._task.done():
            self._task.cancel()
        if self.executor:
            await self.executor.aclose()

    async def _loaded(self) -> AgentExecutor:
        end = "no model"
        self._do("loading")
        try:
            executor = await run_in_daemon_thread(
                partial(
                    open_agent,
                    self.settings,
                    self._redactor,
                    tools=self._tools,
                    progress=self._progress,
                )
            )
            freeze_imports()
            await executor.prepare(self._progress)
            end = ""
        finally:
            self._do(end)
        return executor

    @contextmanager
    def _showing(self, what: str) -> Iterator[None]:
        self._do(what)
        try:
            yield
        finally:
            self._do("")

    @contextmanager
    def _note(self, what: str, total: int | None = None) -> Iterator[Advance]:
        """Tells in `doing` how far some work has come; it may be called from any thread."""
        before, done = self.doing, 0

        def advance(more: int) -> None:
            nonlocal done
            done += more
            self._do(f"{what} {done * 100 // total} %" if total else what)

        self._do(what)
        try:
            yield advance
        finally:
            self._do(before)

    def _do(self, what: str) -> None:
        if what != self.doing:
            self.doing = what
            self.changed()
