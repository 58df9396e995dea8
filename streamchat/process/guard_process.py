"""The guard's own process: see `guard`.

It must start in no time, so it imports nothing that takes some, not even `typing` or `signal`.
"""

from __future__ import annotations

import marshal
import os
import select
import termios
import time

_LIFELINE = 0
"""Ends when the parent does."""
_TICK = 0.05
"""Seconds after which a signal is unread: the parent's thread reads it at once if it can run."""
_LAST_MOMENT = 0.2
_SIGKILL = 9


def main() -> None:
    """Wait for signals that the parent does not read, and end the parent if it goes on so."""
    task = marshal.loads(os.read(_LIFELINE, 1 << 16))  # noqa: S302  # written by the parent
    parent, fatal, grace, reader, writer, *terminal = task
    while True:
        number = _wait_for_unread(fatal, reader, writer)
        # At once: the parent is about to end, and another signal would end it any moment.
        _restore_terminal(parent, *terminal)
        end = time.monotonic() + grace
        while number in _peek(reader, writer):
            if time.monotonic() > end:
                _kill(parent, number)
            _pause(_TICK)


def _wait_for_unread(fatal: list[int], reader: int, writer: int) -> int:
    while True:
        select.select([_LIFELINE, reader], [], [])
        _pause(_TICK)
        for number in _peek(reader, writer):
            if number in fatal:
                return number


def _peek(reader: int, writer: int) -> bytes:
    """Return the bytes in the pipe, and put them back for the parent."""
    try:
        waiting = os.read(reader, 64)
    except BlockingIOError:
        return b""
    os.write(writer, waiting)
    return waiting


def _pause(seconds: float) -> None:
    """Wait, and exit once the parent has ended."""
    if select.select([_LIFELINE], [], [], seconds)[0]:
        raise SystemExit


def _restore_terminal(
    parent: int, terminal: int, settings: list[int | list[bytes | int]], output: str, modes: bytes
) -> None:
    in_front = _is_in_front(parent, terminal)
    try:
        if settings and in_front:
            termios.tcsetattr(terminal, termios.TCSANOW, settings)
        if output:
            below = b"\r\x1b[J" if in_front else b""  # erases the spinner or the prompt
            os.write(os.open(output, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK), modes + below)
    except (OSError, termios.error):
        return  # the terminal is gone or stopped


def _is_in_front(parent: int, terminal: int) -> bool:
    try:
        return os.tcgetpgrp(terminal) == os.getpgid(parent)
    except OSError:
        return True  # it is not the controlling terminal


def _kill(parent: int, number: int) -> None:
    _pause(0)
    os.kill(parent, number)
    _pause(_LAST_MOMENT)
    os.kill(parent, _SIGKILL)
    raise SystemExit


if __name__ == "__main__":
    main()
