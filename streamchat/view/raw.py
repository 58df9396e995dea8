"""The token view: every fragment and token as it arrives, followed by `|`."""

from __future__ import annotations

from collections.abc import Sequence

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
from streamchat.text.sanitize import SafeOutput, one_line, sanitize
from streamchat.turn import Turn
from streamchat.view import TextView
from streamchat.view.formatting import MOST_OUTPUT, shorten

SEPARATOR = "|"
"""Follows each fragment."""
_LONGEST_NAME = 100
_LONGEST_FRAGMENT = 10_000
_REASONING = "\0reasoning"
"""Stands for the reasoning where a call's ID would: no ID begins like that."""


class RawView(TextView):
    """Writes each call's name, its fragments as they arrive, its result, and text by tokens.

    Args:
        out: the stream to write on.
        whole_lines: write a line only when it is complete, so that other output does not break it.
    """

    def __init__(self, out: SafeOutput, *, whole_lines: bool = False) -> None:
        self._out = out
        self._whole_lines = whole_lines
        self._held: list[str] = []
        self._announced_messages = 0
        """Queued messages that were written."""
        self._open: str | None = None
        """The owner of the unfinished line: a call's ID, `_REASONING`, or "" for prose."""
        self._announced: str | None = None
        """The call that the line before names."""

    def show(self, turn: Turn, event: Event) -> None:
        match event:
            case ToolCallStarted(call_id, name):
                self._write_line(f"Calling {one_line(name, _LONGEST_NAME)}...")
                self._announced = call_id
            case ArgumentsDelta(call_id, fragment):
                self._continue(call_id, turn)
                self._write(shorten(fragment, _LONGEST_FRAGMENT) + SEPARATOR)
            case ReasoningDelta(text):
                self._continue(_REASONING, turn)
                self._write(text + SEPARATOR)
            case TextDelta(text) | AnswerDelta(text, ""):
                self._continue("", turn)
                self._write(text + SEPARATOR)
            case ToolFinished(call_id, output, failed):
                self._write_result(turn.call(call_id).name, output, failed)
            case Notice(text):
                self._write_line(f"({one_line(text)})")
            case StepFinished() | TurnDone() | TurnFailed() | TurnCancelled():
                self._end_line()

    def show_typed(self, queued: Sequence[str], text: str) -> None:
        for message in queued[self._announced_messages :]:
            self._write_line(f"(queued: {one_line(message)})")
        self._announced_messages = len(queued)

    def _write_result(self, name: str, output: str, failed: bool) -> None:
        name = one_line(name, _LONGEST_NAME)
        if failed:
            self._write_line(f"{name} failed: {shorten(output, MOST_OUTPUT)}")
        elif output:
            self._write_line(f"{name} → {shorten(output, MOST_OUTPUT)}")

    def _continue(self, owner: str, turn: Turn) -> None:
        """Begin a line that names its owner, unless the line is its own already."""
        if self._open == owner:
            return
        self._end_line()
        if owner == _REASONING:
            self._write("thinking: ")
        elif owner not in ("", self._announced):
            self._write(f"{one_line(turn.call(owner).name, _LONGEST_NAME)}: ")
        self._open = owner

    def _write_line(self, text: str) -> None:
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
        self._out.write(sanitize("".join(self._held)))
        self._out.flush()
        self._held = []
