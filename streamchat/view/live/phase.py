"""What a turn is doing, in words."""

from __future__ import annotations

from streamchat.events import ANSWER_TOOL
from streamchat.turn import Answer, Code, Note, Prose, Reasoning, ToolCall, Turn
from streamchat.view.formatting import format_tool_name, format_waiting


def find_phase(turn: Turn) -> tuple[str, bool]:
    """Return what the turn is doing, and whether the screen shows that by itself."""
    if any(isinstance(each, ToolCall) and each.state == "running" for each in turn.blocks):
        return "", True
    blocks = [block for block in turn.blocks if not isinstance(block, Note)]
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
