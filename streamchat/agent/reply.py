"""A complete model message, and whether it can be used.

The finish reason is judged here: a message that was cut off is never used, and none of its calls
run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

from streamchat.agent.leaked_calls import find_leaked_call
from streamchat.events import StepFinished
from streamchat.text.sanitize import one_line

# As named by OpenAI, Anthropic, Cohere, Hugging Face, Together and others. Servers keep making up
# reasons for a message that is not complete, so only these mean that it is.
_COMPLETE = frozenset(
    {
        *("stop", "stop_sequence", "stop_token", "stop_word", "end_turn", "end_of_turn", "end"),
        *("eos", "eos_token", "end_of_sequence", "end_of_text", "complete", "completed", "done"),
        *("tool_calls", "tool_call", "tool_use", "function_call", "function_calls"),
    }
)
PARSER_IS_OFF = "the server's tool-call parser seems to be off"
_MAX_ARGUMENTS = 100
"""Characters of arguments quoted in an error."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call as it arrived: `arguments` is the exact concatenation of its fragments.

    `complete` says whether the JSON object in them was closed, `answers` whether the answer was
    read from them as they arrived. `fields` are extra ones, to send back to the server. It is
    `refused` if the user did not let the arguments arrive.
    """

    call_id: str
    name: str
    arguments: str
    complete: bool = True
    answers: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """A model message. Token counts are None if the server reports none.

    `refusal` is what the model said instead of an answer. `broken_off` says whether the stream
    ended without a finish reason or `[DONE]`. `fields` are extra ones, to send back to the server,
    and so are `thoughts`, parts of the content.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    refusal: str = ""
    broken_off: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)
    thoughts: tuple[dict[str, Any], ...] = ()

    @property
    def cut_off(self) -> bool:
        """Whether the server stopped before the model had finished, as the finish reason says."""
        return is_cut_off(self.finish_reason)

    def refuse_incomplete(self) -> Reply:
        """Return the reply with the calls refused whose arguments the user did not let arrive."""
        last = len(self.calls) - 1
        calls = tuple(
            replace(call, arguments="", complete=True, refused=True)
            if not call.complete and (call.arguments or at == last)
            else call
            for at, call in enumerate(self.calls)
        )
        return replace(self, calls=calls, finish_reason=None, broken_off=False)

    def redact(self, redact: Callable[[str], str]) -> Reply:
        """Return the reply with everything redacted that `find_fault` may quote."""
        calls = tuple(
            replace(call, name=redact(call.name), arguments=redact(call.arguments))
            for call in self.calls
        )
        reason = None if self.finish_reason is None else redact(self.finish_reason)
        return replace(self, refusal=redact(self.refusal), finish_reason=reason, calls=calls)


def to_step_finished(reply: Reply, step: int, started: float, first: float | None) -> StepFinished:
    """Return the event that ends a step, now.

    Args:
        reply: the step's message.
        step: its number in the turn.
        started: when it was requested, in `perf_counter` seconds.
        first: when its first piece arrived; None if none did.
    """
    return StepFinished(
        step=step,
        finish_reason=reply.finish_reason,
        seconds=perf_counter() - started,
        first_token_seconds=None if first is None else first - started,
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
    )


def read_object(arguments: str) -> dict[str, Any] | None:
    """Return the JSON object in a call's arguments, by default an empty one; None if none is."""
    try:
        value = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def is_cut_off(finish_reason: str | None) -> bool:
    """Whether this finish reason means that the message is incomplete; None does not tell."""
    return (finish_reason or "stop").lower().replace("-", "_") not in _COMPLETE


def find_fault(reply: Reply, tools: Collection[str] = ()) -> str:
    """Return why a message cannot be used, or an empty string if it can.

    Some good servers never send a finish reason. Complete arguments are accepted from them.

    Args:
        reply: the message.
        tools: the names of the tools that were offered.
    """
    if reply.cut_off:
        reason = one_line(reply.finish_reason or "", 40)
        return f"the model's message was cut off (finish_reason: {reason}){_quote_cut(reply)}"
    for call in reply.calls:
        takes_none = not call.arguments.strip() and not reply.broken_off
        if reply.finish_reason is None and not (call.complete or takes_none):
            name = one_line(call.name, 40) or "a call"
            return f"the stream ended inside the arguments of {name}{_quote_cut(reply)}"
    if reply.refusal.strip():
        return f"the model refused: {one_line(reply.refusal, 250)}"
    if not reply.calls and not reply.text.strip():
        return "the model's message was empty"
    if not reply.calls and reply.broken_off:
        return "the answer may be cut off: the stream ended without finish_reason or [DONE]"
    if not reply.calls and tools and (name := find_leaked_call(reply.text, tools)):
        return (
            f"the model called {one_line(name, 64)} in its text: {PARSER_IS_OFF} "
            "(vLLM: --tool-call-parser, llama.cpp: --jinja)"
        )
    return ""


def _quote_cut(reply: Reply) -> str:
    """Return the arguments that were cut off, to append to an error."""
    cut = [call.arguments for call in reply.calls if not call.complete]
    return f": {one_line(cut[-1], _MAX_ARGUMENTS)}" if cut and cut[-1] else ""
