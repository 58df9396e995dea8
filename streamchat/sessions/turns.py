"""Runs one turn of a conversation: sends the question, shows the events, records them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from time import time
from typing import Protocol, TypeAlias

from streamchat.agent.source import Approval, Exchange, Request, Run, Source
from streamchat.events import (
    TRANSIENT,
    ApprovalRequested,
    Event,
    InputRequested,
    LastEvent,
    TimedEvent,
)
from streamchat.process.interrupts import InterruptHandler
from streamchat.sessions.conversation import Conversation
from streamchat.sessions.recorder import Recorder
from streamchat.sessions.records import StoredTurn
from streamchat.turn import Turn, find_answer
from streamchat.view import ForwardingView, View
from streamchat.view.play import play

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UserAnswer:
    """What the user answered; for actions, a list of decisions."""

    value: object


AskUser: TypeAlias = Callable[[InputRequested], Awaitable[UserAnswer | None]]
"""Asks the user what the agent wants to know; None stops the turn."""


class AskApproval(Protocol):
    """Asks the user whether calls may run.

    Attributes:
        pauses: whether nothing else is shown meanwhile: the view is paused. Otherwise it goes on,
            and other calls of the same message run before the user's eyes.
    """

    @property
    def pauses(self) -> bool: ...

    async def approve(self, requested: ApprovalRequested, problem: str) -> Approval | None:
        """Return the user's decision; None stops the turn.

        It is cancelled if the turn ends meanwhile.

        Args:
            requested: the call.
            problem: why the decision before about this call is not possible, in one line; empty at
                first. Its edited arguments may have been wrong.
        """
        ...


OnStart: TypeAlias = Callable[[Run], None]


async def ask(
    conversation: Conversation,
    source: Source,
    question: str,
    view: View,
    interrupts: InterruptHandler,
    *,
    message: str = "",
    replacing: StoredTurn | None = None,
    ask_user: AskUser | None = None,
    ask_approval: AskApproval | None = None,
    on_start: OnStart = lambda run: None,
    answers: Sequence[str] = (),
    verbose: bool = False,
) -> Turn:
    """Ask a question in a conversation, and return the turn once it has ended and is stored.

    Args:
        conversation: supplies the history and keeps the turn.
        source: answers.
        question: as typed.
        view: shows the turn.
        interrupts: cancels the turn when a signal arrives.
        message: the text to send if it is more than the question, for example with attached files.
        replacing: the turn to remove, unless it has an answer and the new one fails.
        ask_user: asks the user what the agent wants to know; None if nobody is there.
        ask_approval: asks the user whether calls may run; None if nobody is there.
        on_start: takes the run, for those who may refuse a call that arrives, or cancel a tool.
        answers: given beforehand, as typed; then the user is not asked.
        verbose: whether the view gets every chunk, and the log the traceback of a failure.

    Raises:
        OSError: the view's output is gone; the turn was cancelled.
    """
    message = message or question
    history = await _load_history(conversation, source, replacing)
    questions = [turn.message for turn in conversation.turns if turn is not replacing]
    # Turns that are stored late get an ID meanwhile, but stay where they are.
    position = _find_number(conversation.turns, replacing.number) if replacing else 0
    id = await conversation.begin_turn(question, message, source.name)
    request = Request(
        message,
        history=history,
        instructions=conversation.system,
        thread_id=conversation.thread_id,
        questions=questions,
        interactive=ask_user is not None,
        approves=ask_approval is not None,
        answers=answers,
        raw=verbose,
    )
    recording, started = _RecordingView(view, conversation.recorder), time()
    try:
        await run_turn(source, request, recording, interrupts, ask_user, ask_approval, on_start)
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


async def _load_history(
    conversation: Conversation, source: Source, without: StoredTurn | None
) -> list[Exchange]:
    """Return the exchanges to send, with their events if the source wants them."""
    exchanges = []
    for turn, answer in conversation.prepare_history(without):
        events = await conversation.load_events(turn) if source.wants_events else []
        exchanges.append(Exchange(turn.message, answer, tuple(each.event for each in events)))
    return exchanges


def _find_number(turns: Sequence[StoredTurn], number: int) -> int:
    return next(at for at, turn in enumerate(turns) if turn.number == number)


async def run_turn(
    source: Source,
    request: Request,
    view: View,
    interrupts: InterruptHandler,
    ask_user: AskUser | None = None,
    ask_approval: AskApproval | None = None,
    on_start: OnStart = lambda run: None,
) -> Turn:
    """Show a turn in a view, and return it; its status tells a failure or an interrupt.

    Args:
        source: answers.
        request: the question.
        view: shows the turn.
        interrupts: cancels the turn when a signal arrives.
        ask_user: asks the user what the agent wants to know; None if nobody is there.
        ask_approval: asks the user whether calls may run; None if nobody is there.
        on_start: takes the run.

    Raises:
        OSError: the view's output is gone; the turn was cancelled.
    """
    run = source.start(request)
    on_start(run)
    deciding: list[asyncio.Task[None]] = []

    async def respond(requested: InputRequested | ApprovalRequested) -> None:
        match requested:
            case InputRequested() if ask_user and not request.answers:
                await _answer(run, requested, ask_user)
            case ApprovalRequested() if ask_approval and ask_approval.pauses:
                with view.pause():
                    await _decide(run, requested, ask_approval)
            case ApprovalRequested() if ask_approval:
                deciding.append(asyncio.create_task(_decide(run, requested, ask_approval)))
            case _:
                pass  # the source answers it, or fails

    with interrupts.cancel_on_signal(run):
        try:
            turn = await play(_end_questions(run, deciding), view, respond)
        finally:
            await run.aclose()
            if request.raw and run.error:
                _log.debug("the turn failed", exc_info=run.error)
    for task in deciding:
        if not task.cancelled():
            task.result()
    return turn


async def _end_questions(run: Run, deciding: Sequence[asyncio.Task[None]]) -> AsyncIterator[Event]:
    """Pass a turn's events on. The view takes the last one, or is left, when no question is open.

    A question may have the terminal.
    """
    try:
        async for event in run:
            if isinstance(event, LastEvent):
                await _cancel(deciding)
            yield event
    finally:
        await _cancel(deciding)


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _answer(run: Run, requested: InputRequested, ask_user: AskUser) -> None:
    answer = await ask_user(requested)
    if answer is None:
        run.cancel()
    else:
        run.reply(answer.value)


async def _decide(run: Run, requested: ApprovalRequested, ask_approval: AskApproval) -> None:
    """Ask until there is a decision that is possible; without one, stop the turn."""
    problem, is_decided = "", False
    try:
        while not is_decided and (approval := await ask_approval.approve(requested, problem)):
            try:
                run.decide(requested.call_id, approval)
                is_decided = True
            except ValueError as error:
                problem = str(error)
    finally:
        if not is_decided:
            run.cancel()


class _RecordingView(ForwardingView):
    """Records a turn while another view shows it."""

    def __init__(self, inner: View, recorder: Recorder) -> None:
        super().__init__(inner)
        self.turn = Turn(status="cancelled")
        self.events: list[TimedEvent] = []
        self._recorder = recorder

    def show(self, turn: Turn, event: Event) -> None:
        self.turn = turn
        timed = TimedEvent(event, turn.at)
        self._recorder.record(timed)
        if self._recorder.is_needed and not isinstance(event, TRANSIENT):
            self.events.append(timed)
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
