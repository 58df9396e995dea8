"""The text messages and the reasoning of a run."""

from __future__ import annotations

from collections.abc import Iterator

from streamchat.serve.agui.writing import Deltas, write_custom, write_event


class Texts:
    """Writes the events of texts; at most one message and one reasoning are open.

    Args:
        ids: for the messages.
    """

    def __init__(self, ids: Iterator[str]) -> None:
        self._ids = ids
        self._message = self._open = self._reasoning = ""
        """The IDs of the model's message, of the open text and reasoning; empty for none."""
        self._answering = ""
        """The call in which the answer arrives."""
        self._deltas = self._thoughts = Deltas("")
        self._shown_id = ""
        self._shown: list[str] = []
        """The text of the message that was last begun, in pieces."""

    @property
    def message_id(self) -> str:
        """The ID of the model's current message: its text and its calls have it."""
        self._message = self._message or next(self._ids)
        return self._message

    def add_text(self, text: str) -> list[bytes]:
        if not self._open or self._open != self._message:
            return self._begin(self.message_id, text)
        self._shown.append(text)
        return [self._deltas.write(text)]

    def add_answer(self, text: str, call_id: str) -> list[bytes]:
        """Add to the answer that is written in a call: a message of its own."""
        if call_id != self._answering or not self._open:
            self._answering = call_id
            return self._begin(next(self._ids), text)
        self._shown.append(text)
        return [self._deltas.write(text)]

    def add_reasoning(self, text: str) -> list[bytes]:
        if self._reasoning:
            return [self._thoughts.write(text)]
        self._reasoning = id = next(self._ids)
        self._thoughts = Deltas("REASONING_MESSAGE_CONTENT", messageId=id)
        return [
            write_event("REASONING_START", messageId=id),
            write_event("REASONING_MESSAGE_START", messageId=id, role="reasoning"),
            self._thoughts.write(text),
        ]

    def refuse_answer(self, error: str) -> list[bytes]:
        """Retract the answer so far: the model learns why, and writes another one."""
        message = self._shown_id if self._answering else ""
        self._answering, self._shown = "", []
        refused = write_custom("answer_refused", messageId=message, error=error)
        return [*self._close_text(), refused]

    def complete(self, answer: str) -> list[bytes]:
        """Add the whole answer as a message, unless the last message is the answer."""
        if not answer or "".join(self._shown).strip() == answer.strip():
            return []
        return [*self._begin(next(self._ids), answer), *self._close_text()]

    def close(self) -> list[bytes]:
        """End the model's message."""
        self._message = ""
        return [*self.close_reasoning(), *self._close_text()]

    def close_reasoning(self) -> list[bytes]:
        id, self._reasoning = self._reasoning, ""
        if not id:
            return []
        ends = ("REASONING_MESSAGE_END", "REASONING_END")
        return [write_event(end, messageId=id) for end in ends]

    def _begin(self, id: str, text: str) -> list[bytes]:
        events = [*self.close_reasoning(), *self._close_text()]
        if id != self._shown_id:
            self._shown_id, self._shown = id, []
        self._shown.append(text)
        self._open = id
        self._deltas = Deltas("TEXT_MESSAGE_CONTENT", messageId=id)
        start = write_event("TEXT_MESSAGE_START", messageId=id, role="assistant")
        return [*events, start, self._deltas.write(text)]

    def _close_text(self) -> list[bytes]:
        id, self._open = self._open, ""
        return [write_event("TEXT_MESSAGE_END", messageId=id)] if id else []
