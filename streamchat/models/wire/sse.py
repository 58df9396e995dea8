"""Decodes server-sent events: bytes in, events out, wherever the bytes are split.

https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6, and a little more
than that: an event that the stream ends in is given out too. There is no I/O here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_LINE_END = re.compile(rb"[\r\n]")
_BOM = b"\xef\xbb\xbf"
MOST_BYTES = 64 * 1024 * 1024
"""The longest event that is read."""


class ServerEvent(NamedTuple):
    """An event: its type, empty for the usual one, and its data, lines joined by line feeds."""

    name: str
    data: str


class TooLongError(Exception):
    """An event has no end within what a client can keep."""


class EventDecoder:
    """Gives out events as their bytes complete them, in linear time.

    Comments, `id` and `retry` are passed over. Bytes that are not UTF-8 become U+FFFD.
    """

    def __init__(self) -> None:
        self._line: list[bytes] = []
        """The pieces of the line that has not ended."""
        self._size = 0
        self._after_return = False
        self._first_line = True
        self._name = ""
        self._data: list[str] = []

    def feed(self, data: bytes) -> Iterator[ServerEvent]:
        """Yields the events that end in this data.

        Raises:
            TooLongError: an event is longer than `MOST_BYTES`.
        """
        start = 0
        for end in _LINE_END.finditer(data):
            is_second_half = self._after_return and end.start() == start and end.group() == b"\n"
            self._after_return = end.group() == b"\r"
            if not is_second_half:
                self._keep(data[start : end.start()])
                yield from self._end_line()
            start = end.end()
        if start < len(data):
            self._after_return = False
            self._keep(data[start:])

    def finish(self) -> Iterator[ServerEvent]:
        """Yields the event that the stream ended in; it may be only a part of one."""
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
        name, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._name = value

    def _end_event(self) -> Iterator[ServerEvent]:
        name, data = self._name, "\n".join(self._data)
        self._name, self._data, self._size = "", [], 0
        if data:
            yield ServerEvent(name, data)
