"""Keeps the text of a turn that may be its answer, as a view shows it."""

from __future__ import annotations

from collections.abc import Callable

from streamchat.events import AnswerDelta, Event, StepStarted, TextDelta, ToolCallStarted


class AnswerText:
    """Passes events on, and keeps the text in them.

    Args:
        emit: takes the events.
    """

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self._emit = emit
        self._answer: list[str] = []
        self._call_id = ""
        self._prose: list[str] = []

    @property
    def text(self) -> str:
        """The answer, or else the text of the latest message after its calls."""
        return "".join(self._answer) or "".join(self._prose)

    def __call__(self, event: Event) -> None:
        """Pass an event on."""
        match event:
            case AnswerDelta(text, call_id):
                if call_id != self._call_id:
                    self._answer, self._call_id = [], call_id
                self._answer.append(text)
            case TextDelta(text):
                self._prose.append(text)
            case ToolCallStarted() | StepStarted():
                self._prose = []
        self._emit(event)
