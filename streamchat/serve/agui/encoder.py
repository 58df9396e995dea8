"""Encodes a turn's events as events of AG-UI 1.0, each a JSON object.

The answer is a text message, as every client expects it, and the call of `final_answer` that it may
be written in is left out: nothing is shown twice, and the client's history reads like a
conversation. All other calls have each fragment of their arguments in an event of its own.

What the protocol has no word for is a CUSTOM event named `streamchat.…`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import count
from typing import Any

from streamchat.events import (
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
from streamchat.serve.agui.calls import Calls
from streamchat.serve.agui.texts import Texts
from streamchat.serve.agui.writing import write_custom, write_event

PROTOCOL = "1.0"


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
        self._client_tools = client_tools
        ids = (f"{prefix}-{number}" for number in count(1))
        self._texts = Texts(ids)
        self._calls = Calls(ids, known_calls, waiting_calls)
        self._has_started = False
        self._step = self._model = ""
        self._usage: dict[str, int] = {}
        self._asked: dict[str, dict[str, Any]] = {}
        """What the client is to answer."""
        self._pending: list[str] = []
        """The calls that the client is to run."""
        texts, calls = self._texts, self._calls
        self._encode: Mapping[type, Callable[[Any], list[bytes]]] = {
            TurnStarted: self._start_run,
            StepStarted: self._start_step,
            TextDelta: lambda event: texts.add_text(event.text),
            AnswerDelta: self._add_answer,
            ReasoningDelta: lambda event: texts.add_reasoning(event.text),
            ToolCallStarted: self._start_call,
            ArgumentsDelta: lambda event: calls.add_arguments(event.call_id, event.fragment),
            ApprovalRequested: self._ask_approval,
            ApprovalGiven: self._give_approval,
            ToolStarted: lambda event: calls.begin(event.call_id),
            ToolFinished: self._finish_call,
            StepFinished: self._finish_step,
            InputRequested: self._ask_question,
            InputReceived: self._take_answer,
            TurnDone: self._finish_run,
            TurnFailed: lambda event: self.fail(event.error, pauses=True),
            TurnCancelled: self._cancel_run,
            **_CUSTOM,
        }

    def encode(self, event: Event) -> list[bytes]:
        """Return the AG-UI events that say the same; often one, sometimes none."""
        encode = self._encode.get(type(event))
        return encode(event) if encode else []

    @property
    def is_waiting(self) -> bool:
        """Whether the run waits for the client, and goes on in a later one."""
        return bool(self._asked or self._pending)

    def keep(self, kept: Mapping[str, str]) -> list[bytes]:
        """Return what the client is to send back if the run goes on later; see `Run.kept`."""
        return self._calls.keep(kept)

    def fail(self, error: str, code: str = "", *, pauses: bool = False) -> list[bytes]:
        """End the run with an error.

        Args:
            error: one line.
            code: for programs.
            pauses: whether a run that waits for the client ends without an error instead.
        """
        if pauses and self.is_waiting:
            return self._pause_run()
        events = [] if self._has_started else self._start_run(TurnStarted("", ""))
        events += [*self._close_step(complete=False), *self._calls.give_up("the run failed")]
        fields = {"message": error, **({"code": code} if code else {})}
        return [*events, write_event("RUN_ERROR", **fields, **self._report_usage())]

    def _start_run(self, event: TurnStarted) -> list[bytes]:
        self._has_started, self._model = True, event.model
        return [write_event("RUN_STARTED", **self._run, protocolVersion=PROTOCOL)]

    def _start_step(self, event: StepStarted) -> list[bytes]:
        events = self._close_step(complete=False)
        self._step = f"step {event.step}"
        return [*events, write_event("STEP_STARTED", stepName=self._step)]

    def _add_answer(self, event: AnswerDelta) -> list[bytes]:
        if event.call_id:
            return self._texts.add_answer(event.text, event.call_id)
        return self._texts.add_text(event.text)

    def _start_call(self, event: ToolCallStarted) -> list[bytes]:
        thoughts, message = self._texts.close_reasoning(), self._texts.message_id
        return [*thoughts, *self._calls.start(event.call_id, event.name, message)]

    def _finish_call(self, event: ToolFinished) -> list[bytes]:
        self._asked.pop(event.call_id, None)
        if self._calls.find(event.call_id).answers:
            return self._texts.refuse_answer(event.output) if event.failed else []
        return self._calls.finish(
            event.call_id, event.output, failed=event.failed, seconds=event.seconds
        )

    def _ask_approval(self, event: ApprovalRequested) -> list[bytes]:
        call = self._calls.find(event.call_id)
        if event.name in self._client_tools:
            self._pending.append(call.id)
        else:
            self._asked[event.call_id] = make_approval(call.id, event.name, event.arguments)
        return self._calls.end(call)

    def _give_approval(self, event: ApprovalGiven) -> list[bytes]:
        self._asked.pop(event.call_id, None)
        given: dict[str, Any] = {"approved": event.approved, "by": event.by, "reason": event.reason}
        if event.arguments is not None:
            given["arguments"] = event.arguments
        call = self._calls.find(event.call_id)
        call.is_refused = not event.approved
        return [write_custom("approval", toolCallId=call.id, **given)]

    def _ask_question(self, event: InputRequested) -> list[bytes]:
        names = [str(action["name"]) for action in event.actions]
        about = self._calls.find_waiting(names[0]) if len(names) == 1 else ""
        self._asked[event.request_id] = make_question(event, about)
        return []

    def _take_answer(self, event: InputReceived) -> list[bytes]:
        self._asked.pop(event.request_id, None)
        return [write_custom("input_received", interruptId=event.request_id, answer=event.answer)]

    def _finish_step(self, event: StepFinished) -> list[bytes]:
        for name, tokens in (("input", event.input_tokens), ("output", event.output_tokens)):
            if tokens is not None:
                key = f"{name}Tokens"
                self._usage[key] = self._usage.get(key, 0) + tokens
        return self._close_step(complete=True)

    def _finish_run(self, event: TurnDone) -> list[bytes]:
        events = [*self._close_step(complete=True), *self._calls.give_up("it gave no result")]
        events += self._texts.complete(event.answer)
        result = {"answer": event.answer, "toolsUsed": list(event.tools_used)}
        return [*events, self._end_run({"type": "success"}, result=result)]

    def _cancel_run(self, event: TurnCancelled) -> list[bytes]:
        why = "the run was cancelled"
        events = [] if self._has_started else self._start_run(TurnStarted("", ""))
        events += [*self._close_step(complete=False), *self._calls.give_up(why)]
        return [*events, self._end_run({"type": "cancelled"})]

    def _pause_run(self) -> list[bytes]:
        """End a run that waits for the client: for answers, or for results of its own tools."""
        outcome: dict[str, Any] = {"type": "success", "pendingToolCallIds": self._pending}
        if self._asked:
            outcome = {"type": "interrupt", "interrupts": list(self._asked.values())}
        return [*self._close_step(complete=True), self._end_run(outcome)]

    def _end_run(self, outcome: Mapping[str, Any], **fields: Any) -> bytes:
        fields = {**fields, **self._report_usage()}
        return write_event("RUN_FINISHED", **self._run, outcome=outcome, **fields)

    def _report_usage(self) -> dict[str, Any]:
        if not self._usage:
            return {}
        total = {"totalTokens": sum(self._usage.values())} if len(self._usage) > 1 else {}
        return {"usage": [{"model": self._model, **self._usage, **total}]}

    def _close_step(self, *, complete: bool) -> list[bytes]:
        """Close all that is open.

        Args:
            complete: whether the arguments of calls are.
        """
        step, self._step = self._step, ""
        closed = [*self._texts.close(), *self._calls.end_all(complete=complete)]
        return [*closed, write_event("STEP_FINISHED", stepName=step)] if step else closed


def _write_as(name: str, /, **fields: str) -> Callable[[Any], list[bytes]]:
    """Return what encodes an event as a CUSTOM one, with fields under other names."""

    def write(event: Any) -> list[bytes]:
        value = {key: getattr(event, field) for key, field in fields.items()}
        return [write_custom(name, **value)]

    return write


_CUSTOM: Mapping[type, Callable[[Any], list[bytes]]] = {
    CodeDelta: _write_as("code", delta="text"),
    PromptProgress: _write_as("prompt_progress", done="done", total="total"),
    Notice: _write_as("notice", text="text", seconds="seconds"),
    OutputReceived: _write_as("output", text="text", origin="origin"),
    SpeakerChanged: _write_as("speaker", name="name", depth="depth"),
}
"""What the protocol has no word for."""
