"""Whole lines as they complete, for dumb terminals, screen readers and logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from streamchat.events import (
    ANSWER_TOOL,
    AnswerDelta,
    Event,
    Notice,
    ReasoningDelta,
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
from streamchat.text.sanitize import Sanitizer, one_line, sanitize
from streamchat.turn import Turn
from streamchat.view import TextView
from streamchat.view.formatting import MOST_OUTPUT, decoded, figures, shortened

_INDENT = "  "


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
        """The answer as far as it is known to be one."""
        self._prose: list[str] = []
        """What may turn out to be the answer."""
        self._in_answer = False
        self._thinking = False
        self._sanitizer = Sanitizer()
        self._told = 0
        """Of how many queued messages was told."""

    def show(self, turn: Turn, event: Event) -> None:
        """Writes the lines that the event completes."""
        match event:
            case StepStarted(step) if step != self._step:
                self._written, self._prose, self._step = [], [], step
                self._say(f"Step {step}: asking {one_line(turn.model, 60) or 'the model'}.")
            case ReasoningDelta(text):
                self._think(text)
            case TextDelta(text):
                self._end_reasoning()
                self._change_to(answer=False)
                self._prose.append(text)
                self._break(text)
            case AnswerDelta(text, call_id):
                self._begin_answer(call_id)
                self._add(text)
            case ToolCallStarted(_, name) if name != ANSWER_TOOL:
                self._say(f"Calling {one_line(name, 64) or 'a tool without a name'}...")
            case ToolStarted(call_id, arguments):
                self._tell(turn, call_id, f"is called with {decoded(arguments) or 'nothing'}.")
            case ToolFinished(call_id, output, failed):
                told = shortened(sanitize(output), MOST_OUTPUT)
                self._tell(turn, call_id, f"failed: {told}" if failed else f"returned {told}.")
            case Notice(text):
                self._say(f"Note: {one_line(text)}")
            case StepFinished() | TurnFailed() | TurnCancelled():
                self._end_line()
            case TurnDone(answer):
                if "".join(self._written or self._prose) != answer:
                    self._begin_answer(None)
                    self._add(answer)
                self._say(f"Done: {', '.join(figures(turn))}.")

    def typed(self, queued: Sequence[str], text: str) -> None:
        """Tells of each new message that is to be sent."""
        for message in queued[self._told :]:
            self._write(f"Queued: {one_line(message)}")  # what of a line has come is still held
        self._told = len(queued)

    def _think(self, text: str) -> None:
        if not self._thinking:
            self._say("The model thinks:")
            self._line, self._thinking = [_INDENT], True
        self._break(text.replace("\n", "\n" + _INDENT))

    def _end_reasoning(self) -> None:
        if self._thinking:
            self._say("Now it says:")

    def _begin_answer(self, call_id: str | None) -> None:
        if not self._written or call_id != self._answer:
            self._say("The answer:")
            self._written = []
        self._change_to(answer=True)
        self._answer = call_id

    def _change_to(self, *, answer: bool) -> None:
        """The answer and other text take turns, each in lines of its own."""
        if self._in_answer is not answer:
            self._end_line()
        self._in_answer = answer

    def _tell(self, turn: Turn, call_id: str, what: str) -> None:
        call = turn.call(call_id)
        if call.name != ANSWER_TOOL or call.failed:
            self._say(f"{one_line(call.name, 64) or 'the call'} {what}")

    def _add(self, text: str) -> None:
        self._written.append(text)
        self._break(text)

    def _break(self, text: str) -> None:
        """Writes the lines that the text completes."""
        *lines, rest = self._sanitizer.feed(text).split("\n")
        for line in lines:
            self._line.append(line)
            self._write("".join(self._line))
            self._line = []
        self._line += [rest] if rest else []

    def _say(self, sentence: str) -> None:
        self._end_line()
        self._write(sentence)

    def _end_line(self) -> None:
        self._thinking = False
        self._line.append(self._sanitizer.finish())
        if (line := "".join(self._line)).strip():
            self._write(line)
        self._line = []

    def _write(self, line: str) -> None:
        self._out.write(line + "\n")
        self._out.flush()
