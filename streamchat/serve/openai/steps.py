"""The agent's work as text: calls with their fragments between bars, results, reasoning. Pure."""

from __future__ import annotations

from streamchat.events import (
    ANSWER_TOOL,
    AnswerDelta,
    Event,
    ReasoningDelta,
    TextDelta,
    ToolCallStarted,
)
from streamchat.serve.openai.answer import Depths
from streamchat.text.sanitize import SafeText, sanitize
from streamchat.turn import Turn, reduce
from streamchat.view.raw import RawView


class _Written:
    """Takes what a view writes."""

    def __init__(self) -> None:
        self._texts: list[SafeText] = []

    def write(self, text: SafeText, /) -> None:
        self._texts.append(text)

    def flush(self) -> None:
        pass

    def take(self) -> str:
        text = "".join(self._texts)
        self._texts = []
        return text


class StepsText:
    """Turns the events of a turn into the text that `--raw` writes, without the answer.

    The model's own reasoning has no bars: it is there to be read.
    """

    def __init__(self) -> None:
        self._turn = Turn()
        """Of the turn, the view needs the names of the calls."""
        self._depths = Depths()
        self._out = _Written()
        self._view = RawView(self._out)
        self._is_thinking = False

    def feed(self, event: Event) -> str:
        """Return the next piece; empty if there is none."""
        self._depths.feed(event)
        if isinstance(event, ToolCallStarted):
            self._turn = reduce(self._turn, event)
        if isinstance(event, ReasoningDelta):
            self._is_thinking = True
            return sanitize(event.text)
        if not self._is_answer(event):
            self._view.show(self._turn, event)
        return self._take()

    def _take(self) -> str:
        text = self._out.take()
        if text and self._is_thinking:
            self._is_thinking = False
            return f"\n{text}"
        return text

    def _is_answer(self, event: Event) -> bool:
        """Whether the event is part of the content."""
        if isinstance(event, TextDelta | AnswerDelta):
            return not self._depths.is_inside_call
        call_id = getattr(event, "call_id", None)
        return call_id is not None and self._turn.call(call_id).name == ANSWER_TOOL
