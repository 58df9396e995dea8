"""Loads what is made of the user's own code, and loads it anew."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from contextlib import suppress
from typing import TypeVar

from streamchat.agent.background import Loader, start_task
from streamchat.agent.source import Source
from streamchat.agent.target.errors import TargetError
from streamchat.agent.target.loading import have_files_changed
from streamchat.agent.target.output import OutputRelay, get_relay
from streamchat.agent.target.secrets import learn_secrets
from streamchat.process.stdio import reserve_stdout
from streamchat.text.redact import Redactor

_S = TypeVar("_S", bound=Source, covariant=True)


class CodeLoader(Loader[_S]):
    """Loads a source for which it imports the user's code.

    Make it in the main thread, once standard output is set up.

    Args:
        redactor: learns the keys in the environment.
        has_code: whether there is any code of the user's.

    Attributes:
        relay: takes what the user's code prints or logs; None if there is none.
        attempts: how many times loading has begun.
        code_is: what the user calls the code, for messages: the agent, or the tools.
    """

    code_is: str

    def __init__(self, redactor: Redactor, *, has_code: bool = True) -> None:
        super().__init__()
        if has_code:
            reserve_stdout()
        self.relay: OutputRelay | None = get_relay() if has_code else None
        self.attempts = 0
        self._redactor = redactor
        self._outcome: _S | TargetError | None = None
        self._reloading: asyncio.Task[_S] | None = None
        self._lock = asyncio.Lock()

    @property
    @abstractmethod
    def code_name(self) -> str:
        """Where the user's code is."""

    @property
    @abstractmethod
    def kind(self) -> str:
        """What it makes, in a few words; may be empty."""

    @property
    @abstractmethod
    def code_tools(self) -> int:
        """How many tools it makes."""

    @property
    def title(self) -> str:
        """What is introduced once it is loaded; empty for nothing."""
        return self.code_name if self.relay else ""

    @property
    def title_tools(self) -> int:
        """How many tools that has."""
        return self.code_tools

    @abstractmethod
    async def _open_source(self) -> _S:
        """Load the source, or load the user's code anew into the one there is.

        Raises:
            ModelError: it is not available, or a TargetError if the user's code is not.
        """

    @property
    def is_ready(self) -> bool:
        return super().is_ready and (self._reloading is None or self._reloading.done())

    @property
    def has_changed(self) -> bool:
        """Whether a file of the user's was saved since the latest attempt to load it."""
        return self.relay is not None and have_files_changed()

    async def wait_until_ready(self) -> _S:
        if self._reloading:
            with suppress(TargetError):
                await asyncio.shield(self._reloading)
        return await super().wait_until_ready()

    def start(self) -> None:
        """Start loading; if the user's code has failed, it waits for a question."""
        if self.relay is None or self._task is None:
            super().start()

    async def reload(self) -> _S:
        """Load the user's code anew, and close what was made of it before.

        Like `wait_until_ready`, this goes on if the wait is cancelled.

        Raises:
            TargetError: it cannot be loaded; what there was is kept.
        """
        return await asyncio.shield(self.start_reload())

    def start_reload(self) -> asyncio.Task[_S]:
        """Start to load the user's code anew, unless that is under way."""
        if self._reloading is None or self._reloading.done():
            self._reloading = start_task(self._reload())
        return self._reloading

    def take_lines(self) -> list[str]:
        """Return what the user's code has printed or logged outside of turns, without secrets."""
        lines = self.relay.take_lines() if self.relay else []
        if lines:
            learn_secrets(self._redactor)
        return [self._redactor.redact(line.text) for line in lines]

    def take_notes(self) -> list[str]:
        """Return what else has happened since the last call, without secrets; a line for each."""
        return []

    def take_outcome(self) -> _S | TargetError | None:
        """Return how the latest loading ended, if that is news."""
        outcome, self._outcome = self._outcome, None
        return outcome if isinstance(outcome, TargetError) or self.title else None

    async def aclose(self) -> None:
        if self._reloading:
            self._reloading.cancel()
        await super().aclose()

    async def _reload(self) -> _S:
        with self._show_activity("reloading"):
            source = await self._open()
            before, self._source = self._source, source
        if before and before is not source:
            await before.aclose()
        return source

    async def _open(self) -> _S:
        self.attempts += 1
        self.unavailable = type(self).unavailable
        # Two at a time would take each other's modules away.
        async with self._lock:
            try:
                source = await self._open_source()
            except TargetError as error:
                self._outcome, self.unavailable = error, f"no {self.code_is}"
                raise
            self._outcome = source
        return source
