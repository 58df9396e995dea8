"""A chunk of the API as LangChain's message chunk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Self

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import invalid_tool_call, tool_call
from langchain_core.outputs import ChatGenerationChunk
from pydantic import PrivateAttr, model_validator

from streamchat.models.wire.extras import Extras
from streamchat.models.wire.normalize import read_delta


class StrictChunk(AIMessageChunk):
    """A message chunk that never repairs tool calls: truncated arguments are invalid.

    AIMessageChunk completes partial JSON, which takes quadratic time and makes incomplete calls
    valid.
    """

    _extras: Extras | None = PrivateAttr(None)

    @property
    def extras(self) -> Extras | None:
        """The fields that are not part of the API; None if there are none."""
        return self._extras

    # Overrides the validator of this name: nothing else keeps LangChain from repairing the JSON.
    @model_validator(mode="after")
    def init_tool_calls(self) -> Self:
        """Split the calls into valid ones, whose arguments are a JSON object, and invalid ones."""
        self.tool_calls, self.invalid_tool_calls = [], []
        for part in self.tool_call_chunks:
            name, text, call_id = part["name"], part["args"] or "", part["id"]
            arguments = _parse_object(text)
            if arguments is None:
                bad = invalid_tool_call(name=name, args=text, id=call_id, error=None)
                self.invalid_tool_calls.append(bad)
            else:
                self.tool_calls.append(tool_call(name=name or "", args=arguments, id=call_id))
        return self


def to_generation_chunk(chunk: Mapping[str, Any]) -> ChatGenerationChunk:
    """Convert a chunk of the API, or a complete response, to LangChain's chunk.

    Reasoning and refusals go to `additional_kwargs`, since it has no field for them.
    """
    delta = read_delta(chunk)
    extra = {
        "reasoning_content": delta.reasoning,
        "refusal": delta.refusal,
        "prompt_progress": delta.prompt_progress,
    }
    info = {
        "finish_reason": delta.finish_reason,
        "whole_message": "yes" if delta.whole else "",
        "stream_end": delta.stream_end,
    }
    message = StrictChunk(
        content=delta.text,
        tool_call_chunks=list(delta.calls),
        usage_metadata=delta.usage,
        additional_kwargs={name: each for name, each in extra.items() if each},
    )
    message._extras = delta.extras
    found = {name: each for name, each in info.items() if each} or None
    return ChatGenerationChunk(message=message, generation_info=found)


def _parse_object(text: str) -> dict[str, Any] | None:
    if not text.strip():
        return {}
    # Most fragments are neither the beginning nor the end of an object.
    if not (text.lstrip().startswith("{") and text.rstrip().endswith("}")):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
