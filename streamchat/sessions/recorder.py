"""Records turns as they happen, without blocking the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from streamchat.events import ChunkReceived, Event
from streamchat.process.threads import SerialExecutor
from streamchat.sessions.records import StoredTurn
from streamchat.sessions.replay import rebuild_events
from streamchat.text.redact import Redactor
from streamchat.turn import Turn

if TYPE_CHECKING:
    # Without a store there is no need for SQLite.
    from streamchat.sessions.store import Store

_T = TypeVar("_T")
_PAUSE = 0.4
"""Seconds between two writes; a kill loses the events since the last one."""


class Recorder:
    """Records one turn after another. No method raises an error of the store.

    If the store fails, as on a full disk, every turn tries it again.

    Args:
        store: where the turns go; None records nothing.
        warn: called with one line when the store fails, and when a turn is saved again.
        redactor: redacts questions and instructions; the agent redacts events itself.
    """

    def __init__(
        self,
        store: Store | None,
        warn: Callable[[str], None],
        redactor: Redactor | None = None,
        reopen: Callable[[], Store] | None = None,
    ) -> None:
        self.store = store
        self.failed = store is None
        """Whether the last turn could not be saved."""
        self._reopen = reopen
        self._unfinished: list[int] = []
        """The turns in the store that the end of could not be stored."""
        self._warn = warn
        self._redactor = redactor or Redactor()
        self._turn: int | None = None
        self._batch: list[Event] = []
        self._timer: asyncio.TimerHandle | None = None
        self._writes = SerialExecutor()
        self._writing: asyncio.Future[None] | None = None

    async def create(self, model: str, system: str | None = None) -> str | None:
        """Return the ID of a new session, or None if it is not stored."""
        store = await self._find_store()
        if store is None:
            return None
        instructions = system and self._redactor.redact(system)
        created = self._writes.submit(store.create, model, instructions)
        await _wait_for(created)
        return self._get_result(created)

    async def _find_store(self) -> Store | None:
        """Return the store, which may not have been available so far."""
        if self.store is None and self._reopen:
            opened = self._writes.submit(self._reopen)
            await _wait_for(opened)
            self.store = self._get_result(opened)
        return self.store

    async def restore(self, session_id: str, turn: StoredTurn) -> int | None:
        """Store a turn that could not be stored when it happened, and return its ID or None.

        Of its events, only those are stored that can be rebuilt from it.
        """
        if not self.store:
            return None
        redact, lost = self._redactor.redact, self._unfinished
        safe = replace(turn, question=redact(turn.question), message=redact(turn.message))
        restored = self._writes.submit(
            self.store.restore, session_id, safe, rebuild_events(safe), lost
        )
        await _wait_for(restored)
        id = self._get_result(restored)
        if id is not None:
            self._unfinished = []
        return id

    async def begin(self, session_id: str, question: str, message: str, model: str) -> int | None:
        """Store the beginning of a turn, and return its ID; None if it is not stored."""
        self._reset()
        if not self.store:
            return None
        texts = (self._redactor.redact(text) for text in (question, message))
        begun = self._writes.submit(self.store.begin, session_id, *texts, model)
        try:
            await _wait_for(begun)
        finally:
            self._turn = self._get_result(begun)
        return self._turn

    def record(self, event: Event) -> None:
        """Record an event of the turn; it is written a moment later, together with others."""
        if self._turn is None or isinstance(event, ChunkReceived):
            return
        self._batch.append(event)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_PAUSE, self._write)

    async def finish(self, turn: Turn) -> bool:
        """Store the remaining events and the end of the turn; return whether all of it is stored.

        A cancelled task still waits for that, and is cancelled afterwards.
        """
        id, store, batch = self._turn, self.store, self._batch
        self._reset()
        if id is None or store is None:
            return False

        def write() -> None:
            if batch:
                store.add(id, batch)
            store.finish(id, turn)

        finished = self._writes.submit(write)
        try:
            await _wait_for(finished)
        finally:
            self._get_result(finished)
            if finished.exception():
                self._unfinished.append(id)
            elif self.failed:
                self.failed = False
                self._warn("the session is saved again")
        return not self.failed

    def _reset(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._turn, self._batch, self._timer = None, [], None

    def _write(self) -> None:
        self._timer = None
        if self._turn is None or not self.store:
            return
        if self._writing and not self._writing.done():
            # The disk is slow: let events pile up instead of writes.
            self._timer = asyncio.get_running_loop().call_later(_PAUSE, self._write)
            return
        batch, self._batch = self._batch, []
        written = self._writes.submit(self.store.add, self._turn, batch)
        self._writing = asyncio.wrap_future(written)
        self._writing.add_done_callback(lambda _: self._get_result(written))

    def _get_result(self, done: Future[_T]) -> _T | None:
        error = done.exception()
        if error is None:
            return done.result()
        if self._turn is not None:
            self._unfinished.append(self._turn)
        self._reset()
        if not self.failed:
            self.failed = True
            self._warn(f"the session is no longer saved: {error}")
        return None


async def _wait_for(future: Future[_T]) -> None:
    """Wait for a write to end even if the task is cancelled; raise that cancellation then."""
    waiting = asyncio.wrap_future(future)
    cancelled = False
    while not waiting.done():
        try:
            await asyncio.wait([waiting])
        except asyncio.CancelledError:
            cancelled = True
    waiting.exception()  # mark it as retrieved: the caller asks the future itself
    if cancelled:
        raise asyncio.CancelledError
