"""An `AgentExecutor` as a source of events."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace

from streamchat.agent.executor import AgentExecutor
from streamchat.agent.own_tools.toolbox import Toolbox
from streamchat.agent.source import Request, ToolInfo
from streamchat.agent.streamer import QueueCallbackHandler
from streamchat.events import Event, OutputReceived
from streamchat.models.progress import Progress

_MOST_WAITING = 200
"""How many lines of output may wait to be shown."""
_PATIENCE = 0.1
"""Seconds after which a tool that waits looks whether the turn is over."""


class ExecutorSource:
    """Answers with an executor, which may be given another model meanwhile.

    Args:
        executor: answers.
        toolbox: the tools that it has.
    """

    wants_events = False

    def __init__(self, executor: AgentExecutor, toolbox: Toolbox | None = None) -> None:
        self.executor = executor
        self.toolbox = toolbox or Toolbox()

    @property
    def name(self) -> str:
        return self.executor.model_name

    @property
    def tools(self) -> Sequence[ToolInfo]:
        find_place = self.toolbox.find_place
        return [replace(t, place=find_place(t.name)) for t in list_tools(self.executor)]

    @property
    def context_tokens(self) -> int | None:
        return self.executor.context_tokens

    def start(self, request: Request) -> ExecutorRun:
        self.renew_tools()
        run = ExecutorRun(self.executor, request)
        if self.toolbox.relay:
            self.toolbox.relay.attach(run.take_line)
        return run

    def use(self, toolbox: Toolbox) -> None:
        """Switch to other tools."""
        self.executor.use_tools(toolbox.tools, toolbox.run)
        self.toolbox = toolbox

    def renew_tools(self) -> None:
        """Take over the tools that servers have now."""
        if self.toolbox.is_outdated:
            self.use(self.toolbox.renew())

    async def prepare(self, progress: Progress) -> None:
        await self.executor.prepare(progress)

    async def aclose(self) -> None:
        await self.executor.aclose()


def list_tools(executor: AgentExecutor) -> list[ToolInfo]:
    """Return an executor's tools as `/tools` lists them."""
    return [ToolInfo(each.name, tuple(each.args), each.description) for each in executor.tools]


class ExecutorRun:
    """A turn of an executor, in a task of its own."""

    def __init__(self, executor: AgentExecutor, request: Request) -> None:
        self.error: BaseException | None = None
        self._streamer = QueueCallbackHandler(raw=request.raw)
        history = [(each.question, each.answer) for each in request.history]
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._lines: deque[OutputReceived] = deque()
        self._is_waking = False
        self._room = threading.Semaphore(_MOST_WAITING)
        self._task = asyncio.create_task(
            executor.invoke(
                request.question,
                self._streamer,
                history=history,
                instructions=request.instructions,
            )
        )

    def take_line(self, line: OutputReceived) -> bool:
        """Take a line that a tool printed, unless the turn is over. May be called in any thread.

        A tool that prints faster than its lines are shown waits, as it would for a pipe.
        """
        if threading.get_ident() == self._thread:
            self._room.acquire(blocking=False)
        else:
            while not self._task.done() and not self._room.acquire(timeout=_PATIENCE):
                pass
        if self._task.done():
            return False
        self._lines.append(line)
        if not self._is_waking:
            self._is_waking = True
            with suppress(RuntimeError):  # the program ends
                self._loop.call_soon_threadsafe(self._push_lines)
        return True

    def _push_lines(self) -> None:
        self._is_waking = False
        for _ in range(len(self._lines)):
            self._room.release()
            self._streamer.push(self._lines.popleft())

    def __aiter__(self) -> AsyncIterator[Event]:
        return aiter(self._streamer)

    def cancel(self) -> None:
        self._task.cancel()

    def reply(self, answer: object) -> None:
        raise RuntimeError("an executor asks nothing")

    async def aclose(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        # The turn's last event has said how it ended; the exception only repeats it.
        self.error = None if self._task.cancelled() else self._task.exception()
