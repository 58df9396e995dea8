"""The result of a tool on a server, as the model and the user read it.

Text is shown; images, sound and resources are named with their kinds and sizes.
"""

from __future__ import annotations

import json
from typing import Any

from langchain_core.tools import ToolException
from pydantic import BaseModel

from streamchat.text.sanitize import one_line

_LONGEST = 10_000_000
"""Characters; the model is sent fewer."""
_LONGEST_NAME = 200


class ToolResult(BaseModel):
    """What a server answers to a call; blocks of a kind that is not known break nothing."""

    content: list[Any] = []
    structuredContent: Any = None  # noqa: N815  # as it is sent
    isError: bool = False  # noqa: N815


def read_result(result: ToolResult) -> str:
    """Return the text of a result.

    Raises:
        ToolException: the tool says that it has failed; with the text.
    """
    text = _shorten("\n".join(map(_describe_block, result.content)))
    has_text = any(isinstance(each, dict) and each.get("text") for each in result.content)
    if not has_text and result.structuredContent is not None:
        data = _shorten(json.dumps(result.structuredContent, ensure_ascii=False))
        text = f"{text}\n{data}" if text else data
    if result.isError:
        raise ToolException(text or "the tool has failed, and does not say why")
    return text


def _describe_block(block: object) -> str:
    if not isinstance(block, dict):
        return _name("something that streamchat does not know")
    match block:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "image" | "audio" as kind, "data": str(data)}:
            return _name(block.get("mimeType") or kind, _format_size(len(data) * 3 // 4))
        case {"type": "resource", "resource": {"text": str(text)} as resource}:
            size = _format_size(len(text.encode(errors="replace")))
            return f"{_name(resource.get('uri'), resource.get('mimeType'), size)}\n{text}"
        case {"type": "resource", "resource": {"blob": str(data)} as resource}:
            size = _format_size(len(data) * 3 // 4)
            return _name(resource.get("uri"), resource.get("mimeType"), size)
        case {"type": "resource_link"}:
            told = block.get("size")
            size = _format_size(told) if isinstance(told, int) else ""
            return _name(block.get("name"), block.get("uri"), block.get("mimeType"), size)
        case _:
            return _name(block.get("type"), "which streamchat does not know")


def _name(*facts: object) -> str:
    """Return what stands for something that is not text: `[image/png, 24 kB]`."""
    shown = (one_line(str(each), _LONGEST_NAME) for each in facts if each)
    return f"[{', '.join(shown)}]"


def _format_size(size: int) -> str:
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1000:,.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:,.1f} MB"


def _shorten(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}\n[the first {_LONGEST:,} of {len(text):,} characters]"
