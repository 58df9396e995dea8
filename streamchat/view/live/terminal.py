"""A terminal that is written to without blocking."""

from __future__ import annotations

import asyncio
import os
import select
from contextlib import suppress
from typing import Protocol, TextIO

_UNKNOWN_SIZE = (80, 24)


class Terminal(Protocol):
    """A surface to paint on."""

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        ...

    @property
    def busy(self) -> bool:
        """Whether some of what was written is still waiting."""
        ...

    def write(self, text: str) -> None:
        """Write in one go.

        Raises:
            OSError: the terminal is gone.
        """
        ...

    def close(self) -> None:
        """Wait until everything is written.

        Raises:
            OSError: the terminal is gone.
        """
        ...


class Tty:
    """The terminal behind a stream.

    It is opened again, so that writing to a slow terminal, or one stopped by Ctrl-S, never blocks:
    the stream's own file is shared with the shell and other programs, which expect it to block.

    Args:
        stream: a stream on a terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        stream.flush()
        self._stream = stream.fileno()
        self._encoding = stream.encoding
        self._own: int | None = None
        with suppress(OSError):  # it may have no name inside a container
            flags = os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK
            self._own = os.open(os.ttyname(self._stream), flags)
        self._fd = self._stream if self._own is None else self._own
        self._waiting = b""
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        size = os.get_terminal_size(self._stream)
        return (size.columns, size.lines) if size.columns and size.lines else _UNKNOWN_SIZE

    @property
    def busy(self) -> bool:
        """Whether some of what was written is still waiting."""
        return bool(self._waiting)

    def write(self, text: str) -> None:
        """Write as much as the terminal takes at once, and the rest when it is ready."""
        self._waiting += text.encode(self._encoding, "replace")
        self._flush()
        if self._waiting and not self._loop:
            with suppress(RuntimeError):  # without a loop the next write takes the rest along
                self._loop = asyncio.get_running_loop()
                self._loop.add_writer(self._fd, self._resume)

    def close(self) -> None:
        self._stop_waiting()
        try:
            while self._waiting:
                select.select([], [self._fd], [])
                self._flush()
        finally:
            if self._own is not None:
                os.close(self._own)

    def _flush(self) -> None:
        with suppress(BlockingIOError):
            while self._waiting:
                self._waiting = self._waiting[os.write(self._fd, self._waiting) :]

    def _resume(self) -> None:
        with suppress(OSError):  # `write` meets it too, and can raise it
            self._flush()
            if self._waiting:
                return
        self._stop_waiting()

    def _stop_waiting(self) -> None:
        if self._loop:
            self._loop.remove_writer(self._fd)
            self._loop = None
