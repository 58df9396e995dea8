"""The token view: every fragment and token as it comes, with `|` after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from streamchat.events import (
    AnswerDelta,
    ArgumentsDelta,
    Event,
    Notice,
    ReasoningDelta,
    StepFinished,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    TurnCancelled,
    TurnDone,
    TurnFailed,
)
from streamchat.text.sanitize import one_line, sanitize
from streamchat.turn import Turn
from streamchat.view import TextView
from streamchat.view.formatting import MOST_OUTPUT, shortened

SEPARATOR = "|"
"""What stands after each fragment."""
_LONGEST_NAME = 100
_LONGEST_FRAGMENT = 10_000
_REASONING_FIELDS = "\0thoughts"
"""Stands for thoughts where a call's id would: no id begins like that."""


class RawView(TextView):
    """Writes each call's name, its fragments as they arrive, its result, and text by tokens.

    Args:
        out: where to.
        whole_lines: whether a line is written only when it is complete, so that other output
            between its pieces does not break it.
    """

    def __init__(self, out: TextIO, *, whole_lines: bool = False) -> None:
        self._out = out
        self._whole_lines = whole_lines
        self._held: list[str] = []
        self._told = 0
        """Of how many queued messages was told."""
        self._open: str | None = None
        """What the unfinished line is of: a call's id, thoughts, or the empty text for prose."""
        self._announced: str | None = None
        """The call whose name stands on the line before."""

    def show(self, turn: Turn, event: Event) -> None:
        """Writes what the event adds."""
        match event:
            case ToolCallStarted(call_id, name):
                self._line(f"Calling {one_line(name, _LONGEST_NAME)}...")
                self._announced = call_id
            case ArgumentsDelta(call_id, fragment):
                self._continue(call_id, turn)
                self._write(sanitize(shortened(fragment, _LONGEST_FRAGMENT)) + SEPARATOR)
            case ReasoningDelta(text):
                self._continue(_REASONING_FIELDS, turn)
                self._write(sanitize(text) + SEPARATOR)
            case TextDelta(text) | AnswerDelta(text, ""):
                self._continue("", turn)
                self._write(sanitize(text) + SEPARATOR)
            case ToolFinished(call_id, output, failed):
                self._result(turn.call(call_id).name, output, failed)
            case Notice(text):
                self._line(f"({one_line(text)})")
            case StepFinished() | TurnDone() | TurnFailed() | TurnCancelled():
                self._end_line()

    def typed(self, queued: Sequence[str], text: str) -> None:
        """Tells of each new message that is to be sent."""
        for message in queued[self._told :]:
            self._line(f"(queued: {one_line(message)})")
        self._told = len(queued)

    def _result(self, name: str, output: str, failed: bool) -> None:
        name, shown = one_line(name, _LONGEST_NAME), sanitize(shortened(output, MOST_OUTPUT))
        if failed:
            self._line(f"{name} failed: {shown}")
        elif output:
            self._line(f"{name} → {shown}")

    def _continue(self, owner: str, turn: Turn) -> None:
        """Calls that arrive interleaved take turns: each goes on in a line that names it."""
        if self._open == owner:
            return
        self._end_line()
        if owner == _REASONING_FIELDS:
            self._write("thinking: ")
        elif owner not in ("", self._announced):
            self._write(f"{one_line(turn.call(owner).name, _LONGEST_NAME)}: ")
        self._open = owner

    def _line(self, text: str) -> None:
        self._end_line()
        self._announced = None
        self._write(text + "\n")
        self._flush()

    def _end_line(self) -> None:
        if self._open is not None:
            self._write("\n")
            self._open = self._announced = None
        self._flush()

    def _write(self, text: str) -> None:
        self._held.append(text)
        if not self._whole_lines:
            self._flush()

    def _flush(self) -> None:
        self._out.write("".join(self._held))
        self._out.flush()
        self._held = []
