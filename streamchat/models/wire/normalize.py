"""Normalizes the chunks of servers that write the same thing differently.

Any part of a chunk may be missing, null or of another type. Nothing here raises: what cannot be
read is skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import ToolCallChunk, tool_call_chunk

from streamchat.models.wire.delta import Delta
from streamchat.models.wire.extras import read_extras

_REASONS = ("finish_reason", "finishReason")
_METADATA_REASONS = ("finish_reason", "stop_reason", "stopReason", "done_reason")
_PLAIN = frozenset({"role", "content"})
_CALLS = frozenset({"tool_calls", "function_call"})
_REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")


def read_delta(chunk: Mapping[str, Any]) -> Delta:
    """Return what a chunk of the API, or a complete response, says."""
    choice = _pick_choice(chunk.get("choices"))
    delta = _find_delta(choice)
    content = delta.get("content")
    if isinstance(content, str) and delta.keys() <= _PLAIN:  # nearly every chunk is like this
        return Delta(content, **_read_frame(chunk, choice))
    is_number = isinstance(content, int | float) and not isinstance(content, bool)
    text, reasoning = split_content(str(content) if is_number else content)
    return Delta(
        text=text,
        reasoning=_find_text(delta, _REASONING_FIELDS) + reasoning,
        calls=tuple(_read_calls(delta)) if _CALLS & delta.keys() else (),
        extras=read_extras(delta),
        refusal=_read_refusal(delta.get("refusal")) or _read_refusal(content, nested=True),
        **_read_frame(chunk, choice),
    )


def _read_frame(chunk: Mapping[str, Any], choice: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a chunk says beside its delta, as fields of a `Delta`."""
    progress = chunk.get("prompt_progress")
    return {
        "finish_reason": _read_finish_reason(choice) or None,
        "usage": _read_usage(chunk.get("usage")),
        "prompt_progress": json.dumps(progress) if progress else "",
        "whole": _is_whole(choice),
        "stream_end": _get_text(chunk, "stream_end") or "",
    }


def has_content(chunk: Mapping[str, Any]) -> bool:
    """Whether the chunk holds any part of the message besides its role."""
    return _says_something(_find_delta(_pick_choice(chunk.get("choices"))))


def find_finish_reason(chunk: object) -> str:
    """Return the finish reason in this chunk; empty if there is none."""
    choices = chunk.get("choices") if isinstance(chunk, dict) else None
    return _read_finish_reason(_pick_choice(choices))


def read_reason(metadata: Mapping[str, Any]) -> str | None:
    """Return why a message of LangChain's ended; each library keeps it under a name of its own."""
    reasons = (metadata.get(name) for name in _METADATA_REASONS) if metadata else ()
    return next((str(reason) for reason in reasons if reason), None)


def remove_finish_reason(chunk: dict[str, Any]) -> dict[str, Any]:
    """Return a chunk that does not end its message."""
    choices = chunk.get("choices")
    offered = choices if isinstance(choices, list) else []
    objects = [each for each in offered if isinstance(each, dict)]
    return {**chunk, "choices": [{**each, **dict.fromkeys(_REASONS)} for each in objects]}


def _read_finish_reason(choice: Mapping[str, Any]) -> str:
    reason = next(filter(None, map(choice.get, _REASONS)), None)
    # Qwen's servers send the word "null" until the message ends.
    return str(reason)[:100] if reason and reason != "null" else ""


class ChoiceFilter:
    """Follows one choice where a server sends several though one was requested.

    Some servers send messages in place of deltas, others the whole message after its deltas.
    """

    def __init__(self) -> None:
        self._index: object = None
        self._begun = False
        """Whether any delta has said something."""

    def select(self, chunk: dict[str, Any]) -> dict[str, Any]:
        """Return the chunk with that choice only.

        It has a `message` and no delta if that is the whole message, which replaces the deltas.
        """
        choices = chunk.get("choices")
        if not isinstance(choices, list) or not choices or self._is_usual(choices):
            return chunk
        objects = [choice for choice in choices if isinstance(choice, dict)]
        indexes = [choice.get("index") for choice in objects if choice.get("index") is not None]
        if self._index is None and indexes:
            self._index = 0 if 0 in indexes else indexes[0]
        kept = [choice for choice in objects if choice.get("index") in (None, self._index)]
        return {**chunk, "choices": [self._unify(choice) for choice in kept]}

    def _is_usual(self, choices: list[Any]) -> bool:
        """Whether there is only the next delta of the choice: nearly every chunk is like this."""
        choice = choices[0]
        if not (self._begun and len(choices) == 1 and isinstance(choice, dict)):
            return False
        return choice.get("index") == self._index and _says_something(choice.get("delta"))

    def _unify(self, choice: dict[str, Any]) -> dict[str, Any]:
        delta, message = choice.get("delta"), choice.get("message")
        if _says_something(delta):
            self._begun = True
        elif isinstance(message, dict):
            name = "message" if self._begun else "delta"
            return {**choice, "message": None, "delta": None, name: message}
        return choice


def split_content(content: Any) -> tuple[str, str]:
    """Return the text and the reasoning of content, which may be a string or a list of parts.

    Parts of unknown types are skipped.
    """
    match content:
        case str():
            return content, ""
        case list():
            pairs = [split_content(part) for part in content]
            return "".join(text for text, _ in pairs), "".join(reasoning for _, reasoning in pairs)
        case {"type": "thinking" | "reasoning" | "reasoning_content" as kind, **others}:
            value = next(filter(None, map(others.get, (kind, "text", "summary"))), None)
            return "", "".join(split_content(value))
        case {"text": {"value": str(text)}} | {"text": str(text)}:
            return text, ""
        case _:
            return "", ""


def _pick_choice(choices: Any) -> Mapping[str, Any]:
    """Return the first choice; servers may send none, or null."""
    offered = choices if isinstance(choices, list) else []
    return next((each for each in offered if isinstance(each, dict)), {})


def _says_something(delta: Any) -> bool:
    return isinstance(delta, dict) and any(value for name, value in delta.items() if name != "role")


def _is_whole(choice: Mapping[str, Any]) -> bool:
    return isinstance(choice.get("message"), dict) and not isinstance(choice.get("delta"), dict)


def _find_delta(choice: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in ("delta", "message"):
        if isinstance(found := choice.get(name), dict):
            return found
    text = _get_text(choice, "text")
    return {} if text is None else {"content": text}


def _get_text(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(name)
    return value if isinstance(value, str) else None


def _find_text(delta: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        if (value := delta.get(name)) and (text := "".join(split_content(value))):
            return text
    return ""


def _read_refusal(value: Any, *, nested: bool = False) -> str:
    """Return a refusal, which is a string or one of several content parts."""
    match value:
        case str() if not nested:
            return value
        case list():
            return "".join(_read_refusal(part, nested=True) for part in value)
        case {"refusal": str(text)}:
            return text
        case _:
            return ""


def _read_calls(delta: Mapping[str, Any]) -> Iterator[ToolCallChunk]:
    calls = delta.get("tool_calls")
    found = [
        call for call in (calls if isinstance(calls, list) else [calls]) if isinstance(call, dict)
    ]
    for call in found:
        yield _read_call(call, call.get("function"))
    legacy = delta.get("function_call")
    if isinstance(legacy, dict) and not found:
        yield _read_call({}, legacy)


def _read_call(call: Mapping[str, Any], function: Any) -> ToolCallChunk:
    function = function if isinstance(function, dict) else {}
    arguments = function.get("arguments")
    if arguments is not None and not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return tool_call_chunk(
        name=_to_text(function.get("name")),
        args=arguments,
        id=_to_text(call.get("id")),
        index=_to_number(call.get("index")),
    )


def _to_text(value: Any) -> str | None:
    return None if value is None else str(value)


def _to_number(value: Any) -> int | None:
    """Return a count or an index, which some servers send as a string."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 10:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _read_usage(usage: Any) -> UsageMetadata | None:
    if not isinstance(usage, dict):
        return None
    tokens = [_to_number(usage.get(name)) for name in ("prompt_tokens", "completion_tokens")]
    if all(each is None for each in tokens):
        return None
    tokens_in, tokens_out = (each or 0 for each in tokens)
    return UsageMetadata(
        input_tokens=tokens_in, output_tokens=tokens_out, total_tokens=tokens_in + tokens_out
    )
