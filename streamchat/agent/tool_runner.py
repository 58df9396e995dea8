"""Runs the calls of a message: every call gets exactly one result, good or bad."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeAlias

from langchain_core.tools import BaseTool, ToolException

from streamchat.agent.approving import PostponedError, make_given
from streamchat.agent.continuing import PausedError, ToolOfClient
from streamchat.agent.control import ToolCancelledError, TurnControl
from streamchat.agent.reply import Call
from streamchat.agent.scratchpad import Result
from streamchat.agent.streamer import QueueCallbackHandler
from streamchat.events import ANSWER_TOOL, ApprovalRequested, ToolFinished, ToolStarted, TurnDone
from streamchat.text.redact import Redactor
from streamchat.text.sanitize import one_line
from streamchat.text.surrogates import replace_surrogates
from streamchat.tools import CallError, check_arguments, list_names, run_tool, to_text
from streamchat.tools.calls import is_async

RunTool: TypeAlias = Callable[[BaseTool, dict[str, Any]], Awaitable[Any]]
"""Runs a tool with checked arguments, and returns its result."""
TOO_EARLY = "before its arguments were complete"
"""Why a call is refused that was still arriving."""


@dataclass
class _CallRun:
    """A call that is to run.

    Attributes:
        call: the model's.
        streamer: receives its events.
        control: decides whether it runs, and may cancel it.
        started: when its tool did, in `perf_counter` seconds; 0 until then.
        edited: the arguments it runs with, if these are not the model's.
        postponed: whether it waits for a later request.
    """

    call: Call
    streamer: QueueCallbackHandler
    control: TurnControl
    started: float = 0.0
    edited: Mapping[str, Any] | None = None
    postponed: bool = False


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
        self,
        calls: Sequence[Call],
        streamer: QueueCallbackHandler,
        control: TurnControl | None = None,
        known: Mapping[str, Result] | None = None,
    ) -> list[tuple[Call, Result]]:
        """Run the calls of one message at the same time; return each with its result.

        Args:
            calls: the message's.
            streamer: receives the events.
            control: decides which calls run, and may cancel them.
            known: results that calls have already, by ID.

        Raises:
            PausedError: some are postponed; the others have run.
        """
        control, known = control or TurnControl(), known or {}
        runs = [_CallRun(call, streamer, control) for call in calls if call.call_id not in known]
        results = await asyncio.gather(*(self._run_call(each) for each in runs))
        new = zip((run.call for run in runs), results, strict=True)
        if postponed := [run.call.name for run in runs if run.postponed]:
            raise PausedError(postponed)
        by_id = {**known, **{call.call_id: result for call, result in new}}
        return [(call, by_id[call.call_id]) for call in calls]

    async def _run_call(self, run: _CallRun) -> Result:
        try:
            result = await self._run_tool(run)
        except PostponedError:
            run.postponed = True
            return Result("")
        except Exception as error:
            result = Result(_explain(error), failed=True, edited=run.edited)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task and task.cancelling():
                raise
            # The tool itself raised it.
            result = Result(_explain(error), failed=True, edited=run.edited)
        seconds = perf_counter() - run.started if run.started else 0.0
        finished = ToolFinished(run.call.call_id, result.output, result.failed, seconds)
        await run.streamer.put(finished)
        return result

    async def _run_tool(self, run: _CallRun) -> Result:
        call, tool = run.call, self._find_tool(run.call)
        if call.refused:
            await run.streamer.put(make_given(call.call_id, False, "user", TOO_EARLY))
            raise CallError(f"not run: the user refused the call {TOO_EARLY}")
        arguments = check_arguments(tool, call.arguments or "{}")
        if isinstance(tool, ToolOfClient):
            await run.streamer.put(ApprovalRequested(call.call_id, tool.name, arguments))
            raise PostponedError
        if tool.name != ANSWER_TOOL:
            arguments = await self._approve(run, tool, arguments)
        run.started = perf_counter()
        await run.streamer.put(ToolStarted(call.call_id, arguments))
        if tool.name == ANSWER_TOOL:
            return _accept_answer(call, arguments)
        value = await self._run_in_time(run, tool, arguments)
        return Result(replace_surrogates(to_text(value)), edited=run.edited)

    def _find_tool(self, call: Call) -> BaseTool:
        tool = self._tools.get(call.name)
        if tool is None:
            names = ", ".join(self._tools) or "none"
            name = one_line(self._redactor.redact(call.name), 80)
            raise CallError(f"unknown tool {name!r}; the tools are: {names}")
        return tool

    async def _approve(
        self, run: _CallRun, tool: BaseTool, arguments: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the arguments to run the call with.

        Raises:
            CallError: it must not run.
        """
        requested = ApprovalRequested(run.call.call_id, tool.name, arguments)
        approver = run.control.approver
        approved = await approver.approve(
            requested,
            lambda edited: check_arguments(tool, json.dumps(dict(edited))),
            run.streamer.put,
        )
        run.edited = None if approved == arguments else approved
        return approved

    async def _run_in_time(self, run: _CallRun, tool: BaseTool, arguments: dict[str, Any]) -> Any:
        try:
            async with asyncio.timeout(self._timeout) as deadline:
                with run.control.run_tool():
                    return await self._run(tool, arguments)
        except ToolCancelledError:
            why = f"cancelled by the user after {perf_counter() - run.started:.1f} s"
        except TimeoutError:
            if not deadline.expired():
                raise
            why = f"no result within {self._timeout:g} s (--tool-timeout)"
        left = "" if is_async(tool) else "; its thread still runs"
        raise CallError(f"{why}{left}")


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
