"""What the model sees of its own calls: the message that made them, and their results."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolCall, ToolMessage

from streamchat.agent.reply import Call, Reply
from streamchat.events import TurnDone
from streamchat.models.wire.extras import CALL_FIELDS
from streamchat.text.surrogates import replace_surrogates
from streamchat.tools import to_sendable_arguments

_INVALID_IN_NAME = re.compile("[^a-zA-Z0-9_-]")
_MAX_NAME = 64
_MAX_RESULT = 100_000
"""Characters; an event has all of them."""
_EDITED = "(The user changed the arguments of this call before it ran.)\n"


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a call.

    Attributes:
        output: what it returned, or why it failed.
        failed: whether it did.
        answer: is set if the call was the final answer.
        edited: the arguments it ran with, if the user edited them.
    """

    output: str
    failed: bool = False
    answer: TurnDone | None = None
    edited: Mapping[str, Any] | None = None


def build_scratchpad(reply: Reply, outcomes: Sequence[tuple[Call, Result]]) -> list[BaseMessage]:
    """Return the model's message, with all it came with, and a result for each of its calls."""
    called = [
        ToolCall(id=call.call_id, name=_clean_name(call), args=_find_arguments(call, result))
        for call, result in outcomes
    ]
    results = [
        ToolMessage(
            _shorten(_write_result(result)),
            tool_call_id=call.call_id,
            status="error" if result.failed else "success",
        )
        for call, result in outcomes
    ]
    by_call = {call.call_id: dict(call.fields) for call, _ in outcomes if call.fields}
    fields = {**reply.fields, **({CALL_FIELDS: by_call} if by_call else {})}
    content = _write_content(reply)
    return [AIMessage(content, tool_calls=called, additional_kwargs=fields), *results]


def _find_arguments(call: Call, result: Result) -> dict[str, Any]:
    """Return the arguments that the call ran with."""
    edited = call.arguments if result.edited is None else json.dumps(result.edited)
    return to_sendable_arguments(edited)


def _write_result(result: Result) -> str:
    note = _EDITED if result.edited is not None else ""
    return f"{note}Error: {result.output}" if result.failed else f"{note}{result.output}"


def _write_content(reply: Reply) -> str | list[str | dict[str, Any]]:
    """Return the text, after the thoughts if a provider wants those back, as Anthropic does."""
    text = replace_surrogates(reply.text)
    if not reply.thoughts:
        return text
    return [*reply.thoughts, *([{"type": "text", "text": text}] if text else [])]


def _shorten(text: str) -> str:
    """Return a result as far as it is sent: a whole log file would not fit into any context."""
    if len(text) <= _MAX_RESULT:
        return text
    return f"{text[:_MAX_RESULT]}\n[the first {_MAX_RESULT:,} of {len(text):,} characters]"


def _clean_name(call: Call) -> str:
    """Return a name that the API accepts; a bad one would make every later request fail."""
    return _INVALID_IN_NAME.sub("_", call.name)[:_MAX_NAME] or "unnamed"
