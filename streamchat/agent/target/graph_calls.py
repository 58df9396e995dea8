"""The calls of a graph's turn, from the message that makes them to their results."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import ToolMessage

from streamchat.agent.decoder import CALL_ID
from streamchat.agent.reply import Call, Reply, read_object
from streamchat.agent.target.calls import warn_of_cut
from streamchat.agent.target.interrupts import to_json
from streamchat.events import (
    ANSWER_TOOL,
    ArgumentsDelta,
    Event,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
)

# Raised inside a tool to pause or leave the graph: the tool has not failed.
_SIGNALS = frozenset(
    {"GraphInterrupt", "GraphBubbleUp", "NodeInterrupt", "ParentCommand", "CancelledError"}
)


@dataclass(slots=True)
class _Known:
    """A call whose message is complete. `error` is kept back: the tool may be tried again."""

    call: Call
    ready: float
    cut: bool
    began: float | None = None
    announced: bool = False
    running: bool = False
    error: tuple[str, float] | None = None
    finished: bool = False
    unrun: bool = False


@dataclass(slots=True)
class _Run:
    """A run of a tool, as LangChain's callbacks report it."""

    id: object
    server_id: str
    name: str
    arguments: dict[str, Any]
    began: float
    outcome: tuple[str, bool, float] | None = None
    """Output, whether it failed, and when it ended."""
    known: _Known | None = None


class GraphCalls:
    """Finds out when the tool of each call starts and finishes, each exactly once.

    LangChain's callbacks tell the times. They may overtake the message that makes the call, which
    comes through LangGraph's queue: then they wait. Where there are none, as for a node that runs
    a function of its own, a `ToolMessage` tells the result.

    Methods return the events that follow. All times are in `perf_counter` seconds.

    Attributes:
        used: the tools that ran without an error, in order.
    """

    def __init__(self) -> None:
        self.used: dict[str, None] = {}
        self._calls: list[_Known] = []
        self._runs: list[_Run] = []

    def add(self, reply: Reply, now: float) -> list[Event]:
        """Take the calls of a complete message."""
        for call in reply.calls:
            cut = not call.complete and (bool(call.arguments.strip()) or reply.cut_off)
            self._calls.append(_Known(call, now, cut))
        return self._match_runs()

    def start(
        self, run_id: object, server_id: str, name: str, arguments: dict[str, Any], now: float
    ) -> list[Event]:
        """Note that a tool runs."""
        self._runs.append(_Run(run_id, server_id, name, arguments, now))
        return self._match_runs()

    def end(self, run_id: object, output: object, now: float) -> list[Event]:
        """Note that a tool has returned."""
        return self._finish_run(run_id, (*read_result(output), now))

    def fail(self, run_id: object, error: BaseException, now: float) -> list[Event]:
        """Note that a tool has raised an exception. Somebody may try again."""
        if type(error).__name__ in _SIGNALS:
            for run in self._runs:
                if run.id == run_id and run.known:
                    run.known.running = False
            self._runs = [run for run in self._runs if run.id != run_id]
            return []
        return self._finish_run(run_id, (str(error) or type(error).__name__, True, now))

    def read_result(self, message: ToolMessage, now: float) -> list[Event]:
        """Take the result that a tool message holds, unless it is known."""
        known = self._find(message.tool_call_id, message.name or "", None)
        if known is None:
            return []
        output, failed = read_result(message)
        if known.error:
            _, now = known.error
        # A result without a run: the call was refused, or somebody else has answered it.
        events = [] if failed or known.unrun else self._announce(known, None, known.ready)
        return [*events, *self._finish(known, output, failed, now)]

    def mark_unrun(self, calls: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Note the name and arguments of calls that the user answers instead of their tools."""
        for name, arguments in calls:
            if known := self._find("", name, arguments):
                known.unrun = True

    def find_ids(self, calls: Iterable[tuple[str, Mapping[str, Any]]]) -> list[str]:
        """Return the IDs of the calls with these names and arguments; empty for unknown ones."""
        found: list[str] = []
        for name, arguments in calls:
            like = (
                each.call.call_id
                for each in self._calls
                if not each.finished and _is_like(each, name, arguments)
            )
            found.append(next((each for each in like if each not in found), ""))
        return found

    def close(self) -> list[Event]:
        """Return what is still to be told at the end of a turn."""
        events: list[Event] = []
        for run in self._runs:
            if run.known is None and run.server_id:
                events += self._make_up(run)
        for known in self._calls:
            if known.error and not known.finished:
                output, ended = known.error
                events += self._finish(known, output, failed=True, now=ended)
        self._runs = []
        return events

    def _match_runs(self) -> list[Event]:
        events: list[Event] = []
        for run in self._runs:
            if run.known is None:
                run.known = self._find(run.server_id, run.name, run.arguments, running=False)
                if run.known:
                    events += self._begin(run, run.known)
        self._drop_ended()
        return events

    def _begin(self, run: _Run, known: _Known) -> list[Event]:
        run.known, known.running, known.error = known, True, None
        events = self._announce(known, run.arguments, run.began)
        known.began = run.began
        return [*events, *self._conclude(run, known)]

    def _finish_run(self, run_id: object, outcome: tuple[str, bool, float]) -> list[Event]:
        events: list[Event] = []
        for run in self._runs:
            if run.id == run_id:
                run.outcome = outcome
                events += self._conclude(run, run.known) if run.known else []
        self._drop_ended()
        return events

    def _conclude(self, run: _Run, known: _Known) -> list[Event]:
        if run.outcome is None:
            return []
        output, failed, ended = run.outcome
        known.running = False
        if failed:
            known.error = output, ended
            return []
        return self._finish(known, output, failed=False, now=ended)

    def _drop_ended(self) -> None:
        self._runs = [run for run in self._runs if run.known is None or run.outcome is None]

    def _announce(
        self, known: _Known, arguments: dict[str, Any] | None, began: float
    ) -> list[Event]:
        if known.announced:
            return []
        known.announced, known.began = True, began
        call = known.call
        events: list[Event] = [
            ToolStarted(call.call_id, read_arguments(call) if arguments is None else arguments)
        ]
        if known.cut:
            events.append(warn_of_cut(call))
        return events

    def _finish(self, known: _Known, output: str, failed: bool, now: float) -> list[Event]:
        known.finished = True
        if not (failed or known.unrun or known.call.name == ANSWER_TOOL):
            self.used[known.call.name] = None
        seconds = 0.0 if known.began is None else now - known.began
        return [ToolFinished(known.call.call_id, output, failed, seconds)]

    def _make_up(self, run: _Run) -> list[Event]:
        """Show a call whose message was never seen, because its model is tagged `nostream`."""
        if any(_has_id(each.call, run.server_id) for each in self._calls):
            return []
        call = Call(run.server_id, run.name, to_json(run.arguments))
        self._calls.append(known := _Known(call, run.began, cut=False))
        return [
            ToolCallStarted(call.call_id, call.name),
            ArgumentsDelta(call.call_id, call.arguments),
            *self._begin(run, known),
        ]

    def _find(
        self,
        server_id: str,
        name: str,
        arguments: Mapping[str, Any] | None,
        *,
        running: bool | None = None,
    ) -> _Known | None:
        """Return the unfinished call that a run or a result belongs to.

        The ID tells, unless it is one that the decoder had to replace.
        """
        waiting = [
            each for each in self._calls if not each.finished and running in (None, each.running)
        ]
        if CALL_ID.fullmatch(server_id):
            return next((each for each in waiting if _has_id(each.call, server_id)), None)
        return next((each for each in waiting if _is_like(each, name, arguments)), None)


def _has_id(call: Call, server_id: str) -> bool:
    """Whether the server gave a call this ID; the decoder renames one that was used before."""
    renamed = rf"{re.escape(server_id[:56])}_\d+"
    return call.call_id == server_id or re.fullmatch(renamed, call.call_id) is not None


def _is_like(known: _Known, name: str, arguments: Mapping[str, Any] | None) -> bool:
    call = known.call
    return call.name == name and (arguments is None or read_arguments(call) == arguments)


def read_arguments(call: Call) -> dict[str, Any]:
    """Return a call's arguments; none if they are not a JSON object."""
    return read_object(call.arguments) or {}


def read_result(output: object) -> tuple[str, bool]:
    """Return a tool's result as text, and whether the tool failed.

    A tool that hands over to another agent returns a command, with its message inside.
    """
    if isinstance(output, ToolMessage):
        content = output.content
        text = output.text if isinstance(content, str) or output.text else to_json(content)
        return str(text), output.status == "error"
    update = read_command(output)
    messages = update.get("messages") if isinstance(update, Mapping) else None
    for message in messages if isinstance(messages, list | tuple) else ():
        if isinstance(message, ToolMessage):
            return read_result(message)
    if update is not output:
        return "", False
    return output if isinstance(output, str) else to_json(output), False


def read_command(value: object) -> object:
    """Return the update of one of LangGraph's commands; other values as they are."""
    return getattr(value, "update", None) if type(value).__name__ == "Command" else value
