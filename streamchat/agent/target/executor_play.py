"""An `AgentExecutor` of streamchat's own in the user's file."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from streamchat.agent.executor import AgentExecutor
from streamchat.agent.executor_source import list_tools
from streamchat.agent.source import Request, ToolInfo
from streamchat.agent.streamer import QueueCallbackHandler
from streamchat.agent.target.play import Emit
from streamchat.events import ApprovalRequested, TurnCancelled, TurnDone, TurnFailed, TurnStarted

_KEPT = (TurnStarted, TurnFailed, TurnCancelled, ApprovalRequested)
"""What is not passed on."""


class ExecutorPlay:
    """Answers with the executor's model, tools and instructions."""

    wants_events = False
    name = "streamchat AgentExecutor"

    def __init__(self, executor: AgentExecutor) -> None:
        self._executor = executor

    @property
    def tools(self) -> Sequence[ToolInfo]:
        return list_tools(self._executor)

    async def answer(self, request: Request, emit: Emit) -> TurnDone:
        streamer = QueueCallbackHandler(asyncio.Queue(request.room), raw=request.raw)
        history = [(each.question, each.answer) for each in request.history]
        task = asyncio.create_task(
            self._executor.invoke(request.question, streamer, history=history)
        )
        try:
            async for event in streamer:
                if isinstance(event, TurnDone):
                    return event
                # It is the executor's own `approve` that decides, and not the user.
                if not isinstance(event, _KEPT):
                    emit(event)
                    await emit.wait_for_room()
            await task  # raises why it failed
        finally:
            task.cancel()
            await asyncio.wait([task])
            task.cancelled() or task.exception()
        raise AssertionError("the turn ended without an end")
