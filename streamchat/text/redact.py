"""Keeps secrets out of everything that is shown, stored or logged.

Servers and models repeat what they were sent, and users paste keys into questions. One `Redactor`
knows the process's secrets; whole texts, streams and events all follow its policy:

- A secret becomes its first three characters and `***`, so that a stream never holds back more
  than it must and any split of a text gives the same result.
- Words that stand for a key where none is needed (`ollama`, `EMPTY`, `lm-studio`, ...) and anything
  shorter than six characters are not secrets: redacting them would corrupt ordinary text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, TypeAlias

from streamchat.events import (
    AnswerDelta,
    ApprovalGiven,
    ApprovalRequested,
    ArgumentsDelta,
    ChunkReceived,
    CodeDelta,
    Event,
    Notice,
    OutputReceived,
    PromptProgress,
    ReasoningDelta,
    SpeakerChanged,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
)

REDACTED = "***"
_SHORTEST = 6
_MOST_SHOWN = 3
_PLACEHOLDERS = frozenset(
    {
        *("ollama", "lm-studio", "lmstudio", "llama.cpp", "llamacpp", "koboldcpp", "localhost"),
        *("anything", "changeme", "placeholder", "whatever", "no-key", "nokey", "not-needed"),
        *("no-key-needed", "no-key-required", "not-required", "not-used", "unused", "optional"),
        *("sk-no-key-required", "sk-not-needed", "your-api-key", "api-key", "apikey", "secret"),
    }
)
_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s]*@")
_Channel: TypeAlias = tuple[str, ...]
_TEXTS: tuple[_Channel, ...] = (("text",), ("reasoning",), ("code",))
"""The channels that end with a message."""
_PASSING = (ChunkReceived, Notice, OutputReceived, PromptProgress, ToolCallStarted)
"""What may come in the middle of any text."""


def is_secret(text: str | None) -> bool:
    """Whether a configured key or password is worth redacting: see the policy above."""
    return text is not None and len(text) >= _SHORTEST and text.lower() not in _PLACEHOLDERS


def redact_url_credentials(text: str) -> str:
    """Return the text with the user names and passwords in its URLs redacted."""
    return _CREDENTIALS.sub(f"{REDACTED}@", text)


class Redactor:
    """Knows the secrets of a process and redacts them.

    Share one: whoever learns a secret later, such as a key typed at a prompt, calls `learn`, and
    every text and stream from then on is redacted.

    Args:
        secrets: those that `is_secret` rejects are ignored.
    """

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        self._secrets: list[str] = []
        self.learn(*secrets)

    def learn(self, *secrets: str | None) -> None:
        """Add secrets to redact from now on."""
        found = {each for each in secrets if each and is_secret(each)}
        # The longest first: one secret may be a part of another.
        self._secrets = sorted({*self._secrets, *found}, key=lambda each: (-len(each), each))

    @property
    def has_secrets(self) -> bool:
        return bool(self._secrets)

    def redact(self, text: str) -> str:
        """Return the text with secrets redacted, exactly as a stream of it would be."""
        return _finish(self.open_streams(), self._redact_cut_off(text))

    def contains_secret(self, text: str) -> bool:
        return any(secret in text for secret in self._secrets)

    def open_streams(self) -> list[StreamRedactor]:
        """Return a new stream redactor for each secret; apply them in order."""
        return [StreamRedactor(secret) for secret in self._secrets]

    def _redact_cut_off(self, text: str) -> str:
        """Redact what is left of a secret where a long text was cut off with `…`."""
        for secret in self._secrets if "…" in text else ():
            for size in range(len(secret) - 1, _MOST_SHOWN, -1):
                text = text.replace(f"{secret[:size]}…", f"{secret[:_MOST_SHOWN]}{REDACTED}…")
        return text


class StreamRedactor:
    """Redacts one secret in a stream of text, wherever the stream is split.

    Text that may be the beginning of the secret is held back, except for its first three
    characters.

    Args:
        secret: must not be empty.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._tail = ""
        """The end of the text so far, if it may be the beginning of the secret."""
        self._shown = 0
        """How many of its characters have been returned."""

    def feed(self, text: str) -> str:
        """Return what can be shown now."""
        text, shown = self._tail + text, self._shown
        pieces = []
        position = 0
        while (found := text.find(self._secret, position)) >= 0:
            pieces += [text[max(position, shown) : found + _MOST_SHOWN], REDACTED]
            position = found + len(self._secret)
        begin = max(position, len(text) - self._overlap(text[position:]))
        position = max(position, shown)
        shown_to = max(min(begin + _MOST_SHOWN, len(text)), position)
        pieces.append(text[position:shown_to])
        self._tail, self._shown = text[begin:], max(shown_to - begin, 0)
        return "".join(pieces)

    def finish(self) -> str:
        """Return what was held back, or `***` if that is most of the secret."""
        held, tail = self._tail[self._shown :], self._tail
        self._tail, self._shown = "", 0
        return REDACTED if held and len(tail) > len(self._secret) // 2 else held

    def _overlap(self, text: str) -> int:
        """Return the length of the longest beginning of the secret that the text ends with."""
        text = text[1 - len(self._secret) :]
        at = text.find(self._secret[0])
        while at >= 0 and not self._secret.startswith(text[at:]):
            at = text.find(self._secret[0], at + 1)
        return len(text) - at if at >= 0 else 0


def _finish(streams: Iterable[StreamRedactor], text: str = "") -> str:
    """Return the last text of a channel, including what its streams held back."""
    for stream in streams:
        text = stream.feed(text) + stream.finish()
    return text


class EventRedactor:
    """Redacts the events of one turn; each channel of deltas is a stream of its own.

    What is held back of a channel is released at its end and no earlier: while one node of a graph
    writes, others print and finish calls, and either half of a secret would pass.
    """

    def __init__(self, redactor: Redactor | None = None) -> None:
        self._redactor = redactor or Redactor()
        self._channels: dict[_Channel, tuple[list[StreamRedactor], Callable[[str], Event]]] = {}

    def feed(self, event: Event) -> list[Event]:
        """Return the redacted event, preceded by the text held back of channels that it ends."""
        if not self._redactor.has_secrets:
            return [event]
        match event:
            case TextDelta(text):
                return self._feed_delta(("text",), text, TextDelta)
            case ReasoningDelta(text):
                return self._feed_delta(("reasoning",), text, ReasoningDelta)
            case CodeDelta(text):
                return self._feed_delta(("code",), text, CodeDelta)
            case AnswerDelta(text, call_id):
                call_id = self._redactor.redact(call_id)
                return self._feed_delta(
                    ("answer", call_id), text, lambda text: AnswerDelta(text, call_id)
                )
            case ArgumentsDelta(call_id, fragment):
                call_id = self._redactor.redact(call_id)
                return self._feed_delta(
                    ("arguments", call_id), fragment, lambda text: ArgumentsDelta(call_id, text)
                )
            case _:
                return [*self._flush(self._find_ended(event)), self._redact_fields(event)]

    def _find_ended(self, event: Event) -> Iterable[_Channel]:
        match event:
            case _ if isinstance(event, _PASSING):
                return ()
            case StepStarted() | StepFinished() | SpeakerChanged():
                return _TEXTS
            case (
                ToolStarted(call_id)
                | ToolFinished(call_id)
                | ApprovalRequested(call_id)
                | ApprovalGiven(call_id)
            ):
                call_id = self._redactor.redact(call_id)
                return ("arguments", call_id), ("answer", call_id)
            case _:
                return tuple(self._channels)

    def _feed_delta(
        self, channel: _Channel, text: str, make: Callable[[str], Event]
    ) -> list[Event]:
        if channel not in self._channels:
            self._channels[channel] = self._redactor.open_streams(), make
        for stream in self._channels[channel][0]:
            text = stream.feed(text)
        return [make(text)] if text else []

    def _flush(self, channels: Iterable[_Channel]) -> list[Event]:
        events = []
        for channel in channels:
            streams, make = self._channels.pop(channel, ((), TextDelta))
            text = _finish(streams)
            events += [make(text)] if text else []
        return events

    def _redact_fields(self, event: Event) -> Event:
        values = {field.name: self._redact(getattr(event, field.name)) for field in fields(event)}
        return type(event)(**values)

    def _redact(self, value: Any) -> Any:
        match value:
            case str():
                return self._redactor.redact(value)
            case Mapping():
                return {self._redact(name): self._redact(each) for name, each in value.items()}
            case list() | tuple():
                return type(value)(map(self._redact, value))
            case _:
                return value
