"""The answer alone, verbatim, for a pipe."""

from __future__ import annotations

from typing import TextIO

from streamchat.events import AnswerDelta, Event, TurnCancelled, TurnDone, TurnFailed
from streamchat.turn import Turn
from streamchat.view import TextView


class AnswerView(TextView):
    """Writes the answer as it arrives, unwrapped and uncoloured, and one newline.

    Plain text of a model that was offered tools may yet turn out to stand beside a call. It is
    written when the turn is done.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._call_id = ""
        self._written: list[str] = []

    def show(self, turn: Turn, event: Event) -> None:
        """Writes what the event adds to the answer."""
        match event:
            case AnswerDelta(text, call_id):
                self._restart(call_id)
                self._write(text)
            case TurnDone(answer):
                if "".join(self._written) != answer:
                    self._restart()
                    self._write(answer)
                self._write("\n")
            case TurnFailed() | TurnCancelled() if self._written:
                self._write("\n")

    def _restart(self, call_id: str | None = None) -> None:
        """What was written cannot be taken back: another answer begins on a line of its own."""
        if self._written and call_id != self._call_id:
            self._write("\n")
            self._written = []
        self._call_id = call_id or ""

    def _write(self, text: str) -> None:
        self._written.append(text)
        self._out.write(text)
        self._out.flush()
