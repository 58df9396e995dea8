"""Records turns while they happen, beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

from streamchat.events import ChunkReceived, Event
from streamchat.process.threads import SerialExecutor
from streamchat.text.redact import Redactor
from streamchat.turn import Turn

if TYPE_CHECKING:
    # Who keeps nothing needs no SQLite.
    from streamchat.sessions.store import Store

_T = TypeVar("_T")
_PAUSE = 0.4
"""Seconds between two writes; what came meanwhile is lost if the program is killed."""


class Recorder:
    """Keeps turns, one after another. Nothing it is asked for fails, or waits for the disk.

    Args:
        store: where to; None keeps nothing.
        tell: takes the line that says that nothing is kept any more. It comes once.
        redactor: keeps secrets out of what is stored.
    """

    def __init__(
        self,
        store: Store | None,
        tell: Callable[[str], None],
        redactor: Redactor | None = None,
    ) -> None:
        self.store = store
        """Where the turns are kept, if they are."""
        self._tell = tell
        self._redactor = redactor or Redactor()
        self._turn: int | None = None
        self._batch: list[Event] = []
        self._timer: asyncio.TimerHandle | None = None
        self._writes = SerialExecutor()
        self._writing: asyncio.Future[None] | None = None
        self._failed = False

    async def create(self, model: str, system: str | None = None) -> str | None:
        """Returns the id of a new session, or None if it is not kept."""
        if not self.store or self._failed:
            return None
        told = system and self._redactor.redact(system)
        created = self._writes.submit(self.store.create, model, told)
        await _settled(created)
        return self._result(created)

    async def begin(self, session_id: str, question: str, message: str, model: str) -> int | None:
        """Begins a turn; it is in the store when this returns.

        Returns:
            the turn's id, or None if it is not kept.
        """
        self._drop()
        if not self.store or self._failed:
            return None
        asked = (self._redactor.redact(text) for text in (question, message))
        began = self._writes.submit(self.store.begin, session_id, *asked, model)
        try:
            await _settled(began)
        finally:
            self._turn = self._result(began)
        return self._turn

    def record(self, event: Event) -> None:
        """Takes an event of the turn; it is written a moment later, with others."""
        if self._turn is None or isinstance(event, ChunkReceived):
            return
        self._batch.append(event)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_PAUSE, self._write)

    async def finish(self, turn: Turn) -> None:
        """Keeps the rest of the turn and how it ended; all of it is in the store then.

        That is so even if the task is cancelled meanwhile; the cancel comes through afterwards.
        """
        id, store, batch = self._turn, self.store, self._batch
        self._drop()
        if id is None or store is None:
            return

        def write() -> None:
            if batch:
                store.add(id, batch)
            store.finish(id, turn)

        ended = self._writes.submit(write)
        try:
            await _settled(ended)
        finally:
            self._result(ended)

    def _drop(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._turn, self._batch, self._timer = None, [], None

    def _write(self) -> None:
        self._timer = None
        if self._turn is None or not self.store:
            return
        if self._writing and not self._writing.done():
            # A slow disk: one write after another is enough.
            self._timer = asyncio.get_running_loop().call_later(_PAUSE, self._write)
            return
        batch, self._batch = self._batch, []
        written = self._writes.submit(self.store.add, self._turn, batch)
        self._writing = asyncio.wrap_future(written)
        self._writing.add_done_callback(lambda _: self._result(written))

    def _result(self, done: Future[_T]) -> _T | None:
        error = done.exception()
        if error is None:
            return done.result()
        self._drop()
        if not self._failed:
            self._failed = True
            self._tell(f"the session is no longer saved: {error}")
        return None


async def _settled(future: Future[_T]) -> None:
    """Waits for the end of a write, whatever becomes of the task, and only then is cancelled."""
    waiting = asyncio.wrap_future(future)
    cancelled = False
    while not waiting.done():
        try:
            await asyncio.wait([waiting])
        except asyncio.CancelledError:
            cancelled = True
    waiting.exception()  # is told by whoever asks the future itself
    if cancelled:
        raise asyncio.CancelledError
