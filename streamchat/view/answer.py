"""The answer alone, unwrapped and uncoloured, for a pipe."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from streamchat.events import (
    AnswerDelta,
    Event,
    Notice,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    TurnCancelled,
    TurnDone,
    TurnFailed,
)
from streamchat.text.sanitize import Sanitizer, one_line
from streamchat.turn import Turn
from streamchat.view import TextView


class AnswerView(TextView):
    """Writes the answer as it arrives, and one newline.

    Plain text of a model that was offered tools may yet turn out to stand beside a call. It is
    written when the turn is over.

    Args:
        out: where to.
        tell: takes a line for the user that is no part of the answer.
    """

    def __init__(self, out: TextIO, tell: Callable[[str], None]) -> None:
        self._out = out
        self._tell = tell
        self._call_id = ""
        self._written: list[str] = []
        self._prose: list[str] = []
        self._blank = ""
        """What waits for the first letter."""
        self._begun = False
        self._sanitizer = Sanitizer()

    def show(self, turn: Turn, event: Event) -> None:
        """Writes what the event adds to the answer."""
        match event:
            case AnswerDelta(text, call_id):
                self._restart(call_id)
                self._write(text)
            case TextDelta(text):
                self._prose.append(text)
            case StepStarted() | ToolCallStarted():
                self._prose = []
            case Notice(text, seconds) if seconds > 0:
                self._tell(one_line(text))
            case TurnDone(answer):
                if "".join(self._written) != answer:
                    self._restart()
                    self._write(answer)
                self._end()
            case TurnFailed() | TurnCancelled():
                if not self._written and self._prose:
                    self._write("".join(self._prose))
                if self._written:
                    self._end()

    def _restart(self, call_id: str | None = None) -> None:
        """What was written cannot be taken back: another answer begins on a line of its own."""
        if self._written and call_id != self._call_id:
            self._end()
            self._written = []
        self._call_id = call_id or ""

    def _write(self, text: str) -> None:
        self._written.append(text)
        self._blank += text
        if not self._begun and not self._blank.strip():
            return  # an answer that is nothing else is refused
        self._out.write(self._sanitizer.feed(self._blank))
        self._blank, self._begun = "", True
        self._out.flush()

    def _end(self) -> None:
        if self._begun:
            self._out.write(self._sanitizer.finish() + "\n")
            self._out.flush()
        self._blank, self._begun = "", False
