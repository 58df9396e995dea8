"""The calls of a turn whose tools run where only LangChain's callbacks and messages show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from langchain_core.messages import BaseMessage, ToolMessage

from streamchat.agent.reply import Call, read_object
from streamchat.events import ANSWER_TOOL, Event, Notice, ToolFinished, ToolStarted
from streamchat.text.sanitize import one_line

RAN_CUT = "ran although its arguments were cut off"
"""What a notice says of a call."""
_MAX_ARGUMENTS = 100
"""Characters of arguments quoted in a notice."""


@dataclass(slots=True)
class OpenCall:
    """A call, and how far it has come.

    Attributes:
        call: as it arrived; None until its message is complete.
        message: the number of its message.
        alone: whether it is the only call of its message.
        ready: when its message was complete, in `perf_counter` seconds.
    """

    call_id: str
    name: str
    message: int
    call: Call | None = None
    alone: bool = True
    started: bool = False
    finished: bool = False
    ready: float = 0.0


class CallBook:
    """Keeps the calls of a turn, and emits when they start and finish, each once.

    Args:
        emit: takes the events.
    """

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self._emit = emit
        self._calls: dict[str, OpenCall] = {}
        self._seen: Counter[tuple[str, str]] = Counter()
        self._running: dict[object, tuple[OpenCall, float]] = {}
        self.used: dict[str, None] = {}
        """The tools that ran without an error, in order."""

    def __contains__(self, call_id: object) -> bool:
        return call_id in self._calls

    def __len__(self) -> int:
        return len(self._calls)

    def open(self, call_id: str, name: str, message: int) -> None:
        """Note that a message begins a call."""
        self._calls[call_id] = OpenCall(call_id, name, message)

    def complete(self, calls: Iterable[Call], *, run: bool) -> None:
        """Note that a message with these calls is complete.

        Args:
            calls: all calls of the message.
            run: whether their tools run now, without a callback that would say so.
        """
        calls = list(calls)
        for call in calls:
            if known := self._calls.get(call.call_id):
                known.call, known.alone, known.ready = call, len(calls) == 1, perf_counter()
                arguments = read_object(call.arguments)
                if run and arguments is not None:
                    self._start(known, arguments)

    def start(self, run_id: object, call_id: str | None, name: str, inputs: object) -> None:
        """Note that a tool runs, as a callback says."""
        known = self._calls.get(call_id or "") or self._find_waiting(name)
        if known and not known.finished:
            self._running[run_id] = known, perf_counter()
            self._start(known, inputs if isinstance(inputs, dict) else {})

    def end(self, run_id: object, output: object) -> None:
        """Note that a tool has returned, as a callback says."""
        if found := self._running.pop(run_id, None):
            known, begun = found
            text, failed = read_result(output)
            self._finish(known, text, failed=failed, seconds=perf_counter() - begun)

    def fail(self, run_id: object, error: BaseException) -> None:
        """Note that a tool has raised, as a callback says."""
        if found := self._running.pop(run_id, None):
            known, begun = found
            text = f"{type(error).__name__}: {error}"
            self._finish(known, text, failed=True, seconds=perf_counter() - begun)

    def read_results(self, messages: Iterable[BaseMessage]) -> None:
        """Take the results out of the messages that a model is sent.

        Those among the messages of the turn's first request are the history's.
        """
        counts = Counter[tuple[str, str]]()
        for message in messages:
            if isinstance(message, ToolMessage):
                key = (message.tool_call_id, message.text)
                counts[key] += 1
                if counts[key] > self._seen[key]:
                    self._seen[key] += 1
                    self.read_result(message)

    def read_result(self, message: ToolMessage) -> None:
        """Take a result out of a message."""
        waiting = self.waiting
        # A decoder renames a call whose ID has been used before in the turn.
        same = [each for each in waiting if each.call_id == message.tool_call_id]
        renamed = [each for each in waiting if each.call_id.startswith(f"{message.tool_call_id}_")]
        for known in (same or renamed)[:1]:
            text, failed = read_result(message)
            seconds = perf_counter() - known.ready if known.alone else 0.0
            self._finish(known, text, failed=failed, seconds=seconds)

    @property
    def waiting(self) -> list[OpenCall]:
        """The calls without a result."""
        return [each for each in self._calls.values() if not each.finished]

    @property
    def names_waiting(self) -> list[str]:
        """The tools of the calls without a result."""
        return [each.name for each in self.waiting]

    def close(self) -> None:
        """End the calls of a turn that has its answer: those of the last message have run."""
        last = max((each.message for each in self._calls.values()), default=0)
        for known in self.waiting:
            if known.message == last:
                self._finish(known, "", failed=False)
            else:
                self._drop(known, "no result was sent back", failed=True)

    def set_aside(self, output: str) -> None:
        """End the calls that something else than a tool has read."""
        for known in self.waiting:
            self._drop(known, "" if known.name == ANSWER_TOOL else output, failed=False)

    def give_up(self, why: str, message: int | None = None) -> None:
        """End the calls of a message, or of all, that will not run."""
        for known in self.waiting:
            if message in (None, known.message):
                self._drop(known, f"not run: {why}", failed=True)

    def _drop(self, known: OpenCall, output: str, *, failed: bool) -> None:
        known.finished = True
        self._emit(ToolFinished(known.call_id, output, failed))

    def _start(self, known: OpenCall, arguments: Mapping[str, Any]) -> None:
        if not known.started:
            known.started = True
            self._emit(ToolStarted(known.call_id, arguments))

    def _finish(self, known: OpenCall, output: str, *, failed: bool, seconds: float = 0.0) -> None:
        known.finished = True
        if not failed and known.name != ANSWER_TOOL:
            self.used[known.name] = None
        self._emit(ToolFinished(known.call_id, output, failed, seconds))
        if known.call and is_cut(known.call):
            self._emit(warn_of_cut(known.call))

    def _find_waiting(self, name: str) -> OpenCall | None:
        return next((each for each in self.waiting if each.name == name and not each.started), None)


def is_cut(call: Call) -> bool:
    """Whether a call's arguments begin, and do not end."""
    return bool(call.arguments.strip()) and not call.complete


def warn_of_cut(call: Call) -> Notice:
    """Return a warning that a tool ran with arguments that LangChain had completed."""
    name, cut = one_line(call.name, 40) or "a call", one_line(call.arguments, _MAX_ARGUMENTS)
    return Notice(f"{name} {RAN_CUT}: {cut}")


def read_result(output: object) -> tuple[str, bool]:
    """Return a tool's result as text, and whether the tool failed."""
    if isinstance(output, ToolMessage):
        return output.text, output.status == "error"
    return str(output), False
