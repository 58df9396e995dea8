"""The state of a turn, folded from its events: pure, without a clock, a width or a screen."""

from __future__ import annotations

from streamchat.turn.blocks import (
    Answer,
    Block,
    Code,
    Note,
    Output,
    Prose,
    Question,
    Reasoning,
    Result,
    Speaker,
    ToolCall,
)
from streamchat.turn.finding import find_answer, find_unasked
from streamchat.turn.folding import accumulate, advance, fold, reduce
from streamchat.turn.state import Turn

__all__ = [
    "Answer",
    "Block",
    "Code",
    "Note",
    "Output",
    "Prose",
    "Question",
    "Reasoning",
    "Result",
    "Speaker",
    "ToolCall",
    "Turn",
    "accumulate",
    "advance",
    "find_answer",
    "find_unasked",
    "fold",
    "reduce",
]
