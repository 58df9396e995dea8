"""Signals that end the program: promptly, and with the terminal as it was before.

A signal that was ignored when the program started, as under nohup or in a background job of a
script, stays ignored.
"""

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

from streamchat.process.tty import is_dumb

TERMINATION_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
EXIT_INTERRUPTED = 128 + signal.SIGINT
_GRACE = 1.2
"""Seconds that an orderly exit may take."""
_SHOW_CURSOR_AND_LEAVE_MODES = b"\x1b[?2026l\x1b[?2004l\x1b[?25h"

_ignored_at_start = frozenset(
    number
    for number in (signal.SIGINT, *TERMINATION_SIGNALS)
    if signal.getsignal(number) == signal.SIG_IGN
)
_settings_at_start: list[Any] = []
"""The terminal's settings, if standard input is a terminal."""


def install_exit_handlers() -> None:
    """Let SIGTERM and SIGHUP raise SystemExit, so that cleanup runs before the program ends."""
    with suppress(termios.error, OSError, ValueError, AttributeError):
        if not _settings_at_start:
            _settings_at_start.append(termios.tcgetattr(sys.stdin))
    for number in drop_ignored(*TERMINATION_SIGNALS):
        with suppress(OSError, ValueError):
            signal.signal(number, _exit)


def drop_ignored(*numbers: int) -> list[int]:
    """Return the signals without those that were ignored when the program started."""
    return [number for number in numbers if number not in _ignored_at_start]


def _exit(number: int, frame: FrameType | None) -> NoReturn:
    force_exit_soon(number)
    raise SystemExit(128 + number)


def force_exit_soon(number: int) -> None:
    """End the process for this signal in a moment, unless it has ended by itself.

    An orderly exit can get stuck: a terminal stopped by Ctrl-S takes no output, and a library may
    be busy.
    """
    timer = threading.Timer(_GRACE, _force_exit, [128 + number])
    timer.daemon = True
    timer.start()


def _force_exit(code: int) -> NoReturn:
    with suppress(termios.error, OSError, ValueError, AttributeError):
        if _settings_at_start:
            termios.tcsetattr(sys.stdin, termios.TCSANOW, _settings_at_start[0])
            name = os.ttyname(sys.stdin.fileno())
            terminal = os.open(name, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
            os.write(terminal, _SHOW_CURSOR_AND_LEAVE_MODES)
    os._exit(code)


@contextmanager
def exit_on_interrupt() -> Iterator[None]:
    """Let Ctrl-C end the process at once, while there is nothing to clean up.

    KeyboardInterrupt would not do: some libraries swallow exceptions raised during import.
    """
    ignored = not drop_ignored(signal.SIGINT)
    if ignored or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, _exit_at_once)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _exit_at_once(number: int, frame: FrameType | None) -> NoReturn:
    with suppress(OSError):
        if os.isatty(2):
            os.write(2, b"\n" if is_dumb() else b"\r\x1b[K")  # removes the spinner
    os._exit(EXIT_INTERRUPTED)
