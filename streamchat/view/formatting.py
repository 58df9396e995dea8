"""Figures, arguments and long texts as people read them: plain text, not yet sanitized."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from streamchat.text.sanitize import SafeText, one_line, sanitize
from streamchat.turn import Turn

MAX_OUTPUT = 2_000
"""Characters of a tool's result that are shown."""
_MAX_VALUE = 300


def format_tool_name(name: str, limit: int = 64) -> SafeText:
    """Return the name on one line of at most `limit` characters; some models send a blank one."""
    return one_line(name, limit) or one_line("unnamed tool")


def format_arguments(arguments: Mapping[str, Any]) -> str:
    """Return a call's arguments as assignments separated by commas, with long values shortened."""
    return ", ".join(
        f"{one_line(name, 64)} = {shorten(format_value(value), _MAX_VALUE)}"
        for name, value in arguments.items()
    )


def format_call(name: str, arguments: Mapping[str, Any]) -> str:
    """Return a call as Python writes it, in full: the user may have to decide about it."""
    return f"{format_tool_name(name)}({format_keywords(arguments)})"


def format_keywords(arguments: Mapping[str, Any]) -> str:
    """Return a call's arguments as Python writes them."""
    return ", ".join(
        f"{one_line(name, 64)}={format_value(each)}" for name, each in arguments.items()
    )


def format_speaker(name: str) -> SafeText:
    """Return the name of a node on one line."""
    return one_line(name, 64) or one_line("agent")


def format_printed(text: str) -> SafeText:
    """Return a line that the agent's code has printed, with its spaces; a long one is shortened."""
    return sanitize(shorten(" ".join(text.splitlines()).rstrip(), MAX_OUTPUT))


def format_value(value: Any) -> str:
    """Return an argument's value as JSON, with all of Unicode."""
    return json.dumps(value, ensure_ascii=False, default=str)


def format_duration(seconds: float) -> str:
    """Return a duration with only as many digits as matter to a reader."""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.001 else "<1 ms"


def format_size(size: int) -> str:
    """Return a number of bytes in the unit that people use for it, such as "491 MB"."""
    for unit, factor, digits in (("GB", 10**9, 1), ("MB", 10**6, 0), ("kB", 10**3, 0)):
        if size >= factor:
            return f"{size / factor:.{digits}f} {unit}"
    return f"{size} bytes"


def format_age(seconds: float) -> str:
    """Return an age in the largest unit that it fills, such as "3 days"."""
    whole = max(int(seconds), 0)  # the clock may have been set back
    for unit, size in (("day", 86_400), ("h", 3_600), ("min", 60)):
        if count := whole // size:
            return f"{count} {unit}{'s' * (unit == 'day' and count > 1)}"
    return f"{whole} s"


def shorten(text: str, limit: int) -> str:
    """Return the text, or its first `limit` characters and how many more there are."""
    left_out = len(text) - limit
    return f"{text[:limit]} ({left_out:,} more characters)" if left_out > 0 else text


def format_figures(turn: Turn, *, brief: bool = False) -> list[str]:
    """Return the model, steps, time to the first token, speed, tokens and duration, where known.

    Brief figures do without the time to the first token.
    """
    first = None if brief else turn.first_token_seconds
    figures = [
        one_line(turn.model, 60),
        format_steps(turn.step),
        "" if first is None else f"first token {first:.2f} s",
        _format_speed(turn),
        format_tokens(turn.input_tokens, turn.output_tokens),
        f"{turn.seconds:.1f} s",
    ]
    return [figure for figure in figures if figure]


def format_steps(count: int) -> str:
    """Return a number of steps with the noun."""
    return f"{count} step" + "s" * (count != 1)


def _format_speed(turn: Turn) -> str:
    if not turn.output_tokens or turn.generation_seconds <= 0:
        return ""
    return f"{turn.output_tokens / turn.generation_seconds:.0f} tok/s"


def format_waiting(turn: Turn) -> str:
    """Return what a turn is waiting for before the first piece of a message."""
    progress = turn.prompt_progress
    if progress is None or progress.done == progress.total:
        return "waiting for the model"
    return f"reading the prompt {progress.done * 100 // progress.total} %"


def format_tokens(tokens_in: int | None, tokens_out: int | None) -> str:
    """Return the token counts that are known."""
    counts = {"in": tokens_in, "out": tokens_out}
    return ", ".join(f"{count:,} {way}" for way, count in counts.items() if count is not None)
