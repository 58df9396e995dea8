"""How much of a prompt a server has read: llama.cpp's `prompt_progress`."""

from __future__ import annotations

import json

from streamchat.events import PromptProgress


def read_prompt_progress(text: str) -> PromptProgress | None:
    """Return the progress in a chunk, without the tokens that were cached; None if it has none."""
    if not text:
        return None
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    total, processed, cached = (_count(told.get(each)) for each in ("total", "processed", "cache"))
    done, all_of_it = processed - cached, total - cached
    return PromptProgress(done, all_of_it) if 0 <= done <= all_of_it > 0 else None


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
