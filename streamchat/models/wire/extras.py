"""Fields that servers add to OpenAI's messages and calls, and how their pieces are joined.

Gemini signs its calls in `extra_content`, DeepSeek sends `reasoning_content`, OpenRouter
`reasoning_details`. Each wants its own back with the result of a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CALL_FIELDS = "call_fields"
"""Where a LangChain message keeps the extra fields of its calls, by call ID."""
LINE_FIELD = "python_line"
"""Where a LangChain message keeps the line of Python in which the embedded model calls tools."""
MESSAGE_FIELDS = frozenset(
    {"role", "content", "name", "tool_calls", "function_call", "refusal", "audio", "annotations"}
)
_CALL_FIELDS = frozenset({"index", "id", "type", "function"})
_FUNCTION_FIELDS = frozenset({"name", "arguments"})
_THOUGHTS = ("thinking", "redacted_thinking", "reasoning_content")
_GROWING = frozenset(
    {
        *("reasoning_content", "reasoning", "reasoning_text", "thinking", "text", "summary"),
        LINE_FIELD,
    }
)
"""Strings that arrive in pieces; any other arrives whole."""


@dataclass(frozen=True, slots=True)
class Extras:
    """The extra fields of a chunk: of its message, and of each fragment of a call in it."""

    message: Mapping[str, Any]
    calls: tuple[Mapping[str, Any], ...]


def read_extras(delta: Mapping[str, Any]) -> Extras | None:
    """Return the extra fields of a delta; None if it has none, as most."""
    found = delta.get("tool_calls")
    calls = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    if delta.keys() <= MESSAGE_FIELDS and all(map(_is_plain, calls)):
        return None
    message = _pick_extras(delta, MESSAGE_FIELDS)
    fields = tuple(map(find_call_extras, calls))
    return Extras(message, fields) if message or any(fields) else None


def _is_plain(call: Mapping[str, Any]) -> bool:
    function = call.get("function")
    if isinstance(function, dict) and not function.keys() <= _FUNCTION_FIELDS:
        return False
    return call.keys() <= _CALL_FIELDS


def find_call_extras(call: Mapping[str, Any]) -> dict[str, Any]:
    """Return the extra fields of a call; those of its function are in `function`."""
    fields = _pick_extras(call, _CALL_FIELDS)
    function = call.get("function")
    if isinstance(function, dict) and (extras := _pick_extras(function, _FUNCTION_FIELDS)):
        fields["function"] = extras
    return fields


def find_thoughts(content: object) -> dict[str, Any]:
    """Return the parts of a message's content with reasoning, as Anthropic wants them back."""
    parts = content if isinstance(content, list) else []
    found = [each for each in parts if isinstance(each, dict) and each.get("type") in _THOUGHTS]
    return {"parts": found} if found else {}


def _pick_extras(values: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    if values.keys() <= known:
        return {}
    return {
        name: value
        for name, value in values.items()
        if name not in known and value not in (None, "", [], {})
    }


def join_fields(begun: dict[str, Any], piece: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with the next piece of each."""
    if not piece:
        return begun
    joined = dict(begun)
    for name, value in piece.items():
        if value is not None:
            joined[name] = _join(name, joined.get(name), value)
    return joined


def _join(name: str, begun: Any, piece: Any) -> Any:
    match begun, piece:
        case str(), str() if name in _GROWING:
            return begun + piece
        case dict(), dict():
            return join_fields(begun, piece)
        case list(), list():
            return _join_lists(begun, piece)
        case _:
            return piece


def _join_lists(begun: list[Any], piece: list[Any]) -> list[Any]:
    joined = list(begun)
    for value in piece:
        if joined and _continues(joined[-1], value):
            joined[-1] = join_fields(joined[-1], value)
        else:
            joined.append(value)
    return joined


def _continues(last: Any, value: Any) -> bool:
    """Whether an element of a list, which names its place, is the next piece of the last one."""
    if not (isinstance(last, dict) and isinstance(value, dict)) or value.get("index") is None:
        return False
    return all(last.get(name) == value.get(name) for name in ("index", "type"))
