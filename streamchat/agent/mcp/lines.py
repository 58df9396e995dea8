"""What a server writes: whole lines of bounded length, and the last ones of them."""

from __future__ import annotations

import re
from collections import deque

from streamchat.text.sanitize import one_line

_STYLES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_LONGEST = 300
"""Characters of a line that is kept."""
_MOST_LINES = 100
_MOST_BYTES = 1 << 15


class LineTooLongError(Exception):
    """A line is longer than the limit."""


class LineSplitter:
    """Splits a stream of bytes into lines, in time proportional to its length.

    Args:
        limit: bytes that a line may have.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that are complete now, without their ends.

        Raises:
            LineTooLongError: the one that has begun is too long.
        """
        *lines, rest = data.split(b"\n")
        if lines:
            lines[0] = b"".join([*self._pieces, lines[0]])
            self._pieces, self._size = [], 0
        self._pieces.append(rest)
        self._size += len(rest)
        if self._size > self._limit:
            raise LineTooLongError
        return lines


class Tail:
    """Keeps the last lines of what a server writes for people to read, at little cost."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)
        self._begun = b""

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that are complete now; of many, the last ones."""
        *lines, self._begun = (self._begun + data)[-_MOST_BYTES:].split(b"\n")
        shown = [shown for each in lines[-_MOST_LINES:] if (shown := _clean(each))]
        self._lines.extend(shown)
        return shown

    @property
    def lines(self) -> list[str]:
        """The last lines, without styles and control characters; none of them is empty."""
        begun = _clean(self._begun)
        return [*self._lines, *([begun] if begun else [])]


def _clean(line: bytes) -> str:
    text = line[: 4 * _LONGEST].decode(errors="replace").rstrip("\r").rpartition("\r")[2]
    return one_line(_STYLES.sub("", text), _LONGEST)
