"""Signals that end the program: soon, and with the terminal as it was found."""

from __future__ import annotations

import os
import signal
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

ENDING = (signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 128 + signal.SIGINT
_PATIENCE = 1.2
"""Seconds for an orderly end."""
_SHOWN_CURSOR_AND_NO_MODES = b"\x1b[?2026l\x1b[?2004l\x1b[?25h"

_IGNORED = frozenset(
    number
    for number in (signal.SIGINT, *ENDING)
    if signal.getsignal(number) == signal.SIG_IGN  # nohup, or a job in the background of a script
)

_found: list[Any] = []
"""The terminal's settings as they were at the start."""


def install_exit_handlers() -> None:
    """From now on SIGTERM and SIGHUP end the program by an exception, so that all is put back."""
    with suppress(termios.error, OSError, ValueError, AttributeError):
        if not _found:
            _found.append(termios.tcgetattr(sys.stdin))
    for number in not_ignored(*ENDING):
        with suppress(OSError, ValueError):
            signal.signal(number, _end)


def not_ignored(*numbers: int) -> list[int]:
    """Returns those of the signals that the program was not started to ignore."""
    return [number for number in numbers if number not in _IGNORED]


def _end(number: int, frame: FrameType | None) -> NoReturn:
    force_exit_soon(number)
    raise SystemExit(128 + number)


def force_exit_soon(number: int) -> None:
    """Ends the program after a moment, if it has not ended by then: nothing may hold it up.

    A terminal that was stopped takes no last words, and a library may be busy.
    """
    timer = threading.Timer(_PATIENCE, _leave, [128 + number])
    timer.daemon = True
    timer.start()


def _leave(code: int) -> NoReturn:
    with suppress(termios.error, OSError, ValueError, AttributeError):
        if _found:
            termios.tcsetattr(sys.stdin, termios.TCSANOW, _found[0])
            own = os.open(os.ttyname(sys.stdin.fileno()), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
            os.write(own, _SHOWN_CURSOR_AND_NO_MODES)
    os._exit(code)


@contextmanager
def exit_on_interrupt() -> Iterator[None]:
    """Within, Ctrl-C ends the program: there is nothing to put back yet.

    An exception that comes in the middle of an import is told by some library or other.
    """
    ignored = not not_ignored(signal.SIGINT)
    if ignored or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, _interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupted(number: int, frame: FrameType | None) -> NoReturn:
    with suppress(OSError):
        if os.isatty(2):
            os.write(2, b"\r\x1b[K" if os.environ.get("TERM") not in (None, "", "dumb") else b"\n")
    os._exit(INTERRUPTED)
