"""What a message of LangChain's, or a chunk of one, says: from any provider's library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.tool import ToolCallChunk, tool_call_chunk

from streamchat.models.wire.delta import Delta
from streamchat.models.wire.extras import LINE_FIELD, MESSAGE_FIELDS, Extras, find_thoughts
from streamchat.models.wire.normalize import read_reason, split_content
from streamchat.models.wire.strict_chunk import StrictChunk


def read_message(message: AIMessage) -> Delta:
    """Return what a chunk, or a whole message, says."""
    extra, metadata = message.additional_kwargs, message.response_metadata
    text, thoughts = split_content(message.content)
    is_strict = isinstance(message, StrictChunk)
    return Delta(
        text=text,
        reasoning=str(extra.get("reasoning_content") or thoughts),
        code=str(extra.get(LINE_FIELD) or ""),
        calls=_read_calls(message),
        extras=message.extras if isinstance(message, StrictChunk) else _find_extras(extra),
        thoughts=None if is_strict else find_thoughts(message.content),
        refusal=str(extra.get("refusal") or ""),
        finish_reason=read_reason(metadata),
        usage=message.usage_metadata,
        # LangChain's counts add up, while servers repeat the whole.
        adds_usage=isinstance(message, AIMessageChunk) and not is_strict,
        prompt_progress=str(extra.get("prompt_progress") or ""),
        whole=bool(metadata.get("whole_message")),
        stream_end=str(metadata.get("stream_end") or ""),
    )


def _read_calls(message: AIMessage) -> list[ToolCallChunk]:
    if isinstance(message, AIMessageChunk):
        return message.tool_call_chunks
    calls = [
        tool_call_chunk(name=call["name"], args=json.dumps(call["args"]), id=call["id"])
        for call in message.tool_calls
    ]
    return calls + [
        tool_call_chunk(name=bad["name"], args=bad["args"], id=bad["id"])
        for bad in message.invalid_tool_calls
    ]


def _find_extras(kwargs: Mapping[str, Any]) -> Extras | None:
    """Return what another library's model keeps for the next request."""
    fields = {name: value for name, value in kwargs.items() if name not in MESSAGE_FIELDS}
    return Extras(fields, ()) if fields else None
