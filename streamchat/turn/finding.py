"""What others ask of a turn."""

from __future__ import annotations

from streamchat.events import NOBODY
from streamchat.turn.blocks import Prose, ToolCall
from streamchat.turn.state import Turn


def find_answer(turn: Turn) -> str:
    """Return the answer so far: text that no call has followed yet counts as one."""
    if answer := turn.answer.text:
        return answer
    texts: list[str] = []
    for block in turn.blocks:
        match block:
            case ToolCall():
                texts = []
            case Prose(text):
                texts.append(text.text)
    return texts[-1] if texts and turn.status != "done" else ""


def find_unasked(turn: Turn) -> list[str]:
    """Return the names of the tools whose calls did not run because nobody could be asked."""
    names = [
        block.name
        for block in turn.blocks
        if isinstance(block, ToolCall) and block.approval and block.approval.reason == NOBODY
    ]
    return list(dict.fromkeys(names))
