"""The content of a reply: what the agent says, as it says it, and nothing twice. Pure."""

from __future__ import annotations

from streamchat.events import (
    ANSWER_TOOL,
    AnswerDelta,
    Event,
    SpeakerChanged,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
    TurnDone,
)

_BREAK = "\n\n"
"""Stands between messages."""


class Depths:
    """Knows whether what is said is said inside a call: by an agent that was called as a tool."""

    def __init__(self) -> None:
        self._depth = 0
        self._started: dict[str, int] = {}
        self._running: dict[str, int] = {}

    def feed(self, event: Event) -> None:
        match event:
            case SpeakerChanged(depth=depth):
                self._depth = depth
            case ToolCallStarted(call_id):
                self._started[call_id] = self._depth
            case ToolStarted(call_id):
                self._running[call_id] = self._started.get(call_id, 0)
            case ToolFinished(call_id):
                self._running.pop(call_id, None)
            case _:
                pass

    @property
    def is_inside_call(self) -> bool:
        return any(self._depth > outer for outer in self._running.values())


class AnswerText:
    """Turns the events of a turn into pieces of content.

    Text is passed on as it arrives, although it may turn out to introduce a call: what has been
    sent cannot be taken back. So each message begins after a blank line. An answer that starts
    again is sent only from where it differs, if it goes on as the one before did.
    """

    def __init__(self) -> None:
        self._depths = Depths()
        self._messages: list[str] = []
        """Those that have ended."""
        self._ends_with_answer = False
        """Whether the last of them is an answer, and not text."""
        self._owner: str | None = None
        """What the message under way is: text, or the answer in a call; None if there is none."""
        self._pieces: list[str] = []
        """What has been sent of it."""
        self._held = ""
        """What has not: white space at its beginning."""
        self._earlier = ""
        """The answer that it may repeat."""
        self._repeated = 0
        """How many characters of that it has repeated."""

    def feed(self, event: Event) -> str:
        """Return the next piece; empty if there is none."""
        self._depths.feed(event)
        if isinstance(event, TurnDone):
            self._end()
            return self._complete(event.answer)
        if self._depths.is_inside_call:
            return ""
        match event:
            case TextDelta(text):
                return self._add(text, "text")
            case AnswerDelta(text, call_id):
                return self._add(text, f"answer {call_id}")
            case ToolCallStarted(name=name) if name == ANSWER_TOOL:
                return ""
            case ToolCallStarted() | StepStarted() | SpeakerChanged():
                self._end()
        return ""

    def _add(self, text: str, owner: str) -> str:
        if owner != self._owner:
            self._end()
            self._owner = owner
            if self._ends_with_answer and owner != "text":
                self._earlier = self._messages[-1]
        if self._earlier:
            return self._repeat(text)
        return self._send(text)

    def _repeat(self, text: str) -> str:
        """Hold back what repeats the earlier answer."""
        earlier, position = self._earlier, self._repeated
        if earlier.startswith(text, position):
            self._repeated += len(text)
            return ""
        self._earlier, self._repeated = "", 0
        if not text.startswith(earlier[position:]):
            return self._send(earlier[:position] + text)
        self._pieces = [self._messages.pop()]
        return self._send(text[len(earlier) - position :])

    def _send(self, text: str) -> str:
        if not self._pieces:
            text = self._held + text
            self._held = "" if text.strip() else text
            if self._held:
                return ""
            text = text.lstrip("\n") if self._messages else text
            self._pieces.append(text)
            return _BREAK + text if self._messages else text
        self._pieces.append(text)
        return text

    def _end(self) -> None:
        """End the message under way; one that only repeats the one before is none."""
        if self._pieces:
            self._messages.append("".join(self._pieces))
            self._ends_with_answer = self._owner != "text"
        self._owner, self._pieces, self._held = None, [], ""
        self._earlier, self._repeated = "", 0

    def _complete(self, answer: str) -> str:
        """Return what is missing of the answer, which may not have been streamed."""
        if not answer.strip() or any(answer.strip() == each.strip() for each in self._messages):
            return ""
        last = self._messages[-1] if self._messages else ""
        if last and answer.startswith(last):
            return answer[len(last) :]
        return self._send(answer)
