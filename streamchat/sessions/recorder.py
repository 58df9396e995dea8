"""Records turns as they happen, without blocking the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from streamchat.events import TRANSIENT, TimedEvent
from streamchat.process.threads import SerialExecutor
from streamchat.sessions.records import StoredTurn
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
        reopen: opens the store if that was not possible so far, or only for reading.

    Attributes:
        failed: whether what was written last could not be saved.
    """

    def __init__(
        self,
        store: Store | None,
        warn: Callable[[str], None],
        redactor: Redactor | None = None,
        reopen: Callable[[], Store] | None = None,
    ) -> None:
        self.store = store
        self.failed = store is None or reopen is not None
        self._reopen = reopen
        self._warn = warn
        self._redactor = redactor or Redactor()
        self._turn: int | None = None
        self._batch: list[TimedEvent] = []
        self._timer: asyncio.TimerHandle | None = None
        self._writes = SerialExecutor()
        self._writing: asyncio.Future[None] | None = None

    @property
    def is_needed(self) -> bool:
        """Whether turns are to be stored, even if that is not possible at the moment."""
        return self.store is not None or self._reopen is not None

    async def open(self) -> bool:
        """Return whether there is a store to write to, which may not have been the case so far."""
        if self._reopen:
            before, opened = self.store, self._writes.submit(self._reopen)
            await _wait_for(opened)
            self.store = self._get_result(opened) or before
            if self.store is before:
                return False
            self._reopen = None
            if before:
                before.close()
        return self.store is not None

    async def create(self, model: str, system: str | None = None) -> str | None:
        """Return the ID of a new session, or None if it is not stored."""
        if not self.store:
            return None
        instructions = system and self._redactor.redact(system)
        created = self._writes.submit(self.store.create, model, instructions)
        await _wait_for(created)
        return self._get_result(created)

    async def restore(self, session_id: str, turns: list[StoredTurn]) -> bool:
        """Store the turns that could not be stored when they happened; return whether all are.

        In the list, what is stored takes their place.
        """
        assert self.store
        for at, turn in enumerate(turns):
            if not turn.events:
                continue
            redact = self._redactor.redact
            safe = replace(turn, question=redact(turn.question), message=redact(turn.message))
            restored = self._writes.submit(self.store.restore, session_id, safe)
            try:
                await _wait_for(restored)
            finally:
                id = self._get_result(restored)
                turns[at] = turn if id is None else replace(turn, id=id, events=())
            if id is None:
                return False
            self._report_success()
        return True

    async def set_system(self, session_id: str, text: str) -> bool:
        """Store the instructions of a session, and return whether they are stored."""
        if not self.store:
            return False
        return await self._write_one(self.store.set_system, session_id, self._redactor.redact(text))

    async def delete(self, turn_id: int) -> bool:
        """Delete a turn, and return whether it is deleted."""
        return self.store is not None and await self._write_one(self.store.delete_turn, turn_id)

    async def _write_one(self, method: Callable[..., None], *args: object) -> bool:
        written = self._writes.submit(method, *args)
        try:
            await _wait_for(written)
        finally:
            self._get_result(written)
        return not written.exception()

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

    def record(self, timed: TimedEvent) -> None:
        """Record an event of the turn; it is written a moment later, together with others."""
        if self._turn is None or isinstance(timed.event, TRANSIENT):
            return
        self._batch.append(timed)
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
            return False
        self._report_success()
        return True

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

    def _report_success(self) -> None:
        if self.failed:
            self.failed = False
            self._warn("the session is saved again")

    def _get_result(self, done: Future[_T]) -> _T | None:
        error = done.exception()
        if error is None:
            return done.result()
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
