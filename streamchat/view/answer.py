"""The answer alone, unwrapped and without colours, for pipes."""

from __future__ import annotations

from collections.abc import Callable

from streamchat.events import (
    AnswerDelta,
    Event,
    InputReceived,
    InputRequested,
    Notice,
    OutputReceived,
    SpeakerChanged,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    TurnCancelled,
    TurnDone,
    TurnFailed,
)
from streamchat.text.sanitize import SafeOutput, SafeText, Sanitizer, one_line, sanitize
from streamchat.turn import Turn
from streamchat.view import TextView
from streamchat.view.formatting import format_printed
from streamchat.view.requests import format_request

_NEWLINE = sanitize("\n")


class AnswerView(TextView):
    """Writes the answer as it arrives, then a newline.

    Text that the model writes outside of an answer may turn out to introduce a tool call, so it is
    held back until the turn ends.

    Args:
        out: the stream to write to.
        warn: shows the user a line that is not part of the answer.
    """

    def __init__(self, out: SafeOutput, warn: Callable[[SafeText], None]) -> None:
        self._out = out
        self._warn = warn
        self._call_id = ""
        self._written: list[str] = []
        self._prose: list[str] = []
        self._leading = ""
        """Whitespace, held back until something visible follows."""
        self._begun = False
        self._sanitizer = Sanitizer()

    def show(self, turn: Turn, event: Event) -> None:
        match event:
            case AnswerDelta(text, call_id):
                self._restart(call_id)
                self._write(text)
            case TextDelta(text):
                self._prose.append(text)
            case StepStarted() | ToolCallStarted() | SpeakerChanged():
                self._prose = []
            case OutputReceived(text):
                self._warn(format_printed(text))
            case InputRequested():
                for line in format_request(event, "Question: ", "  "):
                    self._warn(sanitize(line))
            case InputReceived(_, answer):
                self._warn(one_line(f"Answered: {answer}"))
            case Notice(text, seconds) if seconds > 0:
                self._warn(one_line(text))
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
        """Start another answer on a new line, since written text cannot be taken back."""
        if self._written and call_id != self._call_id:
            self._end()
            self._written = []
        self._call_id = call_id or ""

    def _write(self, text: str) -> None:
        self._written.append(text)
        self._leading += text
        if not self._begun and not self._leading.strip():
            return  # the agent rejects blank answers
        self._out.write(self._sanitizer.feed(self._leading))
        self._leading, self._begun = "", True
        self._out.flush()

    def _end(self) -> None:
        if self._begun:
            self._out.write(self._sanitizer.finish())
            self._out.write(_NEWLINE)
            self._out.flush()
        self._leading, self._begun = "", False
