"""Runs the calls of a message: every call gets exactly one result, good or bad."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any, TypeAlias

from langchain_core.tools import BaseTool, ToolException

from streamchat.agent.reply import Call
from streamchat.agent.scratchpad import Result
from streamchat.agent.streamer import QueueCallbackHandler
from streamchat.events import ANSWER_TOOL, ToolFinished, ToolStarted, TurnDone
from streamchat.text.redact import Redactor
from streamchat.text.sanitize import one_line
from streamchat.text.surrogates import replace_surrogates
from streamchat.tools import CallError, check_arguments, list_names, run_tool, to_text

RunTool: TypeAlias = Callable[[BaseTool, dict[str, Any]], Awaitable[Any]]
"""Runs a tool with checked arguments, and returns its result."""


class ToolRunner:
    """Checks calls and runs their tools.

    Args:
        tools: the tools offered to the model.
        timeout: seconds that a tool may take.
        redactor: keeps secrets out of errors.
        run: runs a tool.
    """

    def __init__(
        self,
        tools: Sequence[BaseTool],
        timeout: float,
        redactor: Redactor,
        run: RunTool = run_tool,
    ) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._timeout = timeout
        self._redactor = redactor
        self._run = run

    async def run_calls(
        self, calls: Sequence[Call], streamer: QueueCallbackHandler
    ) -> list[tuple[Call, Result]]:
        """Run the calls of one message at the same time; return each with its result."""
        results = await asyncio.gather(*(self._run_call(call, streamer) for call in calls))
        return list(zip(calls, results, strict=True))

    async def _run_call(self, call: Call, streamer: QueueCallbackHandler) -> Result:
        started = perf_counter()
        try:
            result = await self._run_tool(call, streamer)
        except Exception as error:
            result = Result(_explain(error), failed=True)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task and task.cancelling():
                raise
            result = Result(_explain(error), failed=True)  # the tool itself raised it
        await streamer.put(
            ToolFinished(call.call_id, result.output, result.failed, perf_counter() - started)
        )
        return result

    async def _run_tool(self, call: Call, streamer: QueueCallbackHandler) -> Result:
        tool = self._tools.get(call.name)
        if tool is None:
            names = ", ".join(self._tools) or "none"
            name = one_line(self._redactor.redact(call.name), 80)
            raise CallError(f"unknown tool {name!r}; the tools are: {names}")
        arguments = check_arguments(tool, call.arguments or "{}")
        await streamer.put(ToolStarted(call.call_id, arguments))
        if tool.name == ANSWER_TOOL:
            return _accept_answer(call, arguments)
        try:
            async with asyncio.timeout(self._timeout) as deadline:
                value = await self._run(tool, arguments)
        except TimeoutError:
            if not deadline.expired():
                raise
            raise CallError(f"no result within {self._timeout:g} s (--tool-timeout)") from None
        return Result(replace_surrogates(to_text(value)))


def _accept_answer(call: Call, arguments: dict[str, Any]) -> Result:
    if not call.answers:
        raise CallError("this message already has a final answer")
    answer = str(arguments["answer"])
    if not answer.strip():
        raise CallError("the answer is empty")
    return Result("", answer=TurnDone(answer, list_names(arguments.get("tools_used"))))


def _explain(error: BaseException) -> str:
    """Describe an error to the model and the user; a tool may raise anything."""
    if isinstance(error, CallError):
        return str(error)
    text = replace_surrogates(str(error))
    return text if isinstance(error, ToolException) else f"{type(error).__name__}: {text}"
