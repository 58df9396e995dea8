"""A terminal to write on without waiting for it."""

from __future__ import annotations

import asyncio
import os
import select
from contextlib import suppress
from typing import Protocol, TextIO

_UNKNOWN_SIZE = (80, 24)


class Terminal(Protocol):
    """What can be painted on."""

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        ...

    @property
    def busy(self) -> bool:
        """Whether it has not yet taken what was written."""
        ...

    def write(self, text: str) -> None:
        """Writes in one go.

        Raises:
            OSError: the terminal is gone.
        """
        ...

    def close(self) -> None:
        """Waits until all is written.

        Raises:
            OSError: the terminal is gone.
        """
        ...


class Tty:
    """The terminal that a stream leads to.

    It is opened anew, so that writing to a slow terminal, or one that Ctrl-S has stopped, holds up
    nothing: the stream's own file is shared with the shell and other programs, and must not be
    made non-blocking under them.

    Args:
        stream: leads to a terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        stream.flush()
        self._stream = stream.fileno()
        self._encoding = stream.encoding
        self._own: int | None = None
        with suppress(OSError):  # a container may have no name for it
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
        """Whether it has not yet taken what was written."""
        return bool(self._waiting)

    def write(self, text: str) -> None:
        """Writes as much as the terminal takes at once, and the rest when it is ready."""
        self._waiting += text.encode(self._encoding, "replace")
        self._flush()
        if self._waiting and not self._loop:
            with suppress(RuntimeError):  # without a loop the rest is written by what comes next
                self._loop = asyncio.get_running_loop()
                self._loop.add_writer(self._fd, self._go_on)

    def close(self) -> None:
        """Waits until all is written."""
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

    def _go_on(self) -> None:
        with suppress(OSError):  # `write` will meet it too, and there somebody can tell of it
            self._flush()
            if self._waiting:
                return
        self._stop_waiting()

    def _stop_waiting(self) -> None:
        if self._loop:
            self._loop.remove_writer(self._fd)
            self._loop = None
