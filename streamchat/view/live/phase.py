"""What a turn is doing, in words."""

from __future__ import annotations

from streamchat.events import ANSWER_TOOL
from streamchat.turn import (
    Answer,
    Block,
    Code,
    Note,
    Output,
    Prose,
    Question,
    Reasoning,
    ToolCall,
    Turn,
)
from streamchat.view.formatting import format_tool_name, format_waiting

_QUIET = 2.0
"""Seconds without an event before they are counted."""


def format_status(turn: Turn, quiet: float, *, hides_reasoning: bool) -> str:
    """Return what the turn is doing, or nothing if the screen shows that by itself.

    Args:
        turn: the turn.
        quiet: seconds since its last event.
        hides_reasoning: whether reasoning does not show.
    """
    phase, moves = find_phase(turn)
    moves = moves and not (phase == "thinking" and hides_reasoning)
    if not phase or (moves and quiet < _QUIET):
        return ""
    since = f", last byte {quiet:.0f} s ago" if moves else f", {quiet:.0f} s"
    return f"{phase}{since if quiet >= _QUIET else ''}"


def format_awaited(what: str, quiet: float) -> str:
    """Return what a turn waits for before its first event, and how long if it takes a while."""
    return f"{what}, {quiet:.0f} s" if quiet >= _QUIET else what


def find_phase(turn: Turn) -> tuple[str, bool]:
    """Return what the turn is doing, and whether the screen shows that by itself."""
    if any(map(_is_running, turn.blocks)):
        return "", True
    if any(isinstance(each, ToolCall) and each.is_asked for each in turn.blocks):
        return "", True
    if any(isinstance(each, Question) and each.answer is None for each in turn.blocks):
        return "", True
    blocks = [block for block in turn.blocks if not isinstance(block, Note | Output)]
    match blocks[-1] if blocks else None:
        case Answer(refused=False):
            return "receiving the answer", True
        case Prose():
            return "receiving text", True
        case Reasoning():
            return "thinking", True
        case Code():
            return "receiving a call", True
        case ToolCall(name=name, state="arriving") if name == ANSWER_TOOL:
            return "receiving the answer", False
        case ToolCall(name=name, state="arriving"):
            return f"receiving a call to {format_tool_name(name)}", True
        case _:
            return format_waiting(turn), False


def _is_running(block: Block) -> bool:
    """Whether the panel of a call shows that its tool runs."""
    return isinstance(block, ToolCall) and block.state == "running" and not block.opened
