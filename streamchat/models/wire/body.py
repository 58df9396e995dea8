"""Decodes the body of a response into chunks of the API, without I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from html import unescape
from typing import Any, TypeAlias

from streamchat.models.wire.complaint import find_error
from streamchat.models.wire.normalize import find_finish_reason, remove_finish_reason
from streamchat.models.wire.sse import MOST_BYTES, EventDecoder, ServerEvent, TooLongError
from streamchat.text.sanitize import one_line

Chunk: TypeAlias = dict[str, Any]

_DONE = "[DONE]"
_KEEP_ALIVE = ("ping", "heartbeat", "keepalive", "keep-alive")
_BLANK = b" \t\r\n\xef\xbb\xbf"
_SPACE = re.compile(r"[ \t\r\n]*")
_SAMPLE = 120
_MOST_BEGIN = 4 * _SAMPLE
_TITLE = re.compile(r"<(title|h1)\b[^>]*>(.*?)</\1", re.IGNORECASE | re.DOTALL)
_UNSEEN = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>", re.IGNORECASE | re.DOTALL)
# The patterns may scan all of the text for each tag.
_MOST_MARKUP = 10_000


class UnreadableError(Exception):
    """The body is not a chat completion; the message says what it is."""


class ReportedError(Exception):
    """The server reports an error in the body of a successful response.

    Attributes:
        body: the error, of any JSON type.
    """

    def __init__(self, body: object) -> None:
        super().__init__(body)
        self.body = body


class BodyDecoder:
    """Yields chunks as they complete, from a stream of events or from one JSON document."""

    def __init__(self) -> None:
        self.done = False
        """Whether the server has marked the end of the response."""
        self._events = EventDecoder()
        self._begin = b""
        """The beginning of the body, from the first byte that is not blank."""
        self._whole = bytearray()
        self._empty = True
        # Servers may keep a complete body open, but each attempt to parse it takes time.
        self._tries = 50

    @property
    def _kind(self) -> bytes:
        """The first byte. It distinguishes JSON and markup from events."""
        return self._begin[:1]

    @property
    def is_stream(self) -> bool:
        """Whether the body is a stream of events rather than one document."""
        return bool(self._kind) and not self._whole

    def feed(self, data: bytes) -> Iterator[Chunk]:
        """Yield the chunks that this data completes.

        Raises:
            UnreadableError: the data is not a chunk.
            ReportedError: the server reports an error.
        """
        if len(self._begin) < _MOST_BEGIN:
            self._begin = (self._begin + data).lstrip(_BLANK)[:_MOST_BEGIN]
        if self._kind in (b"{", b"[", b"<"):
            # Half a byte order mark may have come before.
            self._whole += data if self._whole else data.lstrip(_BLANK)
            if len(self._whole) > MOST_BYTES:
                raise UnreadableError("the response is too long")
            if self._kind != b"<" and data.rstrip().endswith((b"}", b"]")) and self._tries:
                self._tries -= 1
                yield from self._read_if_whole()
            return
        try:
            for event in self._events.feed(data):
                yield from self._read(event)
        except TooLongError:
            raise UnreadableError("an event is too long") from None

    def finish(self) -> Iterator[Chunk]:
        """Yield the chunks that the end of the body completes.

        Raises:
            UnreadableError: the body is not a chat completion.
            ReportedError: the server reports an error.
        """
        if self._whole and not self.done:
            yield from self._read_whole()
            return
        for event in self._events.finish():
            # The connection may have closed in the middle of it.
            if event.data.strip() == _DONE or event.name == "error" or _parse(event.data):
                yield from self._read(event)
        if self._empty and not self.done:
            sample = one_line(self._begin.decode("utf-8", "replace"), _SAMPLE)
            raise UnreadableError(f"not a chat completion: {sample}" if sample else "it is empty")
        if self._events.stray and not self.done:
            raise ReportedError("\n".join(self._events.stray))

    def _read(self, event: ServerEvent) -> Iterator[Chunk]:
        if self.done or not event.data.strip() or event.name in _KEEP_ALIVE:
            return
        values = _parse(event.data)
        if event.name == "error":
            raise ReportedError(values[0] if values else event.data)
        ends = _DONE in event.data and _DONE in map(str.strip, event.data.split("\n"))
        if not values and not ends:
            sample = one_line(event.data, _SAMPLE)
            raise UnreadableError(f"an event is not JSON: {sample}")
        for value in values:
            yield from self._check(value)
        self.done = ends

    def _read_if_whole(self) -> Iterator[Chunk]:
        values = _load_document(self._whole.decode("utf-8", "replace"))
        # With one object per line, more may follow.
        if values and _ends_document(values[-1]):
            yield from self._read_values(values)

    def _read_whole(self) -> Iterator[Chunk]:
        text = self._whole.decode("utf-8", "replace")
        if self._kind == b"<":
            title = f" ({words})" if (words := one_line(summarize_markup(text), _SAMPLE)) else ""
            raise UnreadableError(
                f"it is a web page{title}; check the base URL, which usually ends in /v1"
            )
        values = _load_document(text)
        if not values:
            raise UnreadableError("the JSON is incomplete")
        yield from self._read_values(values)

    def _read_values(self, values: list[Any]) -> Iterator[Chunk]:
        self.done = True
        for value in values:
            for each in value if isinstance(value, list) else [value]:
                yield from self._check(each)

    def _check(self, value: Any) -> Iterator[Chunk]:
        if value is None:
            return
        if not isinstance(value, dict):
            sample = one_line(json.dumps(value), _SAMPLE)
            raise UnreadableError(f"not a completion chunk: {sample}")
        error = find_error(value)
        if error is None or value.get("choices"):
            self._empty = self._empty and not _is_chunk(value)
            yield value if error is None else remove_finish_reason(value)
        if error is not None:
            raise ReportedError(error)


def _is_chunk(value: Chunk) -> bool:
    """Whether this can be a part of a completion, if only one that says nothing."""
    return not value or not {"choices", "usage", "prompt_progress", "id"}.isdisjoint(value)


def _parse(data: str) -> list[Any]:
    """Return the JSON values of an event: one, or one per line if blank lines are missing."""
    try:
        return [json.loads(data)]
    except (ValueError, RecursionError):
        return _parse_odd(data)


def _parse_odd(data: str) -> list[Any]:
    for parts in ([data], data.split("\n")):
        wanted = [part for part in parts if part.strip() not in ("", _DONE)]
        for number in (int, float):  # Python limits the digits of an int
            with suppress(ValueError, RecursionError):
                return [_load(part, number) for part in wanted]
    return []


def _load(text: str, number: type[int] | type[float]) -> Any:
    return json.loads(text) if number is int else json.loads(text, parse_int=number)


def _load_document(text: str) -> list[Any]:
    """Return the JSON values of a body, mostly one, up to the one that ends it.

    Nothing after that one counts: it may arrive later, when nobody waits for it any more. Nothing
    is returned if a value before it is incomplete.
    """
    for number in (int, float):
        with suppress(ValueError, RecursionError):
            return list(_iterate_values(text, json.JSONDecoder(parse_int=number)))
    return []


def _iterate_values(text: str, decoder: json.JSONDecoder) -> Iterator[Any]:
    at = 0
    while at < len(text) and not text.startswith(_DONE, at):
        value, end = decoder.raw_decode(text, at)
        yield value
        if _ends_document(value):
            return
        space = _SPACE.match(text, end)
        at = space.end() if space else end


def _ends_document(value: object) -> bool:
    failed = isinstance(value, dict) and find_error(value) is not None
    return isinstance(value, list) or failed or bool(find_finish_reason(value))


def summarize_markup(markup: str) -> str:
    """Return the title of a web page, or else its text."""
    markup = markup[:_MOST_MARKUP]
    title = _TITLE.search(markup)
    return " ".join(unescape(_UNSEEN.sub(" ", title.group(2) if title else markup)).split())
