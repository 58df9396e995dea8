"""Decodes server-sent events: bytes in, events out, wherever the bytes are split.

https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6. Unlike the
standard, this also yields an event that the end of the stream cuts short. There is no I/O here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_IGNORED = ("", "id", "retry")
_MOST_STRAY = 100
_BOM = b"\xef\xbb\xbf"
MOST_BYTES = 64 * 1024 * 1024
"""The size limit of an event."""


class ServerEvent(NamedTuple):
    """An event: its type, empty by default, and its data, with lines joined by line feeds."""

    name: str
    data: str


class TooLongError(Exception):
    """An event exceeds `MOST_BYTES`."""


class EventDecoder:
    """Yields events as their bytes complete them, in linear time.

    Comments, `id` and `retry` are ignored. A field `error`, which llama.cpp sends, makes an event
    of that type. A line of JSON without a field name is data. Bytes that are not UTF-8 become
    U+FFFD.
    """

    def __init__(self) -> None:
        self._line: list[bytes] = []
        """The pieces of the unfinished line."""
        self._size = 0
        self._after_return = False
        self._first_line = True
        self._name = ""
        self._data: list[str] = []
        self._error: list[str] = []
        self.stray: list[str] = []
        """The lines that are no fields of an event, such as a proxy's message."""

    def feed(self, data: bytes) -> Iterator[ServerEvent]:
        """Yield the events that this data completes.

        Raises:
            TooLongError: an event is longer than `MOST_BYTES`.
        """
        if self._after_return:
            data = data.removeprefix(b"\n")
        self._after_return = data.endswith(b"\r")
        for line in data.splitlines(keepends=True):
            text = line.rstrip(b"\r\n")
            self._keep(text)
            if len(text) < len(line):
                yield from self._end_line()

    def finish(self) -> Iterator[ServerEvent]:
        """Yield the event that the stream ended in; it may be incomplete."""
        yield from self._end_line()
        yield from self._end_event()

    def _keep(self, piece: bytes) -> None:
        self._line.append(piece)
        self._size += len(piece)
        if self._size > MOST_BYTES:
            raise TooLongError

    def _end_line(self) -> Iterator[ServerEvent]:
        line, self._line = b"".join(self._line), []
        if self._first_line:
            line, self._first_line = line.removeprefix(_BOM), False
        if not line:
            yield from self._end_event()
            return
        text = line.decode("utf-8", "replace")
        if text.startswith("{"):
            text = f"data:{text}"
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "error":
            self._error.append(value)
        elif name == "event":
            self._name = value
        elif name not in _IGNORED and len(self.stray) < _MOST_STRAY:
            self.stray.append(text)

    def _end_event(self) -> Iterator[ServerEvent]:
        name, data, error = self._name, "\n".join(self._data), "\n".join(self._error)
        self._name, self._data, self._error, self._size = "", [], [], 0
        if data:
            yield ServerEvent(name, data)
        if error:
            yield ServerEvent("error", error)
