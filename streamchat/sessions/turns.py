"""Runs one turn of a conversation: sends the question, shows the events, records them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from time import time
from typing import TYPE_CHECKING

from streamchat.events import TRANSIENT, Event
from streamchat.process.interrupts import InterruptHandler
from streamchat.sessions.conversation import Conversation
from streamchat.sessions.recorder import Recorder
from streamchat.sessions.records import StoredTurn
from streamchat.turn import Turn, find_answer
from streamchat.view import ForwardingView, View
from streamchat.view.play import play

if TYPE_CHECKING:
    # Importing it loads LangChain, and the prompt must not wait for that.
    from streamchat.agent.executor import AgentExecutor

_log = logging.getLogger(__name__)


async def ask(
    conversation: Conversation,
    executor: AgentExecutor,
    question: str,
    view: View,
    interrupts: InterruptHandler,
    *,
    message: str = "",
    replacing: StoredTurn | None = None,
    verbose: bool = False,
) -> Turn:
    """Ask a question in a conversation, and return the turn once it has ended and is stored.

    Args:
        conversation: supplies the history and keeps the turn.
        executor: answers.
        question: as typed.
        view: shows the turn.
        interrupts: cancels the turn when a signal arrives.
        message: the text to send if it is more than the question, for example with attached files.
        replacing: the turn to remove, unless it has an answer and the new one fails.
        verbose: whether the view gets every chunk, and the log the traceback of a failure.

    Raises:
        OSError: the view's output is gone; the turn was cancelled.
    """
    message = message or question
    history = conversation.prepare_history(without=replacing)
    # Turns that are stored late get an ID meanwhile, but stay where they are.
    position = _find_number(conversation.turns, replacing.number) if replacing else 0
    id = await conversation.begin_turn(question, message, executor.model_name)
    recording, started = _RecordingView(view, conversation.recorder), time()
    try:
        await run_turn(
            executor,
            message,
            recording,
            interrupts,
            history=history,
            instructions=conversation.system,
            verbose=verbose,
        )
    finally:
        is_stored = await conversation.recorder.finish(recording.turn)
    turn = recording.turn
    if replacing and (turn.status != "failed" or replacing.status == "failed"):
        await conversation.remove(conversation.turns[position])
    stored = _to_stored_turn(turn, id or 0, question, message, started)
    if conversation.recorder.is_needed and not is_stored:
        stored = replace(stored, events=tuple(recording.events))
    conversation.add(stored)
    return turn


def _find_number(turns: Sequence[StoredTurn], number: int) -> int:
    return next(at for at, turn in enumerate(turns) if turn.number == number)


async def run_turn(
    executor: AgentExecutor,
    message: str,
    view: View,
    interrupts: InterruptHandler,
    *,
    history: Sequence[tuple[str, str]] = (),
    instructions: str = "",
    verbose: bool = False,
) -> Turn:
    """Show a turn in a view, and return it; its status tells a failure or an interrupt.

    Args:
        executor: answers.
        message: the text to send.
        view: shows the turn.
        interrupts: cancels the turn when a signal arrives.
        history: earlier messages and answers, the oldest first.
        instructions: added to the built-in ones.
        verbose: whether the view gets every chunk, and the log the traceback of a failure.

    Raises:
        OSError: the view's output is gone; the turn was cancelled.
    """
    from streamchat.agent.streamer import QueueCallbackHandler

    streamer = QueueCallbackHandler(raw=verbose)
    task = asyncio.create_task(
        executor.invoke(message, streamer, history=history, instructions=instructions)
    )
    with interrupts.cancel_on_signal(task):
        try:
            return await play(streamer, view)
        finally:
            task.cancel()
            await asyncio.wait([task])
            # The turn's last event has said how it ended; the exception only repeats it.
            error = None if task.cancelled() else task.exception()
            if verbose and error:
                _log.debug("the turn failed", exc_info=error)


class _RecordingView(ForwardingView):
    """Records a turn while another view shows it."""

    def __init__(self, inner: View, recorder: Recorder) -> None:
        super().__init__(inner)
        self.turn = Turn(status="cancelled")
        self.events: list[Event] = []
        self._recorder = recorder

    def show(self, turn: Turn, event: Event) -> None:
        self.turn = turn
        self._recorder.record(event)
        if self._recorder.is_needed and not isinstance(event, TRANSIENT):
            self.events.append(event)
        super().show(turn, event)


def _to_stored_turn(turn: Turn, id: int, question: str, message: str, started: float) -> StoredTurn:
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
