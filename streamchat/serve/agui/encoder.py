"""Encodes a turn's events as events of AG-UI 1.0, each a JSON object.

The answer is a text message, as every client expects it, and the call of `final_answer` that it may
be written in is left out: nothing is shown twice, and the client's history reads like a
conversation. All other calls have each fragment of their arguments in an event of its own.

What the protocol has no word for is a CUSTOM event named `streamchat.…`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from streamchat.events import (
    ANSWER_TOOL,
    AnswerDelta,
    ApprovalGiven,
    ApprovalRequested,
    ArgumentsDelta,
    CodeDelta,
    Event,
    InputReceived,
    InputRequested,
    Notice,
    OutputReceived,
    PromptProgress,
    ReasoningDelta,
    SpeakerChanged,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
    TurnCancelled,
    TurnDone,
    TurnFailed,
    TurnStarted,
)
from streamchat.serve.agui.answers import make_approval, make_question

PROTOCOL = "1.0"
METADATA = "streamchat"
"""The key of streamchat's own metadata: whether a call failed, or has incomplete arguments."""
_MOST_ID = 56
"""Characters of a call's ID that are kept when it gets a number; APIs take 64."""


@dataclass
class _Call:
    """A call without a result; `id` is the client's name for it."""

    id: str
    name: str
    prefix: str
    is_open: bool = False
    started: bool = False


class Encoder:
    """Encodes the events of one run.

    Args:
        thread_id: the conversation's.
        run_id: the run's.
        prefix: begins the IDs of the run's messages, which must be unique in the conversation.
        known_calls: IDs of calls in the conversation so far.
        waiting_calls: those of them that still lack a result, as the run goes on with them.
        client_tools: names of the tools that the client runs itself.
    """

    def __init__(
        self,
        thread_id: str,
        run_id: str,
        prefix: str,
        *,
        known_calls: Iterable[str] = (),
        waiting_calls: Collection[str] = (),
        client_tools: Collection[str] = (),
    ) -> None:
        self._run = {"threadId": thread_id, "runId": run_id}
        self._ids = (f"{prefix}-{number}" for number in count(1))
        self._taken = set(known_calls)
        self._waiting, self._client_tools = waiting_calls, client_tools
        self._model = ""
        self._usage: dict[str, int] = {}
        self._step = self._message = self._text = self._reasoning = ""
        """The names or IDs of what is open; empty if nothing is."""
        self._text_prefix = self._reasoning_prefix = ""
        self._shown: list[str] = []
        """The text of the message that was last begun."""
        self._answering = ""
        """The call in which the answer arrives."""
        self._calls: dict[str, _Call] = {}
        self._asked: dict[str, dict[str, Any]] = {}
        self._pending: dict[str, str] = {}
        """The calls that the client is to run."""
        self._has_started = False
        self._encode: Mapping[type, Callable[[Any], list[bytes]]] = {
            TurnStarted: self._start_run,
            StepStarted: self._start_step,
            TextDelta: self._add_text,
            AnswerDelta: self._add_answer,
            ReasoningDelta: self._add_reasoning,
            ToolCallStarted: self._start_call,
            ArgumentsDelta: self._add_arguments,
            ApprovalRequested: self._ask_approval,
            ApprovalGiven: self._give_approval,
            ToolStarted: self._start_tool,
            ToolFinished: self._finish_call,
            StepFinished: self._finish_step,
            InputRequested: self._ask_question,
            InputReceived: self._take_answer,
            CodeDelta: lambda event: [_custom("code", delta=event.text)],
            PromptProgress: lambda event: [
                _custom("prompt_progress", done=event.done, total=event.total)
            ],
            Notice: lambda event: [_custom("notice", text=event.text, seconds=event.seconds)],
            OutputReceived: lambda event: [_custom("output", text=event.text, origin=event.origin)],
            SpeakerChanged: lambda event: [_custom("speaker", name=event.name, depth=event.depth)],
            TurnDone: self._finish_run,
            TurnFailed: lambda event: self.fail(event.error, pauses=True),
            TurnCancelled: self._cancel_run,
        }

    def encode(self, event: Event) -> list[bytes]:
        """Return the AG-UI events that say the same; often one, sometimes none."""
        encode = self._encode.get(type(event))
        return encode(event) if encode else []

    def fail(self, error: str, code: str = "", *, pauses: bool = False) -> list[bytes]:
        """End the run with an error.

        Args:
            error: one line.
            code: for programs.
            pauses: whether a run that waits for the client ends without an error instead.
        """
        if pauses and (self._asked or self._pending):
            return self._pause_run()
        events = [] if self._has_started else self._start_run(TurnStarted("", ""))
        events += self._close("the run failed")
        fields = {"message": error, **({"code": code} if code else {})}
        return [*events, _event("RUN_ERROR", **fields, **self._report_usage())]

    def _start_run(self, event: TurnStarted) -> list[bytes]:
        self._has_started, self._model = True, event.model
        return [_event("RUN_STARTED", **self._run, protocolVersion=PROTOCOL)]

    def _start_step(self, event: StepStarted) -> list[bytes]:
        events = self._close_step()
        self._step = f"step {event.step}"
        return [*events, _event("STEP_STARTED", stepName=self._step)]

    def _add_text(self, event: TextDelta | AnswerDelta) -> list[bytes]:
        if not self._text or self._text != self._message:
            return self._begin_text(self._find_message(), event.text)
        self._shown.append(event.text)
        return [f"{self._text_prefix}{json.dumps(event.text)}}}".encode()]

    def _add_answer(self, event: AnswerDelta) -> list[bytes]:
        if not event.call_id:
            return self._add_text(event)
        if event.call_id != self._answering or not self._text:
            self._answering = event.call_id
            return self._begin_text(next(self._ids), event.text)
        self._shown.append(event.text)
        return [f"{self._text_prefix}{json.dumps(event.text)}}}".encode()]

    def _begin_text(self, message: str, text: str) -> list[bytes]:
        events = [*self._close_reasoning(), *self._close_text()]
        if message not in self._shown[:1]:
            self._shown = [message]
        self._shown.append(text)
        self._text = message
        self._text_prefix = _prefix("TEXT_MESSAGE_CONTENT", messageId=message)
        return [
            *events,
            _event("TEXT_MESSAGE_START", messageId=message, role="assistant"),
            _event("TEXT_MESSAGE_CONTENT", messageId=message, delta=text),
        ]

    def _add_reasoning(self, event: ReasoningDelta) -> list[bytes]:
        if not self._reasoning:
            self._reasoning = id = next(self._ids)
            self._reasoning_prefix = _prefix("REASONING_MESSAGE_CONTENT", messageId=id)
            return [
                _event("REASONING_START", messageId=id),
                _event("REASONING_MESSAGE_START", messageId=id, role="reasoning"),
                _event("REASONING_MESSAGE_CONTENT", messageId=id, delta=event.text),
            ]
        return [f"{self._reasoning_prefix}{json.dumps(event.text)}}}".encode()]

    def _start_call(self, event: ToolCallStarted) -> list[bytes]:
        if event.call_id in self._waiting:  # the client has it
            self._calls[event.call_id] = _Call(event.call_id, event.name, "")
            return []
        id = self._name_call(event.call_id)
        call = _Call(id, event.name, _prefix("TOOL_CALL_ARGS", toolCallId=id))
        self._calls[event.call_id] = call
        return [*self._close_reasoning(), *self._open_call(call)]

    def _name_call(self, call_id: str) -> str:
        """Return an ID that no call of the conversation has: events have unique ones in a turn."""
        numbered = (f"{call_id[:_MOST_ID]}_{number}" for number in count(2))
        id = call_id
        while id in self._taken:
            id = next(numbered)
        self._taken.add(id)
        return id

    def _open_call(self, call: _Call) -> list[bytes]:
        if call.name == ANSWER_TOOL:
            return []
        call.is_open = True
        message = self._find_message()
        fields = {"toolCallId": call.id, "toolCallName": call.name, "parentMessageId": message}
        return [_event("TOOL_CALL_START", **fields)]

    def _add_arguments(self, event: ArgumentsDelta) -> list[bytes]:
        call = self._calls.get(event.call_id)
        if call is None or call.name == ANSWER_TOOL or not call.prefix:
            return []
        added = f"{call.prefix}{json.dumps(event.fragment)}}}".encode()
        return [added] if call.is_open else [*self._open_call(call), added]

    def _start_tool(self, event: ToolStarted) -> list[bytes]:
        call = self._find_call(event.call_id)
        call.started = True
        return self._end_call(call)

    def _end_call(self, call: _Call, *, complete: bool = True) -> list[bytes]:
        if not call.is_open:
            return []
        call.is_open = False
        metadata = {} if complete else {"metadata": {METADATA: {"incomplete": True}}}
        return [_event("TOOL_CALL_END", toolCallId=call.id, **metadata)]

    def _finish_call(self, event: ToolFinished) -> list[bytes]:
        call = self._find_call(event.call_id)
        self._calls.pop(event.call_id, None)
        self._asked.pop(event.call_id, None)
        if call.name == ANSWER_TOOL:
            return self._refuse_answer(event.output) if event.failed else []
        told = {"failed": event.failed, "seconds": round(event.seconds, 3)}
        return [*self._end_call(call), self._make_result(call, event.output, **told)]

    def _refuse_answer(self, error: str) -> list[bytes]:
        """Tell that the answer so far is none: the model is told why, and writes another one."""
        message = self._shown[0] if self._answering and self._shown else ""
        self._answering, self._shown = "", []
        return [*self._close_text(), _custom("answer_refused", messageId=message, error=error)]

    def _find_call(self, call_id: str) -> _Call:
        """Return a call; one of an earlier run if it has not started in this one."""
        return self._calls.setdefault(call_id, _Call(call_id, "", ""))

    def _make_result(self, call: _Call, output: str, **metadata: Any) -> bytes:
        fields = {"messageId": next(self._ids), "toolCallId": call.id, "content": output}
        return _event("TOOL_CALL_RESULT", **fields, role="tool", metadata={METADATA: metadata})

    def _ask_approval(self, event: ApprovalRequested) -> list[bytes]:
        call = self._find_call(event.call_id)
        if event.name in self._client_tools:
            self._pending[event.call_id] = call.id
        else:
            self._asked[event.call_id] = make_approval(call.id, event.name, event.arguments)
        return self._end_call(call)

    def _give_approval(self, event: ApprovalGiven) -> list[bytes]:
        self._asked.pop(event.call_id, None)
        given: dict[str, Any] = {"approved": event.approved, "by": event.by, "reason": event.reason}
        if event.arguments is not None:
            given["arguments"] = event.arguments
        return [_custom("approval", toolCallId=self._find_call(event.call_id).id, **given)]

    def _ask_question(self, event: InputRequested) -> list[bytes]:
        self._asked[event.request_id] = make_question(event)
        return []

    def _take_answer(self, event: InputReceived) -> list[bytes]:
        self._asked.pop(event.request_id, None)
        return [_custom("input_received", interruptId=event.request_id, answer=event.answer)]

    def _finish_step(self, event: StepFinished) -> list[bytes]:
        for name, tokens in (("input", event.input_tokens), ("output", event.output_tokens)):
            if tokens is not None:
                key = f"{name}Tokens"
                self._usage[key] = self._usage.get(key, 0) + tokens
        return self._close_step(complete=True)

    def _finish_run(self, event: TurnDone) -> list[bytes]:
        events = self._close("it gave no result")
        if event.answer and "".join(self._shown[1:]).strip() != event.answer.strip():
            events += [*self._begin_text(next(self._ids), event.answer), *self._close_text()]
        result = {"answer": event.answer, "toolsUsed": list(event.tools_used)}
        return [*events, self._end_run({"type": "success"}, result=result)]

    def _cancel_run(self, event: TurnCancelled) -> list[bytes]:
        return [*self._close("the run was cancelled"), self._end_run({"type": "cancelled"})]

    def _pause_run(self) -> list[bytes]:
        """End a run that waits for the client: for answers, or for results of its own tools."""
        events = self._close_step(complete=True)
        if self._asked:
            outcome = {"type": "interrupt", "interrupts": list(self._asked.values())}
        else:
            outcome = {"type": "success", "pendingToolCallIds": list(self._pending.values())}
        return [*events, self._end_run(outcome)]

    def _end_run(self, outcome: Mapping[str, Any], **fields: Any) -> bytes:
        return _event(
            "RUN_FINISHED", **self._run, outcome=outcome, **fields, **self._report_usage()
        )

    def _report_usage(self) -> dict[str, Any]:
        if not self._usage:
            return {}
        total = {"totalTokens": sum(self._usage.values())} if len(self._usage) > 1 else {}
        return {"usage": [{"model": self._model, **self._usage, **total}]}

    def _find_message(self) -> str:
        """Return the ID of the model's current message."""
        self._message = self._message or next(self._ids)
        return self._message

    def _close(self, why: str) -> list[bytes]:
        """Close all that is open, and tell of calls without a result why they have none."""
        events = self._close_step()
        for call in self._calls.values():
            if call.name != ANSWER_TOOL:
                text = "no result" if call.started else "not run"
                events.append(self._make_result(call, f"{text}: {why}", failed=True))
        self._calls = {}
        return events

    def _close_step(self, *, complete: bool = False) -> list[bytes]:
        events = [*self._close_reasoning(), *self._close_text()]
        for call in self._calls.values():
            events += self._end_call(call, complete=complete)
        if self._step:
            events.append(_event("STEP_FINISHED", stepName=self._step))
        self._step = self._message = ""
        return events

    def _close_text(self) -> list[bytes]:
        id, self._text = self._text, ""
        return [_event("TEXT_MESSAGE_END", messageId=id)] if id else []

    def _close_reasoning(self) -> list[bytes]:
        id, self._reasoning = self._reasoning, ""
        if not id:
            return []
        ends = ("REASONING_MESSAGE_END", "REASONING_END")
        return [_event(end, messageId=id) for end in ends]


def _event(type: str, **fields: Any) -> bytes:
    return json.dumps({"type": type, **fields}, separators=(",", ":")).encode()


def _prefix(type: str, **fields: Any) -> str:
    """Return the beginning of an event that lacks only its `delta`."""
    return f'{_event(type, **fields).decode()[:-1]},"delta":'


def _custom(name: str, /, **value: Any) -> bytes:
    return _event("CUSTOM", name=f"streamchat.{name}", value=value)
