"""Loads the user's own agent, and loads it anew."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from streamchat.agent.background import Loader, start_task
from streamchat.agent.target.errors import TargetError
from streamchat.agent.target.loading import have_files_changed
from streamchat.agent.target.name import parse_target
from streamchat.agent.target.output import get_relay
from streamchat.agent.target.secrets import learn_secrets
from streamchat.config import Settings
from streamchat.models.progress import Progress, ignore_progress
from streamchat.process.runtime import freeze_imports
from streamchat.process.stdio import reserve_stdout
from streamchat.process.threads import run_in_daemon_thread
from streamchat.text.redact import Redactor

if TYPE_CHECKING:
    # It imports LangChain, which the prompt must not wait for.
    from streamchat.agent.target.source import TargetSource


class TargetLoader(Loader["TargetSource"]):
    """Loads the agent that the settings name.

    Make it in the main thread, once standard output is set up.

    Args:
        settings: name the agent.
        redactor: learns the keys in the environment.
        progress: reports the loading; by default only `activity` does.

    Attributes:
        relay: takes what the agent's code prints or logs.
        attempts: how many times loading has begun.

    Raises:
        TargetError: the settings name none.
    """

    unavailable = "no agent"

    def __init__(
        self, settings: Settings, redactor: Redactor, progress: Progress = ignore_progress
    ) -> None:
        super().__init__()
        reserve_stdout()
        self.relay = get_relay()
        self.attempts = 0
        self._target = parse_target(settings.agent or "")
        self._settings = settings
        self._redactor = redactor
        self._progress = progress
        self._outcome: TargetSource | TargetError | None = None
        self._reloading: asyncio.Task[TargetSource] | None = None
        self._lock = asyncio.Lock()

    @property
    def name(self) -> str:
        return self.source.name if self.source else self._target.display

    @property
    def kind(self) -> str:
        """What the agent is, in a few words; empty until it is loaded."""
        return self.source.kind if self.source else ""

    @property
    def tool_count(self) -> int | None:
        return len(self.source.tools) if self.source else None

    @property
    def context_tokens(self) -> None:
        return None

    @property
    def is_ready(self) -> bool:
        return super().is_ready and (self._reloading is None or self._reloading.done())

    @property
    def traceback(self) -> str:
        return self.source.traceback if self.source else ""

    @property
    def has_changed(self) -> bool:
        """Whether a file of the agent was saved since the latest attempt to load it."""
        return have_files_changed()

    async def wait_until_ready(self) -> TargetSource:
        if self._reloading:
            with suppress(TargetError):
                await asyncio.shield(self._reloading)
        return await super().wait_until_ready()

    def start(self) -> None:
        """Start loading, unless that was done before: what has failed waits for a question."""
        if self._task is None:
            super().start()

    async def reload(self) -> TargetSource:
        """Load the agent anew, and close the one there was.

        Like `wait_until_ready`, this goes on if the wait is cancelled.

        Raises:
            TargetError: it cannot be loaded; the one there was is kept.
        """
        return await asyncio.shield(self.start_reload())

    def start_reload(self) -> asyncio.Task[TargetSource]:
        """Start to load the agent anew, unless that is under way."""
        if self._reloading is None or self._reloading.done():
            self._reloading = start_task(self._reload())
        return self._reloading

    def take_lines(self) -> list[str]:
        """Return what the agent's code has printed or logged outside of turns, without secrets."""
        lines = self.relay.take_lines()
        if lines:
            learn_secrets(self._redactor)
        return [self._redactor.redact(line.text) for line in lines]

    def take_outcome(self) -> TargetSource | TargetError | None:
        """Return how the latest loading ended, unless that was returned before."""
        outcome, self._outcome = self._outcome, None
        return outcome

    async def aclose(self) -> None:
        if self._reloading:
            self._reloading.cancel()
        await super().aclose()

    async def _reload(self) -> TargetSource:
        with self._show_activity("reloading"):
            source = await self._open()
            before, self._source = self._source, source
        if before:
            await before.aclose()
        return source

    async def _open(self) -> TargetSource:
        self.attempts += 1
        # Two at a time would take each other's modules away.
        async with self._lock:
            try:
                with self._progress(f"loading {self.name}", None):
                    self._outcome = source = await run_in_daemon_thread(self._load_source)
            except TargetError as error:
                self._outcome = error
                raise
        if self._source is None:  # frozen once: an agent that is replaced is garbage
            freeze_imports()
        return source

    def _load_source(self) -> TargetSource:
        from streamchat.agent.target.source import TargetSource

        return TargetSource.load(self._target, self._settings, self._redactor)
