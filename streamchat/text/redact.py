"""Keeps secrets out of events: servers and models repeat what they were sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any

from streamchat.events import (
    AnswerDelta,
    ArgumentsDelta,
    ChunkReceived,
    Event,
    ReasoningDelta,
    TextDelta,
    ToolCallStarted,
)
from streamchat.text.sanitize import REDACTED

_SHORTEST = 6
_MOST_SHOWN = 3
_NO_SECRETS = frozenset(
    {"ollama", "lm-studio", "no-key", "not-needed", "no-key-needed", "sk-no-key-required"}
)


class StreamRedactor:
    """Blots a secret out of text that comes in pieces, wherever it is split.

    What may be the beginning of the secret is held back; but its first three characters are always
    given out, so that pieces of other text stay as they came, and any split gives the same.

    Args:
        secret: not empty.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._begun = ""
        """The end of the text so far that the secret may have begun in."""
        self._shown = 0
        """How much of that was given out."""

    def feed(self, text: str) -> str:
        """Returns what can be shown now."""
        text, shown = self._begun + text, self._shown
        pieces = []
        position = 0
        while (found := text.find(self._secret, position)) >= 0:
            pieces += [text[max(position, shown) : found + _MOST_SHOWN], REDACTED]
            position = found + len(self._secret)
        begin = max(position, len(text) - self._overlap(text[position:]))
        position = max(position, shown)
        shown_to = max(min(begin + _MOST_SHOWN, len(text)), position)
        pieces.append(text[position:shown_to])
        self._begun, self._shown = text[begin:], max(shown_to - begin, 0)
        return "".join(pieces)

    def finish(self) -> str:
        """Returns what was held back: not the secret, but if it is most of it, nobody needs it."""
        held, begun = self._begun[self._shown :], self._begun
        self._begun, self._shown = "", 0
        return REDACTED if held and len(begun) > len(self._secret) // 2 else held

    def _overlap(self, text: str) -> int:
        """Returns how long the beginning of the secret is that the text ends with."""
        text = text[1 - len(self._secret) :]
        at = text.find(self._secret[0])
        while at >= 0 and not self._secret.startswith(text[at:]):
            at = text.find(self._secret[0], at + 1)
        return len(text) - at if at >= 0 else 0


def _ended(masks: Iterable[StreamRedactor], text: str = "") -> str:
    """Returns the last text of a channel, with what each of its masks has held back."""
    for mask in masks:
        text = mask.feed(text) + mask.finish()
    return text


class EventRedactor:
    """Blots secrets out of the events of a turn.

    Args:
        secrets: short ones are passed over, and the words that stand for a key where none is
            needed: they may be words of the answer.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = [
            each for each in secrets if len(each) >= _SHORTEST and each not in _NO_SECRETS
        ]
        self._channels: dict[
            tuple[object, ...], tuple[list[StreamRedactor], Callable[[str], Event]]
        ]
        self._channels = {}

    def feed(self, event: Event) -> list[Event]:
        """Returns the event as it can be shown, and before it what was held back until now."""
        if not self._secrets:
            return [event]
        match event:
            case TextDelta(text):
                return self._piece(("text",), text, TextDelta)
            case ReasoningDelta(text):
                return self._piece(("reasoning",), text, ReasoningDelta)
            case AnswerDelta(text, call_id):
                call_id = self.text(call_id)
                return self._piece(
                    ("answer", call_id), text, lambda text: AnswerDelta(text, call_id)
                )
            case ArgumentsDelta(call_id, fragment):
                call_id = self.text(call_id)
                return self._piece(
                    ("arguments", call_id), fragment, lambda text: ArgumentsDelta(call_id, text)
                )
            case ChunkReceived() | ToolCallStarted():
                return [self._cleaned(event)]
            case _:
                return [*self._held(), self._cleaned(event)]

    def text(self, text: str) -> str:
        """Returns a text that is whole without the secrets, just as if it had come in pieces."""
        return _ended(map(StreamRedactor, self._secrets), text)

    def _piece(
        self, channel: tuple[object, ...], text: str, make: Callable[[str], Event]
    ) -> list[Event]:
        masks, _ = self._channels.setdefault(
            channel, ([StreamRedactor(secret) for secret in self._secrets], make)
        )
        for mask in masks:
            text = mask.feed(text)
        return [make(text)] if text else []

    def _held(self) -> list[Event]:
        events = []
        for masks, make in self._channels.values():
            text = _ended(masks)
            events += [make(text)] if text else []
        self._channels = {}
        return events

    def _cleaned(self, event: Event) -> Event:
        values = {field.name: self._clean(getattr(event, field.name)) for field in fields(event)}
        return type(event)(**values)

    def _clean(self, value: Any) -> Any:
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return {self._clean(name): self._clean(each) for name, each in value.items()}
            case list() | tuple():
                return type(value)(map(self._clean, value))
            case _:
                return value
