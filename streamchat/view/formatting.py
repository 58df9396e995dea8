"""What views say in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from streamchat.text.sanitize import one_line, sanitize
from streamchat.turn import Turn

MOST_OUTPUT = 2_000
"""Characters of a tool's result that are shown."""
_MOST_VALUE = 300


def decoded(arguments: Mapping[str, Any]) -> str:
    """Returns a call's arguments for a person to read; long ones are shortened."""
    return ", ".join(f"{one_line(name, 64)} = {_value(value)}" for name, value in arguments.items())


def _value(value: Any) -> str:
    return sanitize(shortened(json.dumps(value, ensure_ascii=False, default=str), _MOST_VALUE))


def duration(seconds: float) -> str:
    """Returns how long something took, as exactly as a person cares to know."""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.001 else "<1 ms"


def age(seconds: float) -> str:
    """Returns how long ago something was, in the largest unit that it fills."""
    whole = max(int(seconds), 0)  # a clock may have been set back
    for unit, size in (("day", 86_400), ("h", 3_600), ("min", 60)):
        if count := whole // size:
            return f"{count} {unit}{'s' * (unit == 'day' and count > 1)}"
    return f"{whole} s"


def shortened(text: str, most: int) -> str:
    """Returns the text, or so many of its first characters and how many are left out."""
    cut = len(text) - most
    return f"{text[:most]} ({cut:,} characters more)" if cut > 0 else text


def figures(turn: Turn) -> list[str]:
    """Returns model, steps, time to the first token, speed, tokens and time, or "unknown"."""
    first = turn.first_token_seconds
    speed = _speed(turn)
    return [
        one_line(turn.model, 60) or "unknown model",
        f"{turn.step} step" + "s" * (turn.step != 1),
        "first token " + ("unknown" if first is None else f"{first:.2f} s"),
        "tok/s unknown" if speed is None else f"{speed:.0f} tok/s",
        _counts(turn.input_tokens, turn.output_tokens),
        f"{turn.seconds:.1f} s",
    ]


def _speed(turn: Turn) -> float | None:
    if not turn.output_tokens or turn.generation_seconds <= 0:
        return None
    return turn.output_tokens / turn.generation_seconds


def _counts(tokens_in: int | None, tokens_out: int | None) -> str:
    if tokens_in is None and tokens_out is None:
        return "tokens in/out unknown"
    return f"{_count(tokens_in)} in, {_count(tokens_out)} out"


def _count(tokens: int | None) -> str:
    return "unknown" if tokens is None else f"{tokens:,}"


def format_outcome(turn: Turn) -> str:
    """Return a line that says why there is no answer, or an empty string if there is one."""
    match turn.status:
        case "failed":
            return f"error: {one_line(turn.error)}"
        case "cancelled":
            return "interrupted"
        case _:
            return ""
