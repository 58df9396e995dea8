"""The token view: every fragment and token as it arrives, followed by `|`."""

from __future__ import annotations

from streamchat.events import (
    AnswerDelta,
    ApprovalGiven,
    ApprovalRequested,
    ArgumentsDelta,
    CodeDelta,
    Event,
    InputReceived,
    InputRequested,
    Notice,
    OutputReceived,
    ReasoningDelta,
    SpeakerChanged,
    StepFinished,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    TurnCancelled,
    TurnDone,
    TurnFailed,
)
from streamchat.text.sanitize import SafeOutput, SafeText, join, one_line, sanitize
from streamchat.turn import Turn
from streamchat.view import TextView
from streamchat.view.formatting import (
    MAX_OUTPUT,
    format_printed,
    format_speaker,
    format_tool_name,
    shorten,
)
from streamchat.view.requests import describe_approval, format_approval_request, format_request

SEPARATOR = sanitize("|")
"""Follows each fragment."""
_MAX_NAME = 100
_MAX_FRAGMENT = 10_000
_REASONING, _CODE = "\0reasoning", "\0code"
"""Stand in for a call ID while reasoning or code streams; no real ID begins with NUL."""


class RawView(TextView):
    """Writes each call's name, its fragments as they arrive, its result, and text token by token.

    Args:
        out: the stream to write to.
        whole_lines: write a line only when it is complete, so that other output does not break it.
        separator: follows each fragment; a color tells it from the bars of the text.
    """

    def __init__(
        self, out: SafeOutput, *, whole_lines: bool = False, separator: SafeText = SEPARATOR
    ) -> None:
        self._out = out
        self._whole_lines = whole_lines
        self._separator = separator
        self._held: list[SafeText] = []
        self._owner: str | None = None
        """Whose unfinished line this is: a call's ID, `_REASONING`, or "" for prose."""
        self._announced: str | None = None
        """The ID of the call that the previous line names."""
        self._printed: list[str] = []
        """Lines of the agent's code that wait for the end of the unfinished line."""

    def show(self, turn: Turn, event: Event) -> None:
        match event:
            case ToolCallStarted(call_id, name):
                self._write_line(f"Calling {format_tool_name(name, _MAX_NAME)}...")
                self._announced = call_id
            case ArgumentsDelta(call_id, fragment):
                self._switch_to(call_id, turn)
                self._write_piece(shorten(fragment, _MAX_FRAGMENT))
            case CodeDelta(text):
                self._switch_to(_CODE, turn)
                self._write_piece(text)
            case ReasoningDelta(text):
                self._switch_to(_REASONING, turn)
                self._write_piece(text)
            case TextDelta(text) | AnswerDelta(text, ""):
                self._switch_to("", turn)
                self._write_piece(text)
            case ApprovalRequested():
                self._write_line(f"? {one_line(format_approval_request(event))}")
            case ApprovalGiven(call_id):
                name = format_tool_name(turn.call(call_id).name, _MAX_NAME)
                self._write_line(f"{name}: {one_line(describe_approval(event))}")
            case ToolFinished(call_id, output, failed):
                self._write_result(turn.call(call_id).name, output, failed)
            case Notice(text):
                self._write_line(f"({one_line(text)})")
            case SpeakerChanged(name):
                self._write_line(f"{format_speaker(name)} ›")
            case OutputReceived(text, origin):
                self._print(f"({one_line(origin, 20)}: {format_printed(text)})")
            case InputRequested():
                for line in format_request(event, "? ", "  "):
                    self._write_line(line)
            case InputReceived(_, answer):
                self._write_line(f"→ {one_line(answer)}")
            case StepFinished() | TurnDone() | TurnFailed() | TurnCancelled():
                self._end_line()

    def announce_queued(self, message: str) -> None:
        self._write_line(f"(queued: {one_line(message)})")

    def _write_result(self, name: str, output: str, failed: bool) -> None:
        name = format_tool_name(name, _MAX_NAME)
        if failed:
            self._write_line(f"{name} failed: {shorten(output, MAX_OUTPUT)}")
        elif output:
            self._write_line(f"{name} → {shorten(output, MAX_OUTPUT)}")

    def _switch_to(self, owner: str, turn: Turn) -> None:
        """Begin a line that names its owner, unless the unfinished line is already theirs."""
        if self._owner == owner:
            return
        self._end_line()
        if owner == _REASONING:
            self._write("thinking: ")
        elif owner == _CODE:
            self._write("calling: ")
        elif owner not in ("", self._announced):
            self._write(f"{format_tool_name(turn.call(owner).name, _MAX_NAME)}: ")
        self._owner = owner

    def _write_line(self, text: str) -> None:
        self._end_line()
        self._announced = None
        self._write(text + "\n")
        self._flush()

    def _print(self, line: str) -> None:
        if self._owner is None:
            self._write_line(line)
        else:
            self._printed.append(line)

    def _end_line(self) -> None:
        if self._owner is not None:
            self._write("\n")
            self._owner = self._announced = None
        for line in self._printed:
            self._write(line + "\n")
        self._printed = []
        self._flush()

    def _write_piece(self, text: str) -> None:
        self._write(text, self._separator)

    def _write(self, text: str, *more: SafeText) -> None:
        self._held += [sanitize(text), *more]
        if not self._whole_lines:
            self._flush()

    def _flush(self) -> None:
        self._out.write(join(*self._held))
        self._out.flush()
        self._held = []
