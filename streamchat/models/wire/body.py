"""Decodes the body of a response into chunks of the API, whatever the server made of it: no I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from html import unescape
from typing import Any, TypeAlias

from streamchat.models.wire.normalize import finish_reason
from streamchat.models.wire.sse import MOST_BYTES, EventDecoder, ServerEvent, TooLongError
from streamchat.text.sanitize import one_line

Chunk: TypeAlias = dict[str, Any]

_DONE = "[DONE]"
_BLANK = b" \t\r\n\xef\xbb\xbf"
_SAMPLE = 120
_TITLE = re.compile(r"<(title|h1)\b[^>]*>(.*?)</\1", re.IGNORECASE | re.DOTALL)
_UNSEEN = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>", re.IGNORECASE | re.DOTALL)
# The patterns may look at all of it for each tag.
_MOST_MARKUP = 10_000


class UnreadableError(Exception):
    """What came is no answer; the message says what it is."""


class ReportedError(Exception):
    """The server tells of an error in the middle of its answer.

    Attributes:
        body: what it says, of any JSON type.
    """

    def __init__(self, body: object) -> None:
        super().__init__(body)
        self.body = body


class BodyDecoder:
    """Gives out chunks as they are complete: of a stream of events, or of one JSON object."""

    def __init__(self) -> None:
        self.done = False
        """Whether the server has said that this was all."""
        self._events = EventDecoder()
        self._seen = b""
        self._kind = b""
        """The first byte that is not blank: it tells JSON and markup from events."""
        self._whole = bytearray()
        self._empty = True
        # A body that is whole need not end; but to look whether it is takes time.
        self._tries = 50

    @property
    def is_stream(self) -> bool:
        """Whether what came is a stream of events, and not one text."""
        return bool(self._kind) and not self._whole

    def feed(self, data: bytes) -> Iterator[Chunk]:
        """Yields the chunks that end in this data.

        Raises:
            UnreadableError: it is no chunk.
            ReportedError: it tells of an error.
        """
        if not self._kind or len(self._seen) < _SAMPLE:
            self._seen += data[:_SAMPLE]
        if not self._kind:
            self._kind = data.lstrip(_BLANK)[:1]
        if self._kind in (b"{", b"[", b"<"):
            self._whole += data
            if len(self._whole) > MOST_BYTES:
                raise UnreadableError("more than can be kept")
            if self._kind != b"<" and data.rstrip().endswith((b"}", b"]")) and self._tries:
                self._tries -= 1
                yield from self._read_if_whole()
            return
        try:
            for event in self._events.feed(data):
                yield from self._read(event)
        except TooLongError:
            raise UnreadableError("an event without an end") from None

    def finish(self) -> Iterator[Chunk]:
        """Yields what the end of the body completes.

        Raises:
            UnreadableError: the whole is no answer.
            ReportedError: it tells of an error.
        """
        if self._whole and not self.done:
            yield from self._read_whole()
            return
        for event in self._events.finish():
            # The body may have broken off within it.
            if event.data.strip() == _DONE or _parsed(event.data):
                yield from self._read(event)
        if self._empty and not self.done:
            sample = one_line(self._seen.decode("utf-8", "replace"), _SAMPLE)
            raise UnreadableError(f"no answer but: {sample}" if sample else "an empty answer")

    def _read(self, event: ServerEvent) -> Iterator[Chunk]:
        if self.done or not event.data.strip():
            return
        values = _parsed(event.data)
        if event.name == "error":
            raise ReportedError(values[0] if values else event.data)
        ends = _DONE in map(str.strip, event.data.split("\n"))
        if not values and not ends:
            sample = one_line(event.data, _SAMPLE)
            raise UnreadableError(f"an event that is not JSON: {sample}")
        for value in values:
            yield from self._checked(value)
        self.done = ends

    def _read_if_whole(self) -> Iterator[Chunk]:
        try:
            value = json.loads(self._whole)
        except (ValueError, RecursionError):
            return
        # Of several objects on lines of their own, others may follow.
        told = isinstance(value, dict) and "error" in value
        if isinstance(value, list) or told or finish_reason(value):
            yield from self._read_whole()

    def _read_whole(self) -> Iterator[Chunk]:
        text = self._whole.decode("utf-8-sig", "replace")
        if self._kind == b"<":
            title = f" ({words})" if (words := one_line(summarize_markup(text), _SAMPLE)) else ""
            raise UnreadableError(f"a web page{title}; is the address right? Many end in /v1")
        values = _parsed(text)
        if not values:
            raise UnreadableError("JSON that was cut off")
        for value in values[0] if isinstance(values[0], list) else values:
            yield from self._checked(value)
        self.done = True

    def _checked(self, value: Any) -> Iterator[Chunk]:
        if value is None:
            return
        if not isinstance(value, dict):
            sample = one_line(json.dumps(value), _SAMPLE)
            raise UnreadableError(f"JSON that is no part of an answer: {sample}")
        if error := value.get("error"):
            raise ReportedError(error)
        if value.get("object") == "error" or value.get("type") == "error":
            raise ReportedError(value)
        self._empty = False
        yield value


def _parsed(data: str) -> list[Any]:
    """Returns the JSON values in an event: one, or one a line if the lines between are missing."""
    for parts in ([data], data.split("\n")):
        wanted = [part for part in parts if part.strip() not in ("", _DONE)]
        for number in (int, float):  # for whole numbers longer than Python takes
            with suppress(ValueError, RecursionError):
                return [_load(part, number) for part in wanted]
    return []


def _load(text: str, number: type[int] | type[float]) -> Any:
    return json.loads(text) if number is int else json.loads(text, parse_int=number)


def summarize_markup(markup: str) -> str:
    """Returns what a web page is about: its title, or its text."""
    markup = markup[:_MOST_MARKUP]
    title = _TITLE.search(markup)
    return " ".join(unescape(_UNSEEN.sub(" ", title.group(2) if title else markup)).split())
