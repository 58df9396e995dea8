"""Whole lines as they complete, for dumb terminals, screen readers and logs."""

from __future__ import annotations

from streamchat.events import (
    ANSWER_TOOL,
    AnswerDelta,
    ApprovalGiven,
    ApprovalRequested,
    Event,
    InputReceived,
    InputRequested,
    Notice,
    OutputReceived,
    ReasoningDelta,
    SpeakerChanged,
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
from streamchat.text.sanitize import SafeOutput, one_line, sanitize
from streamchat.turn import Turn
from streamchat.view import TextView
from streamchat.view.formatting import (
    MAX_OUTPUT,
    format_arguments,
    format_figures,
    format_printed,
    format_speaker,
    format_tool_name,
    shorten,
)
from streamchat.view.question import KeyQuestion
from streamchat.view.repeats import count_earlier
from streamchat.view.requests import describe_approval, format_approval_request, format_request

_INDENT = "  "


class PlainView(TextView):
    """Describes what happens in sentences, and writes the answer line by line.

    Nothing is written twice, and the cursor is never moved.

    Args:
        out: the stream to write to.
        hide_reasoning: whether to say only that the model reasons.
    """

    def __init__(self, out: SafeOutput, *, hide_reasoning: bool = False) -> None:
        self._out = out
        self._hides_reasoning = hide_reasoning
        self._step = 0
        self._line: list[str] = []
        """The pieces of the incomplete line."""
        self._answer_call: str | None = None
        """The ID of the call that carries the answer."""
        self._written: list[str] = []
        """The pieces of the answer written so far."""
        self._prose: list[str] = []
        """Text that may turn out to be the answer."""
        self._in_answer = False
        self._in_reasoning = False

    def show(self, turn: Turn, event: Event) -> None:
        match event:
            case StepStarted(step) if step != self._step:
                self._written, self._prose, self._step = [], [], step
                self._say(f"Step {step}: asking {one_line(turn.model, 60) or 'the model'}.")
            case ReasoningDelta(text):
                self._add_reasoning(text)
            case TextDelta(text):
                self._end_reasoning()
                self._switch_to(answer=False)
                self._prose.append(text)
                self._add_text(text)
            case AnswerDelta(text, call_id):
                self._begin_answer(call_id)
                self._add_answer(text)
            case ToolCallStarted(_, name) if name != ANSWER_TOOL:
                self._say(f"Calling {format_tool_name(name)}...")
            case ApprovalRequested():
                self._say(f"Question: {one_line(format_approval_request(event))}")
            case ApprovalGiven(call_id):
                self._report_call(turn, call_id, f"is {one_line(describe_approval(event))}.")
            case ToolStarted(call_id, arguments):
                shown = format_arguments(arguments)
                self._report_call(turn, call_id, f"is called with {shown or 'no arguments'}.")
            case ToolFinished(call_id, output, failed):
                shown = shorten(output, MAX_OUTPUT)
                outcome = f"failed: {shown}" if failed else f"returned {shown}."
                if earlier := count_earlier(turn.blocks, turn.call(call_id)):
                    outcome = f"failed in the same way ({earlier + 1} times now)."
                self._report_call(turn, call_id, outcome)
            case Notice(text):
                self._say(f"Note: {one_line(text)}")
            case SpeakerChanged(name):
                self._written, self._prose = [], []
                self._say(f"{format_speaker(name)} says:")
            case OutputReceived(text) if text.strip():
                self._announce(f"Printed: {format_printed(text)}")
            case InputRequested():
                for line in format_request(event, "Question: ", _INDENT):
                    self._say(line)
            case InputReceived(_, answer):
                self._say(f"Answered: {one_line(answer)}")
            case StepFinished() | TurnFailed() | TurnCancelled():
                self._end_line()
            case TurnDone(answer):
                if "".join(self._written or self._prose) != answer:
                    self._begin_answer(None)
                    self._add_answer(answer)
                self._say(f"Done: {', '.join(format_figures(turn))}.")

    def announce_queued(self, message: str) -> None:
        self._announce(f"Queued: {one_line(message)}")

    def announce_question(self, question: KeyQuestion) -> None:
        self._announce(one_line(question.describe(), MAX_OUTPUT))

    def _announce(self, sentence: str) -> None:
        # Nothing of an incomplete line has been written, so this cannot end up in the middle of it.
        self._write(sentence)

    def _add_reasoning(self, text: str) -> None:
        if not self._in_reasoning:
            self._say("Reasoning." if self._hides_reasoning else "Reasoning:")
            self._line, self._in_reasoning = [_INDENT], True
        if not self._hides_reasoning:
            self._add_text(text.replace("\n", "\n" + _INDENT))

    def _end_reasoning(self) -> None:
        if self._in_reasoning:
            self._say("Reply:")

    def _begin_answer(self, call_id: str | None) -> None:
        if not self._written or call_id != self._answer_call:
            self._say("The answer:")
            self._written = []
        self._switch_to(answer=True)
        self._answer_call = call_id

    def _switch_to(self, *, answer: bool) -> None:
        """End the line on a change between the answer and other text."""
        if self._in_answer is not answer:
            self._end_line()
        self._in_answer = answer

    def _report_call(self, turn: Turn, call_id: str, what: str) -> None:
        call = turn.call(call_id)
        if call.name != ANSWER_TOOL or call.failed:
            self._say(f"{format_tool_name(call.name)} {what}")

    def _add_answer(self, text: str) -> None:
        self._written.append(text)
        self._add_text(text)

    def _add_text(self, text: str) -> None:
        """Write the lines that the text completes."""
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
        self._in_reasoning = False
        if (line := "".join(self._line)).strip():
            self._write(line)
        self._line = []

    def _write(self, line: str) -> None:
        self._out.write(sanitize(line + "\n"))
        self._out.flush()
