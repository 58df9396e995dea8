"""`--verbose`: what came over the wire, beside any other view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from streamchat.events import (
    ChunkReceived,
    Event,
    Notice,
    StepFinished,
    StepStarted,
    ToolFinished,
    TurnDone,
    TurnFailed,
    TurnStarted,
)
from streamchat.text.sanitize import sanitize
from streamchat.turn import Turn
from streamchat.view import View
from streamchat.view.formatting import shortened

_MOST_LINE = 4_000
"""Characters of a debug line that are shown."""


class DebugView:
    """Shows events in another view and writes debug lines: chunks, step numbers, timings.

    Args:
        inner: the other view.
        write: takes one line, without its end.
    """

    def __init__(self, inner: View, write: Callable[[str], None]) -> None:
        self._inner = inner
        self._write = write

    def __enter__(self) -> Self:
        self._inner.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._inner.__exit__(exc_type, exc, traceback)

    def show(self, turn: Turn, event: Event) -> None:
        """Writes the event's debug lines and hands it on."""
        for line in _lines(turn, event):
            self._write(sanitize(shortened(line, _MOST_LINE)))
        self._inner.show(turn, event)

    def typed(self, queued: Sequence[str], text: str) -> None:
        """Hands it on."""
        self._inner.typed(queued, text)

    def suspend(self) -> None:
        """Hands it on."""
        self._inner.suspend()


def _lines(turn: Turn, event: Event) -> list[str]:
    match event:
        case TurnStarted(_, model):
            return [f"turn: model {model}"]
        case StepStarted(step):
            return [f"step {step}: request sent"]
        case ChunkReceived():
            return event.lines()
        case StepFinished(step, reason, seconds, first, tokens_in, tokens_out):
            first_token = "no token" if first is None else f"first token after {first:.3f} s"
            return [
                f"step {step}: {first_token}, message whole after {seconds:.3f} s, "
                f"finish_reason {reason or 'unknown'}, "
                f"tokens {_known(tokens_in)} in, {_known(tokens_out)} out"
            ]
        case ToolFinished(call_id, _, failed, seconds):
            outcome = "failed" if failed else "returned"
            return [f"tool {turn.call(call_id).name}: {outcome} after {seconds:.3f} s"]
        case Notice(text):
            return [f"notice: {text}"]
        case TurnDone(_, _, seconds) | TurnFailed(_, seconds):
            return [f"turn: {turn.status} after {seconds:.3f} s, {turn.step} steps"]
        case _:
            return []


def _known(count: int | None) -> str:
    return "unknown" if count is None else str(count)
