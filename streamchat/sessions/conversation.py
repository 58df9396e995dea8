"""A conversation: its turns so far, the history to send, and where both are stored."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from streamchat.events import TimedEvent
from streamchat.process.threads import run_in_daemon_thread
from streamchat.sessions import StoreError
from streamchat.sessions.history import select_history
from streamchat.sessions.recorder import Recorder
from streamchat.sessions.records import Session, StoredTurn, rebuild_events

if TYPE_CHECKING:
    # Without a store there is no need for SQLite.
    from streamchat.sessions.store import Store


class Conversation:
    """The state of one session. It starts no turns: `streamchat.sessions.turns.ask` does.

    Args:
        recorder: stores the turns.
        history_budget: the most characters of earlier turns to send to the model.
        system: instructions that are added to the built-in ones.
        warnings: collects warnings until there is a good moment to show them.

    Attributes:
        turns: from the first to the last.
        left_out: the number of oldest answers that the last request did not include.
        session_id: None until the first turn is stored.
        title: the resumed session's, or empty.
        model: the one that the resumed session was asked with last, or empty.
        thread_id: names the conversation to an agent with a memory of its own. It is the ID of the
            session or, if that is a branch, of the one that it began in.
    """

    def __init__(
        self,
        recorder: Recorder,
        history_budget: int,
        system: str = "",
        warnings: list[str] | None = None,
    ) -> None:
        self.recorder = recorder
        self.history_budget = history_budget
        self.system = system
        self.turns: list[StoredTurn] = []
        self.left_out = 0
        self.session_id: str | None = None
        self.title = ""
        self.model = ""
        self.thread_id = uuid4().hex
        self._system_is_stored = True
        self._removed: list[int] = []
        self._warnings = [] if warnings is None else warnings

    @property
    def store(self) -> Store | None:
        return self.recorder.store

    @property
    def is_saved(self) -> bool:
        """Whether turns are stored at the moment."""
        return self.store is not None and not self.recorder.failed

    def resume(self, session: Session, turns: Sequence[StoredTurn]) -> None:
        """Continue a stored session; its instructions replace the current ones if it has any."""
        self.session_id, self.title, self.turns = session.id, session.title, list(turns)
        self.model, self._system_is_stored, self._removed = session.model, True, []
        self.system = self.system if session.system is None else session.system
        self.left_out = select_history(self.turns, self.history_budget)[1]
        self.thread_id = self._find_origin(session)

    def start_new(self) -> None:
        """Start a new session with the same instructions."""
        self.session_id, self.turns, self.left_out = None, [], 0
        self.thread_id = uuid4().hex
        self._system_is_stored, self._removed = True, []

    def _find_origin(self, session: Session) -> str:
        """Return the ID of the session that a session was branched from, over any number of them.

        The origin may have been deleted; then its ID is all that is left of it.
        """
        while (parent := session.parent) is not None:
            try:
                assert self.store
                session = self.store.find(parent)
            except StoreError:
                return parent
        return session.id

    def prepare_history(self, without: StoredTurn | None = None) -> list[tuple[StoredTurn, str]]:
        """Return the turns to send with the next question, and their answers; sets `left_out`."""
        turns = [each for each in self.turns if each is not without]
        selected, self.left_out = select_history(turns, self.history_budget)
        return selected

    async def load_events(self, turn: StoredTurn) -> list[TimedEvent]:
        """Return the events of a turn; those of one that was not stored are made up.

        Raises:
            StoreError: they cannot be read.
        """
        if turn.events:
            return list(turn.events)
        if not turn.id or self.store is None:
            return rebuild_events(turn)
        return await run_in_daemon_thread(self.store.timed_events, turn.id)

    async def set_system(self, text: str) -> None:
        """Change the instructions, also those of the session in the store."""
        self.system, self._system_is_stored = text, False
        await self._store_system()

    async def begin_turn(self, question: str, message: str, model: str) -> int | None:
        """Store a question before it is sent, and return the turn's ID; None if it is not stored.

        Args:
            question: as typed.
            message: as sent to the model.
            model: the model's name.
        """
        if not await self._find_session(model) or not await self.save_missing():
            return None
        assert self.session_id
        return await self.recorder.begin(self.session_id, question, message, model)

    async def _find_session(self, model: str) -> bool:
        """Make the session unless there is one; return whether it is in a store to write to."""
        if not await self.recorder.open():
            return False
        if self.session_id is None:
            self.session_id = await self.recorder.create(model, self.system or None)
            if self.session_id and not self.turns:
                self.thread_id = self.session_id
            self._system_is_stored = True
        return self.session_id is not None

    async def save_missing(self) -> bool:
        """Store what could not be stored when it happened; return whether nothing is missing."""
        missing = [turn for turn in self.turns if turn.events]
        if missing and not await self._find_session(missing[0].model):
            return False
        if missing and not await self.recorder.restore(self.session_id or "", self.turns):
            return False
        await self._store_system()
        while self._removed and await self.recorder.delete(self._removed[0]):
            del self._removed[0]
        return self._system_is_stored and not self._removed

    async def _store_system(self) -> None:
        if not self._system_is_stored and self.session_id:
            self._system_is_stored = await self.recorder.set_system(self.session_id, self.system)

    async def leave(self) -> None:
        """Save what is missing, while the conversation still knows it.

        A session of which nothing is stored was reported at its beginning.
        """
        if not await self.save_missing() and self.session_id:
            count = sum(bool(turn.events) for turn in self.turns)
            what = f"{count} turn{'s' * (count != 1)}" if count else "the last change"
            self.warn(f"{what} of this session could not be saved")

    def add(self, turn: StoredTurn) -> None:
        """Append a finished turn, and number it."""
        number = self.turns[-1].number + 1 if self.turns else 1
        self.turns.append(replace(turn, number=number))

    async def remove(self, turn: StoredTurn) -> None:
        """Remove a turn from the conversation, and from the store as soon as that is possible."""
        self.turns.remove(turn)
        if turn.id:
            self._removed.append(turn.id)
            await self.save_missing()

    def warn(self, line: str) -> None:
        """Add a warning, which is shown at the next good moment."""
        self._warnings.append(line)

    def take_warnings(self) -> list[str]:
        """Return the warnings since the last call, for example that saving has failed."""
        warnings = self._warnings[:]
        del self._warnings[: len(warnings)]
        return warnings

    def close(self) -> None:
        if self.store:
            with suppress(StoreError):
                self.store.close()
