"""The tool calls of a run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from streamchat.events import ANSWER_TOOL
from streamchat.serve.agui.writing import METADATA, Deltas, write_event

_MOST_ID = 56
"""Characters of a call's ID that are kept when it gets a number; APIs take 64."""


@dataclass
class Call:
    """A call without a result.

    Attributes:
        id: the client's name for it.
        name: its tool's; empty if it began in an earlier run.
        message: the ID of the message that it belongs to.
        deltas: writes its arguments; None if the client is not shown them.
        is_open: whether its arguments arrive.
        is_running: whether its tool runs.
        is_refused: whether somebody has refused it.
    """

    id: str
    name: str = ""
    message: str = ""
    deltas: Deltas | None = None
    is_open: bool = False
    is_running: bool = False
    is_refused: bool = False

    @property
    def answers(self) -> bool:
        return self.name == ANSWER_TOOL


class Calls:
    """Writes the events of calls.

    Args:
        ids: for the messages of results.
        known: IDs of calls in the conversation so far.
        waiting: those of them that still lack a result, as the run goes on with them.
    """

    def __init__(self, ids: Iterator[str], known: Iterable[str], waiting: Collection[str]) -> None:
        self._ids, self._taken, self._waiting = ids, set(known), set(waiting)
        self._calls: dict[str, Call] = {}
        self._ids_of: dict[str, str] = {}
        """The client's IDs of all calls that it is shown."""

    def find(self, call_id: str) -> Call:
        """Return a call; it is one of an earlier run if it has not started in this one."""
        return self._calls.setdefault(call_id, Call(call_id))

    def find_waiting(self, name: str) -> str:
        """Return the client's ID of the only call of a tool that lacks a result, or nothing."""
        like = [each for each in self._calls.values() if each.name == name and not each.is_running]
        return like[0].id if len(like) == 1 else ""

    def start(self, call_id: str, name: str, message: str) -> list[bytes]:
        if call_id in self._waiting or name == ANSWER_TOOL:
            self._calls[call_id] = Call(call_id, name)
            return []
        id = self._name(call_id)
        deltas = Deltas("TOOL_CALL_ARGS", toolCallId=id)
        self._calls[call_id] = call = Call(id, name, message, deltas)
        self._ids_of[call_id] = id
        return [self._open(call)]

    def add_arguments(self, call_id: str, fragment: str) -> list[bytes]:
        call = self._calls.get(call_id)
        if call is None or call.deltas is None:
            return []
        added = call.deltas.write(fragment)
        return [added] if call.is_open else [self._open(call), added]

    def begin(self, call_id: str) -> list[bytes]:
        """Note that a call's tool runs."""
        call = self.find(call_id)
        call.is_running = True
        return self.end(call)

    def end(self, call: Call, *, complete: bool = True) -> list[bytes]:
        """End the arguments of a call."""
        if not call.is_open:
            return []
        call.is_open = False
        metadata = {} if complete else {"metadata": {METADATA: {"incomplete": True}}}
        return [write_event("TOOL_CALL_END", toolCallId=call.id, **metadata)]

    def finish(self, call_id: str, output: str, *, failed: bool, seconds: float) -> list[bytes]:
        self._waiting.discard(call_id)
        call = self._calls.pop(call_id, None) or Call(call_id)
        return [*self.end(call), self._write_result(call, output, failed, seconds)]

    def keep(self, kept: Mapping[str, str]) -> list[bytes]:
        """Give the client what it is to send back with calls; see `Run.kept`."""
        return [
            write_event(
                "REASONING_ENCRYPTED_VALUE",
                subtype="tool-call",
                entityId=self._ids_of[call_id],
                encryptedValue=value,
            )
            for call_id, value in kept.items()
            if call_id in self._ids_of
        ]

    def end_all(self, *, complete: bool) -> list[bytes]:
        """End the arguments of all calls."""
        calls = self._calls.values()
        return [event for call in calls for event in self.end(call, complete=complete)]

    def give_up(self, why: str) -> list[bytes]:
        """Give all calls without a result one that says why they have none."""
        left = [call for call in self._calls.values() if not call.answers]
        self._calls = {}
        return [
            self._write_result(call, f"{'no result' if call.is_running else 'not run'}: {why}")
            for call in left
        ]

    def _name(self, call_id: str) -> str:
        """Return an ID that no call of the conversation has: events have unique ones in a turn."""
        numbered = (f"{call_id[:_MOST_ID]}_{number}" for number in count(2))
        id = call_id
        while id in self._taken:
            id = next(numbered)
        self._taken.add(id)
        return id

    def _open(self, call: Call) -> bytes:
        call.is_open = True
        fields = {"toolCallName": call.name, "parentMessageId": call.message}
        return write_event("TOOL_CALL_START", toolCallId=call.id, **fields)

    def _write_result(
        self, call: Call, output: str, failed: bool = True, seconds: float = 0.0
    ) -> bytes:
        fields = {"messageId": next(self._ids), "toolCallId": call.id, "content": output}
        told: dict[str, Any] = {"failed": failed, "seconds": round(seconds, 3)}
        if call.is_refused:
            told["refused"] = True
        metadata = {METADATA: told}
        return write_event("TOOL_CALL_RESULT", **fields, role="tool", metadata=metadata)
