"""Films of the live view: recorded on a terminal that is not there, and written to files."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import NamedTuple


class Size(NamedTuple):
    """The size of a terminal."""

    columns: int
    lines: int


class Frame(NamedTuple):
    """What is written to the terminal, and when, in seconds since the film began."""

    at: float
    text: str


class FilmTerminal:
    """A terminal that takes down what is written to it.

    Args:
        size: its size.
        clock: tells seconds.
    """

    busy = False

    def __init__(self, size: Size, clock: Callable[[], float]) -> None:
        self.size = size
        self.frames: list[Frame] = []
        self._clock = clock

    def write(self, text: str) -> None:
        if text:
            self.frames.append(Frame(self._clock(), text))

    def drain(self) -> None:
        """Do nothing: nothing waits."""

    def close(self) -> None:
        """Do nothing: it stays open for the next turn."""


class FilmStream(io.StringIO):
    """Standard output on such a terminal."""

    encoding = "utf-8"

    def __init__(self, terminal: FilmTerminal) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._terminal.write(text.replace("\n", "\r\n"))
        return len(text)
