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
        """Whether some output has not reached the terminal yet."""
        ...

    def write(self, text: str) -> None:
        """Write the text without waiting for the terminal.

        Raises:
            OSError: the terminal is gone.
        """
        ...

    def drain(self) -> None:
        """Wait until all output has reached the terminal.

        Raises:
            OSError: the terminal is gone.
        """
        ...

    def close(self) -> None:
        """Wait until all output has reached the terminal; nothing more is written.

        Raises:
            OSError: the terminal is gone.
        """
        ...


class Tty:
    """The terminal behind a stream.

    It is opened again, so that writing to a slow terminal, or one stopped by Ctrl-S, never blocks.
    The stream's own file description is shared with other programs, which expect writes to block.

    Args:
        stream: a stream on a terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        stream.flush()
        self._stream = stream.fileno()
        self._encoding = stream.encoding
        self._own: int | None = None
        with suppress(OSError):  # inside a container the terminal may have no name
            flags = os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK
            self._own = os.open(os.ttyname(self._stream), flags)
        self._fd = self._stream if self._own is None else self._own
        self._waiting = b""
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def size(self) -> tuple[int, int]:
        size = os.get_terminal_size(self._stream)
        return (size.columns, size.lines) if size.columns and size.lines else _UNKNOWN_SIZE

    @property
    def busy(self) -> bool:
        return bool(self._waiting)

    def write(self, text: str) -> None:
        """Write as much as the terminal takes at once, and the rest when it is ready."""
        self._waiting += text.encode(self._encoding, "replace")
        self._flush()
        if self._waiting and not self._loop:
            with suppress(RuntimeError):  # without a loop, the next write sends the rest
                self._loop = asyncio.get_running_loop()
                self._loop.add_writer(self._fd, self._resume)

    def drain(self) -> None:
        self._stop_waiting()
        while self._waiting:
            select.select([], [self._fd], [])
            self._flush()

    def close(self) -> None:
        try:
            self.drain()
        finally:
            if self._own is not None:
                os.close(self._own)

    def _flush(self) -> None:
        with suppress(BlockingIOError):
            while self._waiting:
                self._waiting = self._waiting[os.write(self._fd, self._waiting) :]

    def _resume(self) -> None:
        with suppress(OSError):  # the next `write` raises it where it can be handled
            self._flush()
            if self._waiting:
                return
        self._stop_waiting()

    def _stop_waiting(self) -> None:
        if self._loop:
            self._loop.remove_writer(self._fd)
            self._loop = None
