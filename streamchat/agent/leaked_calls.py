"""Tool calls that a server has passed on as text, because it did not parse them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any

# What models put around calls: Qwen and Hermes, GLM, Granite, Llama, Mistral, Kimi, DeepSeek.
_MARKS = {
    "<tool_call>": "</tool_call>",
    "<tool_calls>": "</tool_calls>",
    "<function_call>": "</function_call>",
    "<function=": "</function>",
    "<|tool_call|>": "",
    "<|python_tag|>": "",
    "[TOOL_CALLS]": "",
    "<|tool_calls_section_begin|>": "<|tool_calls_section_end|>",
    "<\uff5ctool▁calls▁begin\uff5c>": "<\uff5ctool▁calls▁end\uff5c>",
}
_NAME = re.compile(r'"name"\s*:\s*"([^"]{1,64})"|<function=([\w-]{1,64})')
_LANGUAGE = re.compile(r"\w*")
_FENCE = "```"


def find_leaked_call(text: str, tools: Collection[str]) -> str:
    """Return the tool that a message calls in its text, if it is nothing but calls.

    Args:
        text: of the message.
        tools: the names of the tools that were offered.

    Returns:
        the tool's name, "a tool" if it is unclear, or an empty string if there is no such call.
    """
    text = text.strip()
    for opening, closing in _MARKS.items():
        if text.startswith(opening) and text.endswith(closing):
            named = _NAME.search(text)
            return next(filter(None, named.groups()), "") if named else "a tool"
    names = list(_read_names(_strip_fence(text)))
    return names[0] if names and all(name in tools for name in names) else ""


def _strip_fence(text: str) -> str:
    """Return the content of a fenced code block, or any other text as it is."""
    inner = text.removeprefix(_FENCE)
    if inner == text or not inner.endswith(_FENCE):
        return text
    language = _LANGUAGE.match(inner)
    return inner.removesuffix(_FENCE)[language.end() if language else 0 :].strip()


def _read_names(text: str) -> Iterator[str]:
    """Yield the name of each call in a JSON text; an empty one for anything else."""
    if not text.startswith(("{", "[")):
        return
    value: Any = None
    with suppress(ValueError, RecursionError):
        value = json.loads(text)
    for call in value if isinstance(value, list) else [value]:
        yield _read_name(call)


def _read_name(call: Any) -> str:
    match call:
        case {"function": {"name": str(name), "arguments": _}}:
            return name
        case {"name": str(name), "arguments": _} | {"name": str(name), "parameters": _}:
            return name
        case _:
            return ""
