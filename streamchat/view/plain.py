"""Whole lines as they complete, for dumb terminals, screen readers and logs."""

from __future__ import annotations

from typing import TextIO

from streamchat.events import (
    ANSWER_TOOL,
    AnswerDelta,
    Event,
    Notice,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
    TurnCancelled,
    TurnDone,
    TurnFailed,
)
from streamchat.safe import one_line, safe
from streamchat.turn import Turn
from streamchat.view import TextView
from streamchat.view.words import MOST_OUTPUT, decoded, figures, shortened


class PlainView(TextView):
    """Says what happens in sentences, and writes the answer line by line, as it is.

    Nothing is written twice, and no cursor is moved.

    Args:
        out: where to.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._step = 0
        self._line: list[str] = []
        """The pieces of the line that is not complete."""
        self._answer: str | None = None
        """The call whose text is being written."""
        self._written: list[str] = []
        """What may be the answer."""

    def show(self, turn: Turn, event: Event) -> None:
        """Writes the lines that the event completes."""
        match event:
            case StepStarted(step) if step != self._step:
                self._written, self._step = [], step
                self._say(f"Step {step}: asking {one_line(turn.model, 60) or 'the model'}.")
            case TextDelta(text):
                self._add(text)
            case AnswerDelta(text, call_id):
                self._begin_answer(call_id)
                self._add(text)
            case ToolCallStarted(_, name) if name != ANSWER_TOOL:
                self._say(f"Calling {one_line(name, 40) or 'a tool without a name'}...")
            case ToolStarted(call_id, arguments):
                self._tell(turn, call_id, f"is called with {decoded(arguments) or 'nothing'}.")
            case ToolFinished(call_id, output, failed):
                told = shortened(safe(output), MOST_OUTPUT)
                self._tell(turn, call_id, f"failed: {told}" if failed else f"returned {told}.")
            case Notice(text):
                self._say(f"Note: {one_line(text)}")
            case StepFinished() | TurnFailed() | TurnCancelled():
                self._end_line()
            case TurnDone(answer):
                if "".join(self._written) != answer:
                    self._begin_answer(None)
                    self._add(answer)
                self._say(f"Done: {', '.join(figures(turn))}.")

    def _begin_answer(self, call_id: str | None) -> None:
        if not self._written or call_id != self._answer:
            self._say("The answer:")
            self._written = []
        self._answer = call_id

    def _tell(self, turn: Turn, call_id: str, what: str) -> None:
        call = turn.call(call_id)
        if call.name != ANSWER_TOOL or call.failed:
            self._say(f"{one_line(call.name, 40) or 'the call'} {what}")

    def _add(self, text: str) -> None:
        self._written.append(text)
        *lines, rest = text.split("\n")
        for line in lines:
            self._line.append(line)
            self._write("".join(self._line))
            self._line = []
        self._line += [rest] if rest else []

    def _say(self, sentence: str) -> None:
        self._end_line()
        self._write(sentence)

    def _end_line(self) -> None:
        if self._line:
            self._write("".join(self._line))
            self._line = []

    def _write(self, line: str) -> None:
        self._out.write(safe(line + "\n"))
        self._out.flush()
