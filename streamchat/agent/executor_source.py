"""An `AgentExecutor` as a source of events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from streamchat.agent.executor import AgentExecutor
from streamchat.agent.source import Request, ToolInfo
from streamchat.agent.streamer import QueueCallbackHandler
from streamchat.events import Event
from streamchat.models.progress import Progress


class ExecutorSource:
    """Answers with an executor, which may be given another model meanwhile."""

    wants_events = False

    def __init__(self, executor: AgentExecutor) -> None:
        self.executor = executor

    @property
    def name(self) -> str:
        return self.executor.model_name

    @property
    def tools(self) -> Sequence[ToolInfo]:
        return list_tools(self.executor)

    @property
    def context_tokens(self) -> int | None:
        return self.executor.context_tokens

    def start(self, request: Request) -> ExecutorRun:
        return ExecutorRun(self.executor, request)

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
        self._task = asyncio.create_task(
            executor.invoke(
                request.question,
                self._streamer,
                history=history,
                instructions=request.instructions,
            )
        )

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
