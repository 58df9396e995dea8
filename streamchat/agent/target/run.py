"""A turn of the user's agent: its events cross from the agent's thread to the program's."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from time import perf_counter

from streamchat.agent.errors import AgentError
from streamchat.agent.source import Approval, Request
from streamchat.agent.target.emitter import Emitter
from streamchat.agent.target.frames import describe_busy_thread
from streamchat.agent.target.heartbeat import Heartbeat
from streamchat.agent.target.output import make_context
from streamchat.agent.target.play import Play
from streamchat.agent.target.room import Room
from streamchat.agent.target.worker import AgentThread
from streamchat.events import (
    Event,
    LastEvent,
    Notice,
    OutputReceived,
    TurnCancelled,
    TurnDone,
    TurnFailed,
    TurnStarted,
)
from streamchat.text.redact import EventRedactor, Redactor
from streamchat.text.sanitize import one_line
from streamchat.tools.approval import Policy

_TICK = 0.25
"""Seconds between two looks at the agent's thread."""
_GRACE = 2.0
"""Seconds that an earlier turn may take to end before the next one is refused."""
_JOIN = 0.003
"""Seconds for which events are collected after some were passed on: to wake a thread is costly."""
_BATCH = 16
"""How many events are passed on before keys and signals get their turn."""
_LENGTH = 290


class ThreadRun:
    """A turn under way in the agent's thread; see `Run`.

    Args:
        thread: the agent's.
        play: answers.
        request: the question.
        name: what answers, as shown to the user.
        redactor: redacts the events.
        timeout: seconds without an event after which the turn fails.
        before: earlier turns that have not ended although they were cancelled.
        policy: the user's rules about calls that the agent asks about.
        flush: called in the thread before the last event; emits what is left of the output.

    Attributes:
        is_over: whether events are not taken any more.
        has_ended: whether the agent's code has ended, too.
        heartbeat: tells what blocks the thread's loop.
        failure: what the agent's code raised, secrets and all.
    """

    def __init__(
        self,
        thread: AgentThread,
        play: Play,
        request: Request,
        *,
        name: str,
        redactor: Redactor,
        timeout: float,
        before: Sequence[ThreadRun] = (),
        policy: Policy | None = None,
        flush: Callable[[], None] = lambda: None,
    ) -> None:
        self.error: BaseException | None = None
        self.failure: BaseException | None = None
        self.is_over = self.has_ended = self._is_delivered = False
        self._thread, self._play, self._request = thread, play, request
        self._name, self._redactor, self._timeout = name, redactor, timeout
        self._before, self._flush = before, flush
        self._started = self._looked = perf_counter()
        self._task: asyncio.Task[TurnDone] | None = None
        self._pending: deque[Event] = deque()
        self._room = Room(thread, self._pending, request.room or sys.maxsize)
        self._emitter = Emitter(
            self.push,
            interactive=request.interactive,
            answers=request.answers,
            policy=policy,
            room=self._room,
            postpones=request.postpones,
            resume=request.resume,
        )
        self.heartbeat = Heartbeat(thread, self._warn)
        self._main = asyncio.get_running_loop()
        self.kept: Mapping[str, str] = {}
        self._arrived = asyncio.Event()
        self._is_waking = False
        self._pushed = self._noticed = 0
        self._quiet = 0.0
        self._period = min(_TICK, timeout / 4)
        self._timer = self._main.call_later(self._period, self._look)

    def begin(self) -> None:
        """Let the agent answer; called once."""
        self._thread.call(self._begin)

    async def __aiter__(self) -> AsyncGenerator[Event, None]:
        redactor = EventRedactor(self._redactor)
        for event in redactor.feed(TurnStarted(self._request.question, self._name)):
            yield event
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._pending:
                for _ in range(min(_BATCH, len(self._pending))):
                    event = self._pending.popleft()
                    if isinstance(event, LastEvent):
                        self._is_delivered = True
                        self._timer.cancel()
                    for redacted in redactor.feed(event):
                        yield redacted
                    if isinstance(event, LastEvent):
                        return
                    self._room.look()
                    if not self._pending:  # it was cancelled meanwhile
                        break
                await asyncio.sleep(0)
            await self._collect()

    async def _collect(self) -> None:
        """Let events come together for a moment, of which none wakes the program's thread."""
        self._is_waking = True
        await asyncio.sleep(_JOIN)
        self._is_waking = False
        if self._pending:
            self._arrived.set()

    def push(self, event: Event) -> None:
        """Pass an event on, unless the turn is over. May be called in any thread."""
        if not self.is_over:
            self._pushed += 1
            self._add(event)

    def take_line(self, line: OutputReceived) -> bool:
        """Take a line that the agent's code printed, unless the turn is over."""
        self.push(line)
        return not self.is_over

    def cancel(self) -> None:
        if self._is_delivered:
            return
        # The last event may be here already, but behind others that nobody waits for any more.
        self.is_over, self.error = True, None
        self._pending.clear()
        self._room.open()
        self._add(TurnCancelled(self._seconds))
        self._thread.call(self._cancel_task)

    def reply(self, answer: object) -> None:
        self._thread.call(self._emitter.reply, answer)

    def decide(self, call_id: str, approval: Approval) -> None:
        """Do nothing: an agent asks by its interrupts."""

    def refuse_arriving(self) -> bool:
        return False

    def cancel_tools(self) -> bool:
        return False

    async def aclose(self) -> None:
        self.cancel()
        self._timer.cancel()

    @property
    def _seconds(self) -> float:
        return perf_counter() - self._started

    def _add(self, event: Event) -> None:
        self._pending.append(event)
        if not self._is_waking:
            self._is_waking = True
            with suppress(RuntimeError):  # the program ends
                self._main.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._is_waking = False
        self._arrived.set()

    def _fail(self, error: AgentError) -> None:
        """End the turn from outside of the agent's thread."""
        if not self.is_over:
            self.is_over, self.error = True, error
            self._add(TurnFailed(str(error), self._seconds))
            self._thread.call(self._cancel_task)

    def _look(self) -> None:
        """Look whether there is progress; called a few times a second."""
        if self.is_over:
            return
        self._timer = self._main.call_later(self._period, self._look)
        self.heartbeat.check()
        now, before = perf_counter(), self._looked
        self._looked = now
        is_waiting = self._emitter.is_waiting or self._room.is_missing
        if self._pushed != self._noticed or is_waiting:
            self._noticed, self._quiet = self._pushed, 0.0
            return
        # The process may have been suspended for hours.
        self._quiet += min(now - before, 2 * self._period)
        if self._quiet > _GRACE and not all(run.has_ended for run in self._before):
            self._fail(AgentError(self._describe_hang()))
        elif self._quiet >= self._timeout:
            self._fail(AgentError(self._describe_timeout()))

    def _describe_hang(self) -> str:
        place = describe_busy_thread(self._thread.ident)
        where = f": it is in {place}" if place else ""
        return f"the turn before has not ended yet{where}; /reload starts the agent anew"

    def _describe_timeout(self) -> str:
        missing = "nothing new" if self._pushed else "no answer"
        place = self.heartbeat.blocked_in
        where = f"; it is in {place}" if place else ""
        return f"timed out: {missing} from {self._name} for {self._timeout:g} s{where} (--timeout)"

    # The rest runs in the agent's thread.

    def _begin(self) -> None:
        context = make_context(self.take_line) if self._request.alone else None
        self._task = self._thread.loop.create_task(self._answer(), context=context)
        self._task.add_done_callback(self._finish, context=context)

    async def _answer(self) -> TurnDone:
        for run in self._before:
            if run._task:
                await asyncio.wait([run._task])
        return await self._play.answer(self._request, self._emitter)

    def _cancel_task(self) -> None:
        if self._task:
            self._task.cancel()

    def _warn(self, notice: Notice) -> None:
        if not self.is_over:
            self._add(notice)  # it is no progress

    def _finish(self, task: asyncio.Task[TurnDone]) -> None:
        self.has_ended = True
        last, error = self._make_end(task)
        self._flush()
        if not self.is_over:
            self.is_over, self.error = True, error
            self._add(last)

    def _make_end(self, task: asyncio.Task[TurnDone]) -> tuple[LastEvent, BaseException | None]:
        if task.cancelled():
            return TurnFailed("the agent's code cancelled its own turn", self._seconds), None
        error = task.exception()
        if error is None:
            return replace(task.result(), seconds=self._seconds), None
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        self.failure = error
        text = str(error)
        if not isinstance(error, AgentError):
            text = f"{type(error).__name__}: {text}".removesuffix(": ")
        text = one_line(self._redactor.redact(text), _LENGTH)
        hidden = self._redactor.contains_secret(f"{error!s}{error!r}")
        return TurnFailed(text, self._seconds), None if hidden else error
