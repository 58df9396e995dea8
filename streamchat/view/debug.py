"""`--verbose`: what came over the wire, alongside any other view."""

from __future__ import annotations

from collections.abc import Callable

from streamchat.events import (
    ApprovalGiven,
    ApprovalRequested,
    ChunkReceived,
    Event,
    InputReceived,
    InputRequested,
    Notice,
    PromptProgress,
    SpeakerChanged,
    StepFinished,
    StepStarted,
    ToolFinished,
    TurnDone,
    TurnFailed,
    TurnStarted,
)
from streamchat.text.sanitize import SafeText, sanitize
from streamchat.turn import Turn
from streamchat.view import ForwardingView, View
from streamchat.view.formatting import (
    format_steps,
    format_tokens,
    format_tool_name,
    shorten,
)
from streamchat.view.requests import describe_approval

_MAX_LINE = 4_000
"""Characters of a debug line that are shown."""


class DebugView(ForwardingView):
    """Writes debug lines alongside another view: chunks, step numbers, timings.

    Args:
        inner: the other view.
        write: writes one line, given without its line ending.
    """

    def __init__(self, inner: View, write: Callable[[SafeText], None]) -> None:
        super().__init__(inner)
        self._write = write

    def show(self, turn: Turn, event: Event) -> None:
        for line in _describe(turn, event):
            self._write(sanitize(shorten(line, _MAX_LINE)))
        super().show(turn, event)


def _describe(turn: Turn, event: Event) -> list[str]:
    match event:
        case TurnStarted(_, model):
            return [f"turn: model {model}" if model else "turn: started"]
        case StepStarted(step):
            return [f"step {step}: request sent"]
        case ChunkReceived():
            return event.lines()
        case PromptProgress(done, total):
            return [f"prompt: {done:,} of {total:,} tokens read"]
        case StepFinished(step, reason, seconds, first, tokens_in, tokens_out):
            tokens = format_tokens(tokens_in, tokens_out)
            figures = [
                "no token" if first is None else f"first token after {first:.3f} s",
                f"message complete after {seconds:.3f} s",
                f"finish_reason {reason}" if reason else "",
                f"tokens {tokens}" if tokens else "",
            ]
            return [f"step {step}: {', '.join(filter(None, figures))}"]
        case ApprovalRequested(call_id, name):
            return [f"approval {call_id}: requested for {format_tool_name(name)}"]
        case ApprovalGiven(call_id):
            return [f"approval {call_id}: {describe_approval(event)}"]
        case ToolFinished(call_id, _, failed, seconds):
            outcome = "failed" if failed else "returned"
            name = format_tool_name(turn.call(call_id).name)
            return [f"tool {name}: {outcome} after {seconds:.3f} s"]
        case Notice(text):
            return [f"notice: {text}"]
        case SpeakerChanged(name, depth):
            return [f"speaker: {name}, depth {depth}"]
        case InputRequested(request_id):
            return [f"input {request_id}: requested"]
        case InputReceived(request_id):
            return [f"input {request_id}: received"]
        case TurnDone(_, _, seconds) | TurnFailed(_, seconds):
            return [f"turn: {turn.status} after {seconds:.3f} s, {format_steps(turn.step)}"]
        case _:
            return []
