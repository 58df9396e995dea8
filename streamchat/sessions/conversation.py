"""Puts questions through the agent to a view, one after another, and keeps what came of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from time import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from streamchat.config import Settings
from streamchat.events import Event
from streamchat.models.progress import Progress
from streamchat.process.interrupts import InterruptHandler
from streamchat.process.streams import print_error
from streamchat.process.threads import run_in_daemon_thread
from streamchat.sessions import StoreError
from streamchat.sessions.recorder import Recorder
from streamchat.sessions.records import Session, StoredTurn, find_answer
from streamchat.sessions.transcript import history
from streamchat.text.redact import Redactor
from streamchat.turn import Turn
from streamchat.view import TextView, View
from streamchat.view.play import play

if TYPE_CHECKING:
    # It brings LangChain, which a prompt must not wait for.
    from streamchat.agent.executor import AgentExecutor

_log = logging.getLogger(__name__)
LAST = ""
"""Stands for the last session where one is named; the beginning of an id is never empty."""


async def prepare(executor: AgentExecutor, progress: Progress, stops: InterruptHandler) -> bool:
    """Prepares the executor, and returns whether that was not stopped."""
    task = asyncio.create_task(executor.prepare(progress))
    with stops.stopping(task):
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
    if not task.cancelled():
        task.result()
    return not task.cancelled()


async def converse(
    executor: AgentExecutor,
    question: str,
    view: View,
    stops: InterruptHandler,
    *,
    verbose: bool = False,
) -> Turn:
    """Returns the turn as it ended; every ending but that of the view itself is one of the turn.

    Args:
        verbose: whether the view is shown every chunk, too. The traceback of a failure is logged.

    Raises:
        OSError: the view's output is gone; the turn was stopped.
    """
    from streamchat.agent.streamer import QueueCallbackHandler

    streamer = QueueCallbackHandler(raw=verbose)
    task = asyncio.create_task(executor.invoke(question, streamer))
    with stops.stopping(task):
        try:
            return await play(streamer, view)
        finally:
            task.cancel()
            await asyncio.wait([task])
            # The turn has told how it ended; what is raised here says it again.
            error = None if task.cancelled() else task.exception()
            if verbose and error:
                _log.debug("the turn failed", exc_info=error)


class Conversation:
    """A session: what was said in it so far, and what is said next.

    Args:
        recorder: keeps it.
        most: characters of earlier turns that a model is sent.
        system: what a model is told besides the built-in instructions.
        to_tell: gets lines that are to be told when nothing is being shown.
    """

    def __init__(
        self, recorder: Recorder, most: int, system: str = "", to_tell: list[str] | None = None
    ) -> None:
        self._to_tell = [] if to_tell is None else to_tell
        self.recorder = recorder
        self.most = most
        self.system = system
        self.exchanges: list[StoredTurn] = []
        self.left_out = 0
        """How many of the oldest answers the model was not sent with the last question."""
        self.session_id: str | None = None
        """None until something is kept."""
        self.title = ""

    def go_on_with(self, session: Session, exchanges: Sequence[StoredTurn]) -> None:
        """Takes a session up where it ended."""
        self.session_id, self.title, self.exchanges = session.id, session.title, list(exchanges)
        self.system = self.system if session.system is None else session.system
        self.left_out = history(self.exchanges, self.most)[1]

    def begin_anew(self) -> None:
        """Begins a new session; the instructions stay."""
        self.session_id, self.exchanges, self.left_out = None, [], 0

    async def ask(
        self,
        executor: AgentExecutor,
        question: str,
        view: View,
        stops: InterruptHandler,
        *,
        message: str = "",
        verbose: bool = False,
        instead_of: StoredTurn | None = None,
    ) -> Turn:
        """Returns the turn as it ended, when it is kept.

        Args:
            message: what is sent, if it is not the question alone.
            instead_of: the last exchange, which is forgotten unless this one fails.

        Raises:
            OSError: the view's output is gone; the turn was stopped.
        """
        message = message or question
        self._recall(executor, instead_of)
        begun = await self._begin(question, message, executor.model_name)
        recorded, started = _Recorded(view, self.recorder), time()
        try:
            await converse(executor, message, recorded, stops, verbose=verbose)
        finally:
            await self.recorder.finish(recorded.turn)
            self.tell()
        exchange = _exchanged(recorded.turn, question, message, begun or 0, started)
        if instead_of and exchange.status != "failed":
            await self.take_back(instead_of)
        self.exchanges.append(replace(exchange, number=self._next_number()))
        return recorded.turn

    async def take_back(self, exchange: StoredTurn) -> None:
        """Forgets an exchange.

        Raises:
            StoreError: it is still in the store.
        """
        self.exchanges.remove(exchange)
        if self.recorder.store and exchange.id:
            await run_in_daemon_thread(self.recorder.store.delete_turn, exchange.id)

    def tell(self) -> None:
        """Tells on standard error what became of the store meanwhile."""
        while self._to_tell:
            print_error(self._to_tell.pop(0))

    def close(self) -> None:
        """Closes the store."""
        if self.recorder.store:
            with suppress(StoreError):
                self.recorder.store.close()

    def _recall(self, executor: AgentExecutor, instead_of: StoredTurn | None) -> None:
        earlier = [each for each in self.exchanges if each is not instead_of]
        pairs, self.left_out = history(earlier, self.most)
        executor.chat_history.clear()
        for pair in pairs:
            executor.remember(*pair)
        executor.instructions = self.system

    async def _begin(self, question: str, message: str, model: str) -> int | None:
        if self.session_id is None:
            self.session_id = await self.recorder.create(model, self.system or None)
        if self.session_id is None:
            return None
        return await self.recorder.begin(self.session_id, question, message, model)

    def _next_number(self) -> int:
        return self.exchanges[-1].number + 1 if self.exchanges else 1


class _Recorded(TextView):
    """Shows a turn in another view, and records it."""

    def __init__(self, inner: View, recorder: Recorder) -> None:
        self.turn = Turn(status="cancelled")
        self._inner = inner
        self._recorder = recorder

    def __enter__(self) -> Self:
        self._inner.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._inner.__exit__(exc_type, exc, traceback)

    def show(self, turn: Turn, event: Event) -> None:
        self.turn = turn
        self._recorder.record(event)
        self._inner.show(turn, event)


def _exchanged(turn: Turn, question: str, message: str, id: int, started: float) -> StoredTurn:
    return StoredTurn(
        id=id,
        number=0,
        question=question,
        message=message,
        answer=find_answer(turn),
        status="cancelled" if turn.status == "running" else turn.status,
        model=turn.model,
        started=started,
        seconds=turn.seconds,
        input_tokens=turn.input_tokens,
        output_tokens=turn.output_tokens,
    )


def open_conversation(
    settings: Settings, redactor: Redactor, session: str | None = None
) -> Conversation:
    """Returns a conversation; if it cannot be kept, that is told.

    Args:
        settings: say whether it is kept, and what a model is told.
        redactor: keeps secrets out of what is stored.
        session: the one to go on with: its id or how that begins, or `LAST`. None for a new one.

    Raises:
        StoreError: there is no such session.
    """
    to_tell: list[str] = []
    recorder = _recorder(settings, redactor, to_tell.append, needed=session is not None)
    budget, system = settings.history_budget, settings.system or ""
    conversation = Conversation(recorder, budget, system, to_tell)
    if session is not None and recorder.store:
        found = recorder.store.last() if session == LAST else recorder.store.find(session)
        if found:
            conversation.go_on_with(found, recorder.store.turns(found.id))
        else:
            to_tell.append("there is no session yet; a new one begins")
    conversation.tell()
    return conversation


def _recorder(
    settings: Settings, redactor: Redactor, tell: Callable[[str], None], *, needed: bool
) -> Recorder:
    if not settings.save:
        return Recorder(None, tell)
    from streamchat.sessions.store import Store

    try:
        store = Store.open(tell=tell)
    except StoreError as error:
        if needed:
            raise
        tell(f"the session is not saved: {error}")
        return Recorder(None, tell)
    return Recorder(store, tell, redactor)


def print_outcome(turn: Turn) -> None:
    """Tells on standard error how a turn ended that gave no answer."""
    if turn.status == "failed":
        print_error(f"error: {turn.error}")
    elif turn.status == "cancelled":
        print_error("interrupted")
